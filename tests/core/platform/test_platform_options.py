"""Options of `up`: typed options override recorded ones, only non-defaults are recorded, and each can be reset."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from opsctl.core.errors import UsageProblem
from opsctl.core.platform.options import PlatformOptions, as_arguments, override_options, typed_options, typed_variables

OPTIONS = PlatformOptions(name="m2g", region="us-east-1", account_id="123456789012", version="0.1.0")
NOT_TYPED: dict[str, Any] = {"data_bucket": None, "source_buckets": None, "image": None, "spot": None}
EARLIER = {
    "spot": True,
    "image": "me/m2g:1",
    "source_buckets": ["a-bucket", "b-bucket"],
    "variables": {"csd_max_vcpus": 64},
}


def after(typed: dict[str, Any], *settings: str) -> dict[str, Any]:
    variables = typed_variables(settings, declared=["csd_max_vcpus", "key_pair", "name"], managed=["name"])
    return OPTIONS.with_options(
        override_options(EARLIER, typed_options(**{**NOT_TYPED, **typed}), variables)
    ).non_defaults


@pytest.mark.parametrize(
    ("typed", "settings", "difference"),
    [
        ({}, (), {}),
        ({"spot": True}, (), {}),
        ({"spot": False}, (), {"spot": None}),
        ({"image": "default"}, (), {"image": None}),
        ({"image": "me/m2g:2"}, (), {"image": "me/m2g:2"}),
        ({"source_buckets": ["none"]}, (), {"source_buckets": None}),
        ({"source_buckets": ["c-bucket", "c-bucket"]}, (), {"source_buckets": ["c-bucket"]}),
        ({"notify_emails": ["a@lab.org", "a@lab.org"]}, (), {"notify_emails": ["a@lab.org"]}),
        ({"notify_emails": ["none"]}, (), {}),
        ({"data_bucket": "mine"}, (), {"data_bucket": "mine"}),
        ({"data_bucket": "default"}, (), {}),
        ({}, ("csd_max_vcpus=default",), {"variables": None}),
        ({}, ("csd-max-vcpus=128",), {"variables": {"csd_max_vcpus": 128}}),
        ({}, ("key_pair=me",), {"variables": {"csd_max_vcpus": 64, "key_pair": "me"}}),
    ],
)
def test_what_is_typed_wins_and_the_rest_is_remembered(
    typed: dict[str, Any], settings: tuple[str, ...], difference: dict[str, Any]
) -> None:
    expected = {name: value for name, value in {**EARLIER, **difference}.items() if value is not None}
    assert after(typed, *settings) == expected


def test_only_what_differs_from_the_defaults_is_kept() -> None:
    assert OPTIONS.non_defaults == {}
    assert OPTIONS.platform_variables()["options"] == "{}"
    chosen = OPTIONS.with_options({"spot": True, "of a later opsctl": 1})
    assert json.loads(chosen.platform_variables()["options"]) == {"spot": True}


def test_m2gs_own_image_reaches_terraform_and_is_no_option() -> None:
    looked_up = replace(OPTIONS, m2g_image="sha256:ab")
    assert looked_up.platform_variables()["m2g_image"] == "sha256:ab"
    assert looked_up.non_defaults == {}
    assert OPTIONS.platform_variables()["m2g_image"] is None


@pytest.mark.parametrize(
    ("changes", "image"),
    [
        ({}, f"{OPTIONS.repository_url}:0.1.0"),
        ({"image": "me/m2g:1"}, "me/m2g:1"),
        ({"is_local": True}, "opsctl-preview:0.1.0"),
        ({"is_local": True, "engine": "podman"}, "opsctl-m2g:0.1.0"),
    ],
)
def test_what_the_jobs_run(changes: dict[str, Any], image: str) -> None:
    options = replace(OPTIONS, **changes)
    assert options.job_image == options.platform_variables()["image"] == image


def test_options_that_the_record_cannot_hold_are_refused() -> None:
    with pytest.raises(UsageProblem, match="too long to be kept"):
        OPTIONS.with_options({"source_buckets": [f"bucket-{number:050}" for number in range(30)]}).platform_variables()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("true", True),
        ("null", None),
        ('["us-east-1a"]', ["us-east-1a"]),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("a=b", "a=b"),
        ("", ""),
        ("default", None),
    ],
)
def test_a_value_is_json_or_plain_text(text: str, value: Any) -> None:
    assert typed_variables([f"x={text}"], declared=["x"], managed=[]) == {"x": value}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("csd_max_vcpus", "must be NAME=VALUE"),
        ("=1", "must be NAME=VALUE"),
        ("image=x", "opsctl sets this by itself. Type --image."),
        ("options={}", "opsctl sets this by itself."),
        ("csd_max_vcpu=1", "no such variable. Did you mean csd_max_vcpus?"),
        ("zzz=1", "no such variable. It has csd_max_vcpus, key_pair."),
    ],
)
def test_what_is_no_setting_of_the_platform_is_refused(setting: str, message: str) -> None:
    with pytest.raises(UsageProblem, match=message) as caught:
        typed_variables(
            [setting], declared=["csd_max_vcpus", "key_pair", "image", "options"], managed=["image", "options"]
        )
    assert caught.value.exit_code == 2


def test_none_takes_all_back_and_stands_alone() -> None:
    with pytest.raises(UsageProblem, match="no other name beside it"):
        typed_options(**{**NOT_TYPED, "source_buckets": ["none", "a"]})


@pytest.mark.parametrize(
    "emails", [["none", "a@lab.org"], ["someone"], ["a@lab.org", "a b@lab.org"], ["a@lab.org,b@lab.org"]]
)
def test_what_is_no_mail_address_is_refused(emails: list[str]) -> None:
    with pytest.raises(UsageProblem, match="--notify-email"):
        typed_options(**NOT_TYPED, notify_emails=emails)


def test_mail_is_remembered_as_it_is_typed() -> None:
    options = OPTIONS.with_options({"notify_emails": ["a@lab.org", "b@lab.org"]})
    assert options.platform_variables()["notify_emails"] == ["a@lab.org", "b@lab.org"]
    assert as_arguments(options.non_defaults) == ["--notify-email a@lab.org", "--notify-email b@lab.org"]


def test_options_are_spelled_as_they_are_typed() -> None:
    assert as_arguments(EARLIER) == [
        "--image me/m2g:1",
        "--source-bucket a-bucket",
        "--source-bucket b-bucket",
        "--spot",
        "--set csd_max_vcpus=64",
    ]


def test_both_roots_take_the_tags() -> None:
    chosen = OPTIONS.with_options({"variables": {"tags": {"lab": "x"}, "csd_max_vcpus": 2}})
    assert chosen.storage_variables()["tags"] == chosen.platform_variables()["tags"] == {"lab": "x"}
    assert "csd_max_vcpus" not in chosen.storage_variables()


def test_what_opsctl_sets_cannot_be_overridden_by_a_record() -> None:
    assert OPTIONS.with_options({"variables": {"name": "other"}}).platform_variables()["name"] == "m2g"
