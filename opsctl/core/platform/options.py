"""The options of a platform, typed now or recorded by an earlier `up`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from opsctl.core import preview
from opsctl.core.errors import UsageProblem
from opsctl.core.foreign_json import parse
from opsctl.core.platform.monthly_budget import typed_amount
from opsctl.core.platform.platform import data_bucket_name, monthly_budget_name, repository_arn, repository_url
from opsctl.core.settings import did_you_mean

#: Values that reset a recorded option: `--image default`, `--source-bucket none`.
DEFAULT = "default"
NONE = "none"

#: The options that may be repeated.
_LISTS = ("source_buckets", "subnet_ids", "notify_emails")

#: The image that `opsctl image build` builds; local jobs in a container engine need an existing image.
_BUILT_IMAGE = "opsctl-m2g"

#: The SSM parameter with the record is limited to 4096 characters, and the rest of the record takes half of them.
_LONGEST_OPTIONS = 1200

#: Variables that both roots have, and those that only the storage root has.
_SHARED_VARIABLES = ("tags",)
_STORAGE_VARIABLES = ("unfinished_upload_days", "noncurrent_days")

#: As the variable's rule in terraform/platform has it.
_EMAIL = re.compile(r'(?=.{3,254}$)[^\s@,;<>"]+@[^\s@,;<>"]+\.[^\s@,;<>"]+')
_ASSIGNMENT = re.compile(r"^([A-Za-z][A-Za-z0-9_-]*)=(.*)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class PlatformOptions:
    """The options of one platform.

    Attributes
    ----------
    data_bucket
        An existing bucket; None: the storage root creates one.
    source_buckets
        Other buckets whose datasets the jobs may read.
    image
        The jobs' image; None: the one of this version in the platform's own repository.
    m2g_image
        m2g's own image, on which the jobs' image is built; None: unknown.
    engine
        The container engine of a local platform's jobs; None: jobs are processes.
    state
        Location of Terraform's state; None: this machine.
    vpc_id, subnet_ids
        An existing network; None and none: the platform makes its own.
    kms_key
        ARN of the key for bucket, repository, disks and logs; None: AWS's own keys.
    role_path, permissions_boundary
        Of the three roles; None: `/`, and no boundary.
    name_prefix
        What every name begins with, before `opsctl-`; None: nothing.
    notify_emails
        Who gets a mail from AWS when a job of a run ends.
    monthly_budget
        USD, as typed: AWS Budgets tells the same people of it; None: no budget.
    variables
        Further variables of terraform/platform and terraform/storage (`--set`; `--tag` sets `tags`).
    """

    name: str
    region: str
    account_id: str
    is_local: bool = False
    version: str = ""
    data_bucket: str | None = None
    source_buckets: tuple[str, ...] = ()
    image: str | None = None
    m2g_image: str | None = None
    spot: bool = False
    engine: str | None = None
    state: str | None = None
    vpc_id: str | None = None
    subnet_ids: tuple[str, ...] = ()
    kms_key: str | None = None
    role_path: str | None = None
    permissions_boundary: str | None = None
    name_prefix: str | None = None
    notify_emails: tuple[str, ...] = ()
    monthly_budget: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The data bucket's name, also before it exists."""
        return self.data_bucket or data_bucket_name(self.name, **self._place)

    @property
    def repository_url(self) -> str:
        """The image repository's address, also before it exists."""
        return repository_url(self.name, **self._place)

    @property
    def _place(self) -> dict[str, str]:
        """What names are made of, besides the platform's own."""
        return {"account_id": self.account_id, "region": self.region, "name_prefix": self.name_prefix or ""}

    @property
    def budget_name(self) -> str:
        """The monthly budget's name, also before it exists."""
        return monthly_budget_name(self.name, region=self.region, name_prefix=self.name_prefix or "")

    @property
    def job_image(self) -> str:
        """The jobs' image, chosen or by default."""
        local_image = _BUILT_IMAGE if self.engine else preview.IMAGE
        return self.image or f"{local_image if self.is_local else self.repository_url}:{self.version}"

    @property
    def non_defaults(self) -> dict[str, Any]:
        """The options that differ from the defaults, as the platform's record stores them."""
        options = {name: getattr(self, name) for name in _OPTIONS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items() if value}

    def with_options(self, options: Mapping[str, Any]) -> PlatformOptions:
        """A copy with the options of a record or of `typed_options`; unknown options are ignored."""
        known = {name: value for name, value in options.items() if name in _OPTIONS}
        known |= {name: tuple(known[name]) for name in _LISTS if name in known}
        return replace(self, **known)

    def whole_number(self, variable: str, default: int) -> int:
        """A setting that is a whole number above 0; what is none has the default, and Terraform itself refuses it."""
        value: Any = self.variables.get(variable, default)
        try:
            # Terraform takes 64.0 and "64" for 64.
            return max(1, int(float(value)))
        except (TypeError, ValueError, OverflowError):
            return default

    def storage_variables(self) -> dict[str, Any]:
        """The variables of terraform/storage."""
        return {
            "name": self.name,
            "region": self.region,
            "data_bucket": self.data_bucket,
            "path_style": self.is_local,
            "kms_key_arn": self.kms_key,
            "name_prefix": self.name_prefix or "",
            **{name: self.variables[name] for name in _SHARED_VARIABLES + _STORAGE_VARIABLES if name in self.variables},
        }

    def platform_variables(self) -> dict[str, Any]:
        """The variables of terraform/platform.

        Raises
        ------
        UsageProblem
            If the options are too long for the platform's record.
        """
        recorded = json.dumps(self.non_defaults, sort_keys=True, separators=(",", ":"))
        if len(recorded) > _LONGEST_OPTIONS:
            raise UsageProblem(
                f"The options are too long to be kept in the platform's record: {len(recorded)} characters, "
                f"{_LONGEST_OPTIONS} fit."
            )
        return {
            **{name: value for name, value in self.variables.items() if name not in _STORAGE_VARIABLES},
            "name": self.name,
            "region": self.region,
            "data_bucket": self.bucket,
            "repository_url": self.repository_url,
            "repository_arn": repository_arn(self.name, **self._place),
            "image": self.job_image,
            "m2g_image": self.m2g_image,
            "source_buckets": list(self.source_buckets),
            "spot": self.spot,
            "path_style": self.is_local,
            "vpc_id": self.vpc_id,
            "subnet_ids": list(self.subnet_ids),
            "kms_key_arn": self.kms_key,
            "role_path": self.role_path or "/",
            "permissions_boundary": self.permissions_boundary,
            "name_prefix": self.name_prefix or "",
            "notify_emails": list(self.notify_emails),
            "monthly_budget": None if self.monthly_budget is None else float(self.monthly_budget),
            "opsctl_version": self.version,
            "options": recorded,
        }


#: The fields that the platform's record stores as options.
_OPTIONS = [
    option.name
    for option in fields(PlatformOptions)
    if option.name not in ("name", "region", "account_id", "is_local", "version", "m2g_image")
]


def typed_options(
    *,
    data_bucket: str | None,
    source_buckets: Sequence[str] | None,
    image: str | None,
    spot: bool | None,
    notify_emails: Sequence[str] | None = None,
    monthly_budget: str | None = None,
    **others: str | None,
) -> dict[str, Any]:
    """The options that were typed; None as an argument means not typed.

    Raises
    ------
    UsageProblem
        If `none` is combined with names, or something is no mail address or no amount.
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
    if notify_emails:
        typed["notify_emails"] = _emails(notify_emails)
    if monthly_budget is not None:
        typed["monthly_budget"] = typed_amount(monthly_budget)
    return typed


def _emails(typed: Sequence[str]) -> list[str]:
    if NONE in typed:
        if len(typed) > 1:
            raise UsageProblem("--notify-email none takes all of them back: no other address beside it.")
        return []
    wrong = [email for email in typed if not _EMAIL.fullmatch(email)]
    if wrong:
        raise UsageProblem(f"--notify-email {wrong[0]}: it must be a mail address, such as someone@lab.org.")
    return list(dict.fromkeys(typed))


def typed_variables(settings: Sequence[str], *, declared: Sequence[str], managed: Sequence[str]) -> dict[str, Any]:
    """Parse `--set NAME=VALUE`: the value is JSON, or else plain text; None resets the variable.

    Parameters
    ----------
    declared
        The variables of terraform/platform and terraform/storage.
    managed
        The variables among them that opsctl sets itself.

    Raises
    ------
    UsageProblem
        If a setting is not NAME=VALUE, or its variable is not declared or is managed.
    """
    settable = sorted(set(declared) - set(managed))
    typed: dict[str, Any] = {}
    for setting in settings:
        match = _ASSIGNMENT.match(setting)
        if match is None:
            raise UsageProblem(f"--set {setting}: it must be NAME=VALUE, such as --set csd_max_vcpus=64.")
        name, text = match[1].replace("-", "_"), match[2]
        if name in managed:
            raise UsageProblem(f"--set {name}: opsctl sets this by itself.{_OPTION_OF.get(name, '')}")
        if name not in settable:
            hint = did_you_mean(name, settable) or f" It has {', '.join(settable)}."
            raise UsageProblem(f"--set {name}: the platform has no such variable.{hint}")
        typed[name] = None if text == DEFAULT else _value(text)
    return typed


def override_options(
    earlier: Mapping[str, Any], typed: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Earlier options overridden by the typed ones; a variable of None is removed."""
    merged = {**earlier.get("variables", {}), **variables}
    variables = {name: value for name, value in merged.items() if value is not None}
    return {**earlier, **typed, "variables": variables}


def as_arguments(options: Mapping[str, Any]) -> list[str]:
    """Options as they are typed on the command line."""
    arguments = []
    for name, value in sorted(options.items()):
        option = f"--{name.replace('_', '-')}"
        if name in _LISTS:
            arguments += [f"{option.removesuffix('s')} {entry}" for entry in value]
        elif name == "variables":
            for variable, setting in sorted(value.items()):
                if variable == "tags" and isinstance(setting, dict):
                    arguments += [f"--tag {key}={_text(tag)}" for key, tag in sorted(setting.items())]
                else:
                    arguments.append(f"--set {variable}={_text(setting)}")
        elif value:
            arguments.append(option if value is True else f"{option} {value}")
    return arguments


#: Hint for a variable that has an option of its own.
_OPTION_OF = {
    "data_bucket": " Type --data-bucket.",
    "source_buckets": " Type --source-bucket.",
    "image": " Type --image.",
    "spot": " Type --spot.",
    "name": " Type --name.",
    "region": " Type --region.",
    "vpc_id": " Type --vpc-id.",
    "subnet_ids": " Type --subnet-id.",
    "kms_key_arn": " Type --kms-key.",
    "role_path": " Type --role-path.",
    "permissions_boundary": " Type --permissions-boundary.",
    "name_prefix": " Type --name-prefix.",
    "notify_emails": " Type --notify-email.",
    "monthly_budget": " Type --monthly-budget.",
}


def _value(text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
