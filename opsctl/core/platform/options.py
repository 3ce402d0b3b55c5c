"""What a person wants of a platform: typed now, or remembered from an earlier `up`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.platform import data_bucket_name, repository_arn, repository_url
from opsctl.core.settings import meant

#: What takes a remembered option back: `--image default`, `--source-bucket none`.
DEFAULT = "default"
NONE = "none"

_LOCAL_IMAGE = "opsctl-preview"
#: What `opsctl image build` makes: with an engine the local platform's jobs need an image that is there.
_BUILT_IMAGE = "opsctl-m2g"

#: The parameter that holds the record may have 4096 characters, and the record itself takes half of them.
_REMEMBERED_BYTES = 1200

#: Both roots make things that take tags.
_OF_BOTH_ROOTS = ("tags",)

_SET = re.compile(r"^([A-Za-z][A-Za-z0-9_-]*)=(.*)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class PlatformOptions:
    """A platform as a person wants it.

    Attributes
    ----------
    data_bucket
        An existing bucket, or None: the storage root makes one.
    source_buckets
        Other buckets whose datasets the jobs may read.
    image
        What the jobs run, or None: the platform's own repository at this version.
    engine
        What runs the jobs of a local platform, or None: processes.
    state
        Where Terraform's state lies, or None: on this machine.
    variables
        Further variables of terraform/platform (`--set`).
    """

    name: str
    region: str
    account_id: str
    is_local: bool = False
    version: str = ""
    data_bucket: str | None = None
    source_buckets: tuple[str, ...] = ()
    image: str | None = None
    spot: bool = False
    engine: str | None = None
    state: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The data bucket's name, known before it is made."""
        return self.data_bucket or data_bucket_name(self.name, account_id=self.account_id, region=self.region)

    @property
    def repository_url(self) -> str:
        """The image repository's address, known before it is made."""
        return repository_url(self.name, account_id=self.account_id, region=self.region)

    @property
    def non_defaults(self) -> dict[str, Any]:
        """What differs from the defaults, as the platform's record keeps it."""
        plain = {one.name: getattr(self, one.name) for one in _OPTIONS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items() if value}

    def with_options(self, options: Mapping[str, Any]) -> PlatformOptions:
        """The same platform with options as a record or `typed_options` has them; unknown ones are passed over."""
        known = {one.name for one in _OPTIONS}
        fitting = {name: value for name, value in options.items() if name in known}
        if "source_buckets" in fitting:
            fitting["source_buckets"] = tuple(fitting["source_buckets"])
        return replace(self, **fitting)

    def storage_variables(self) -> dict[str, Any]:
        """terraform/storage's variables."""
        return {
            "name": self.name,
            "region": self.region,
            "data_bucket": self.data_bucket,
            "path_style": self.is_local,
            **{name: self.variables[name] for name in _OF_BOTH_ROOTS if name in self.variables},
        }

    def platform_variables(self) -> dict[str, Any]:
        """terraform/platform's variables.

        Raises
        ------
        UsageProblem
            Where the options are more than the platform's record can hold.
        """
        recorded = json.dumps(self.non_defaults, sort_keys=True, separators=(",", ":"))
        if len(recorded) > _REMEMBERED_BYTES:
            raise UsageProblem(
                f"The options are too long to be kept in the platform's record: {len(recorded)} characters, "
                f"{_REMEMBERED_BYTES} fit."
            )
        local_image = _BUILT_IMAGE if self.engine else _LOCAL_IMAGE
        own_image = f"{local_image if self.is_local else self.repository_url}:{self.version}"
        return {
            **self.variables,
            "name": self.name,
            "region": self.region,
            "data_bucket": self.bucket,
            "repository_url": self.repository_url,
            "repository_arn": repository_arn(self.name, account_id=self.account_id, region=self.region),
            "image": self.image or own_image,
            "source_buckets": list(self.source_buckets),
            "spot": self.spot,
            "path_style": self.is_local,
            "opsctl_version": self.version,
            "options": recorded,
        }


_OPTIONS = [
    one for one in fields(PlatformOptions) if one.name not in ("name", "region", "account_id", "is_local", "version")
]


def typed_options(
    *,
    data_bucket: str | None,
    source_buckets: Sequence[str] | None,
    image: str | None,
    spot: bool | None,
    **others: str | None,
) -> dict[str, Any]:
    """The options that stand on the command line; None is one that does not.

    Raises
    ------
    UsageProblem
        Where `none` stands beside names.
    """
    typed: dict[str, Any] = {}
    for name, value in {"data_bucket": data_bucket, "image": image, **others}.items():
        if value is not None:
            typed[name] = None if value == DEFAULT else value
    if spot is not None:
        typed["spot"] = spot
    if source_buckets:
        if NONE in source_buckets and len(source_buckets) > 1:
            raise UsageProblem("--source-bucket none takes all of them back: no other name beside it.")
        typed["source_buckets"] = [] if NONE in source_buckets else list(dict.fromkeys(source_buckets))
    return typed


def typed_variables(settings: Sequence[str], *, declared: Sequence[str], managed: Sequence[str]) -> dict[str, Any]:
    """`--set NAME=VALUE` as typed: JSON, or else plain text; None takes an earlier one back.

    Parameters
    ----------
    declared
        terraform/platform's variables.
    managed
        Those of them that opsctl itself sets.

    Raises
    ------
    UsageProblem
        For what is no NAME=VALUE, is not declared, or is opsctl's own.
    """
    free = sorted(set(declared) - set(managed))
    typed: dict[str, Any] = {}
    for setting in settings:
        parts = _SET.match(setting)
        if parts is None:
            raise UsageProblem(f"--set {setting}: it must be NAME=VALUE, such as --set csd_max_vcpus=64.")
        name, text = parts[1].replace("-", "_"), parts[2]
        if name in managed:
            raise UsageProblem(f"--set {name}: opsctl sets this by itself.{_OPTION_OF.get(name, '')}")
        if name not in free:
            near = meant(name, free)
            raise UsageProblem(f"--set {name}: the platform has no such variable.{near or f' It has {_listed(free)}.'}")
        typed[name] = None if text == DEFAULT else _value(text)
    return typed


def changed(earlier: Mapping[str, Any], typed: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Earlier options with the typed ones over them; a variable of None goes."""
    together = {**earlier.get("variables", {}), **variables}
    kept = {name: value for name, value in together.items() if value is not None}
    return {**earlier, **typed, "variables": kept}


def spelled(options: Mapping[str, Any]) -> list[str]:
    """Options as they would be typed."""
    words = []
    for name, value in sorted(options.items()):
        option = f"--{name.replace('_', '-')}"
        if name == "source_buckets":
            words += [f"--source-bucket {bucket}" for bucket in value]
        elif name == "variables":
            words += [f"--set {variable}={_text(given)}" for variable, given in sorted(value.items())]
        elif value:
            words.append(option if value is True else f"{option} {value}")
    return words


_OPTION_OF = {
    "data_bucket": " Type --data-bucket.",
    "source_buckets": " Type --source-bucket.",
    "image": " Type --image.",
    "spot": " Type --spot.",
    "name": " Type --name.",
    "region": " Type --region.",
}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
