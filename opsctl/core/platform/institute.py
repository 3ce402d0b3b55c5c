"""Options of `up` for accounts whose institute sets rules: an existing network, a key, names, tags, a boundary."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.core.diagnosis.account.at_once import MODEL_SIZES
from opsctl.core.errors import UsageProblem
from opsctl.core.platform.network import NetworkNeeds
from opsctl.core.platform.options import DEFAULT, NONE, PlatformOptions
from opsctl.core.platform.platform import resource_prefix

#: The variables of the platform's own network.
_OWN_NETWORK = ("zones", "vpc_cidr")
_LONGEST_BUCKET = 63
_LONGEST_ROLE = 64
_LONGEST_ROLE_ENDING = "-instance"

_TAG = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_FORMS = {
    "vpc_id": (r"vpc-[0-9a-f]{8,17}", "the id of a VPC, such as vpc-0123456789abcdef0"),
    "role_path": (r"/([A-Za-z0-9+=,.@_-]+/)*", "a path that begins and ends with a slash, such as /lab/"),
    "name_prefix": (
        r"[a-z][a-z0-9]*(-[a-z0-9]+)*-",
        "lower-case letters, digits and single hyphens, a letter first and a hyphen last, such as lab-",
    ),
    "permissions_boundary": (
        r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+",
        "the ARN of an IAM policy, such as arn:aws:iam::ACCOUNT:policy/NAME",
    ),
}
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")


def typed_institute_options(
    *, subnet_ids: Sequence[str] | None, tags: Sequence[str] | None, **others: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the typed options; None as an argument means not typed.

    Returns
    -------
    tuple of dict
        The options of `PlatformOptions`, and the variables of terraform/platform.

    Raises
    ------
    UsageProblem
        If a value has another form.
    """
    typed: dict[str, Any] = {}
    for name, value in others.items():
        if value is not None:
            typed[name] = None if value == DEFAULT else _checked(name, value)
    if typed.get("vpc_id", "") is None and not subnet_ids:
        typed["subnet_ids"] = []
    if subnet_ids:
        wrong = [subnet_id for subnet_id in subnet_ids if not _SUBNET.fullmatch(subnet_id)]
        if wrong:
            raise UsageProblem(
                f"--subnet-id {wrong[0]}: it must be the id of a subnet, such as subnet-0123456789abcdef0."
            )
        typed["subnet_ids"] = list(dict.fromkeys(subnet_ids))
    return typed, _tags(tags)


def _checked(name: str, value: str) -> str:
    pattern, form = _FORMS.get(name, ("(?s).+", "not empty"))
    if not re.fullmatch(pattern, value):
        raise UsageProblem(f"--{name.replace('_', '-')} {value}: it must be {form}; `default` takes it back.")
    return value


def _tags(tags: Sequence[str] | None) -> dict[str, Any]:
    if not tags:
        return {}
    if NONE in tags:
        if len(tags) > 1:
            raise UsageProblem("--tag none takes all of them back: no other tag beside it.")
        return {"tags": None}
    pairs = [_TAG.fullmatch(tag) for tag in tags]
    for tag, pair in zip(tags, pairs, strict=True):
        if pair is None:
            raise UsageProblem(f"--tag {tag}: it must be KEY=VALUE, such as --tag CostCenter=4711.")
    return {"tags": {pair[1]: pair[2] for pair in pairs if pair is not None}}


def check_together(options: PlatformOptions) -> None:
    """Refuse options that do not go together, and names that AWS would refuse in the middle of an apply.

    Raises
    ------
    UsageProblem
        Names the options.
    """
    if options.vpc_id and not options.subnet_ids:
        raise UsageProblem("--vpc-id needs the subnets in which instances start: name each with --subnet-id.")
    if options.subnet_ids and not options.vpc_id:
        raise UsageProblem("--subnet-id needs the VPC of the subnets: name it with --vpc-id.")
    own = [name for name in _OWN_NETWORK if name in options.variables]
    if options.vpc_id and own:
        raise UsageProblem(
            f"{' and '.join(own)} belong to a network of the platform's own, and --vpc-id names an existing one.",
            f"Take them back: {' '.join(f'--set {name}=default' for name in own)}.",
        )
    bucket, role = options.bucket, f"{_prefix(options)}-{options.region}{_LONGEST_ROLE_ENDING}"
    for kind, name, longest in (("bucket", bucket, _LONGEST_BUCKET), ("role", role, _LONGEST_ROLE)):
        if len(name) > longest:
            raise UsageProblem(
                f"A {kind}'s name has at most {longest} characters, and {name} has {len(name)}.",
                "Choose a shorter --name-prefix or --name.",
            )


def refuse_changed_names(before: PlatformOptions, after: PlatformOptions, *, is_up: bool, has_storage: bool) -> None:
    """Refuse to rename what AWS cannot rename: roles of a platform that is up, a bucket or repository that exists.

    Parameters
    ----------
    is_up
        Whether the platform's roles exist.
    has_storage
        Whether its bucket and repository exist, which outlive `down`.

    Raises
    ------
    UsageProblem
        Says how to get there.
    """
    if (is_up or has_storage) and (before.name_prefix or "") != (after.name_prefix or ""):
        raise UsageProblem(
            f"The names of {after.name} begin with {_prefix(before)}, and AWS cannot rename a bucket or a repository.",
            "Make another platform with the other prefix: `opsctl up --name NAME --name-prefix PREFIX`.",
        )
    if is_up and (before.role_path or "/") != (after.role_path or "/"):
        raise UsageProblem(
            f"The roles of {after.name} have the path {before.role_path or '/'}, and IAM cannot move a role.",
            f"Take the platform down (`opsctl down --name {after.name}`; the data stays), then type this again.",
        )


def network_needs(options: PlatformOptions, *, is_image_on_ecr: bool) -> NetworkNeeds:
    """What the platform needs of an existing network."""
    variables: Mapping[str, Any] = options.variables
    instances = sum(
        options.whole_number(f"{model}_max_vcpus", size.max_vcpus) // size.vcpus for model, size in MODEL_SIZES.items()
    )
    return NetworkNeeds(
        instance_types=tuple(size.instance_type for size in MODEL_SIZES.values()),
        # Scans that Spot cannot take run on demand, up to the same number again.
        instances=instances * (2 if options.spot and variables.get("spot_fallback") is True else 1),
        foreign_image="" if is_image_on_ecr or options.is_local else options.job_image,
    )


def _prefix(options: PlatformOptions) -> str:
    return resource_prefix(options.name, options.name_prefix or "")
