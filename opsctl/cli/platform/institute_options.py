"""The options of `up` for accounts whose institute sets rules."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from opsctl.cli.option_groups import OptionGroup

#: Typer's options, under one heading of the help page.
_option = partial(typer.Option, rich_help_panel="Where an institute sets rules (docs/institute.md)")


class InstituteOptions(OptionGroup):
    """An existing network, a key, names, tags and a boundary (docs/institute.md)."""

    vpc_id: Annotated[
        str | None,
        _option(
            "--vpc-id",
            metavar="VPC",
            help="Use this existing VPC, which is checked and never changed. `default`: create one.",
        ),
    ] = None
    subnet_id: Annotated[
        list[str] | None,
        _option("--subnet-id", metavar="SUBNET", help="A subnet of --vpc-id for the instances. May be repeated."),
    ] = None
    kms_key: Annotated[
        str | None,
        _option(
            "--kms-key",
            metavar="KEY",
            help="The KMS key (ARN, id or alias) that encrypts everything. `default`: AWS's own keys.",
        ),
    ] = None
    name_prefix: Annotated[
        str | None,
        _option("--name-prefix", metavar="TEXT-", help="A prefix for every name, before opsctl-."),
    ] = None
    role_path: Annotated[
        str | None, _option("--role-path", metavar="/PATH/", help="The IAM path of the roles. `default`: /.")
    ] = None
    permissions_boundary: Annotated[
        str | None,
        _option(
            "--permissions-boundary",
            metavar="ARN",
            help="The permissions boundary of the three roles. `default`: none.",
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        _option(
            "--tag",
            metavar="KEY=VALUE",
            help="A tag for everything that is created. May be repeated. `none`: no other.",
        ),
    ] = None

    @property
    def typed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The typed ones as options and as variables (`opsctl.core.platform.institute.typed_institute_options`)."""
        from opsctl.core.platform.institute import typed_institute_options

        return typed_institute_options(
            subnet_ids=self.subnet_id,
            tags=self.tag,
            vpc_id=self.vpc_id,
            kms_key=self.kms_key,
            name_prefix=self.name_prefix,
            role_path=self.role_path,
            permissions_boundary=self.permissions_boundary,
        )
