"""The configuration: the keys and values that are allowed, and which layer decides."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import pytest

from opsctl.core.config import (
    ConfigEntry,
    Configuration,
    Layer,
    Source,
    doubtful_variables,
    from_file,
    from_variables,
    merge,
)
from opsctl.core.errors import Problem
from opsctl.core.runs import m2g_options
from opsctl.core.settings import SETTINGS


def file_with(key: str, value: Any) -> Layer:
    """A file with one entry, in line 7."""
    return from_file([(tuple(key.split(".")), value, 7)], path="f.toml", layer="folder")


ACCEPTED = [
    ("platform", "lab", "platform", "lab"),
    ("region", "eu-central-1", "region", "eu-central-1"),
    ("profile", "My Lab", "profile", "My Lab"),
    ("max_spend", 0, "max_spend", 0),
    ("max_spend", 12.5, "max_spend", 12.5),
    ("max-spend", 3, "max_spend", 3),
    ("memory", 1024, "memory", 1024),
    ("datasets.HNU1", "s3://fcp-indi/data/HNU1", "datasets.HNU1", "s3://fcp-indi/data/HNU1"),
    ("datasets.secret-study", "s3://lab/x", "datasets.secret-study", "s3://lab/x"),
    ("m2g.space", "native_dsn", "m2g.space", "native_dsn"),
    ("m2g.sp", "native_dsn", "m2g.space", "native_dsn"),
    ("m2g.model", "csd", "m2g.diffusion_model", "csd"),
    ("m2g.diffusion-model", "csd", "m2g.diffusion_model", "csd"),
    ("m2g.tr", 2, "m2g.tr", 2),
    ("m2g.mem_gb", 7.5, "m2g.mem_gb", 7.5),
    ("m2g.skull", "eye", "m2g.skull", "eye"),
    ("m2g.reuse_registration", True, "m2g.reuse_registration", True),
    ("m2g.parcellation", ["AAL_", "Desikan"], "m2g.parcellation", ("AAL_", "Desikan")),
    ("m2g.parcellation", [], "m2g.parcellation", ()),
]


@pytest.mark.parametrize(("typed", "value", "key", "configured"), ACCEPTED, ids=lambda value: str(value)[:30])
def test_what_a_file_may_say(typed: str, value: Any, key: str, configured: Any) -> None:
    layer = file_with(typed, value)
    assert layer == Layer((ConfigEntry(key, configured, Source("folder", "f.toml", 7)),))


REFUSED = [
    ("plattform", "x", "plattform is no key of opsctl's.", "Did you mean platform?"),
    ("dataset", "x", "dataset is no key", "Did you mean datasets?"),
    ("zzz", 1, "zzz is no key", "There are datasets, m2g, max_spend, memory, notify, platform, profile, region."),
    ("space", "native", "space is no key", "It belongs below [m2g]."),
    ("m2g.platform", "x", "platform is no key of [m2g].", "before any table"),
    ("m2g.spaec", "x", "spaec is no key of [m2g].", "Did you mean space?"),
    ("foo.a", 1, "foo.a is no key of opsctl's.", "There are"),
    ("m2g", 1, "m2g is a table, not a value.", "Write [m2g]"),
    ("datasets", [{}], "datasets is a table", "Write [datasets]"),
    ("platform.name", "x", "platform is a value, not a table.", ""),
    ("m2g.space.x", "x", "m2g.space is a value, not a table.", ""),
    ("platform", {}, "platform must be text, not a table.", ""),
    ("platform", 3, "platform must be text, not a whole number.", ""),
    ("platform", "Lab", "'Lab' cannot name a platform", ""),
    ("region", "", "region is empty", "Leave it out."),
    ("profile", "a\x1b[2J", "profile is empty or holds characters", ""),
    ("max_spend", "20", "max_spend must be a number, not text.", ""),
    ("max_spend", True, "max_spend must be a number, not true or false.", ""),
    ("max_spend", -1, "max_spend must be 0 or more, not -1.", ""),
    ("max_spend", float("nan"), "max_spend must be 0 or more", ""),
    ("max_spend", float("inf"), "max_spend must be 0 or more", ""),
    ("memory", 100, "memory is in MiB, 1024 or more, not 100.", ""),
    ("memory", 2048.0, "memory must be a whole number, not a number.", ""),
    ("m2g.space", "nativ", "space nativ is not one of m2g's values: native, native_dsn.", "Did you mean native?"),
    ("m2g.seeds", 0, "seeds must be greater than 0", ""),
    ("m2g.seeds", 1.5, "m2g.seeds must be a whole number, not a number.", ""),
    ("m2g.tr", float("inf"), "tr must be greater than 0", ""),
    ("m2g.reuse_registration", 1, "m2g.reuse_registration must be true or false, not a whole number.", ""),
    ("m2g.skipeddy", True, "--skipeddy has no effect", "Use --reuse-registration"),
    ("m2g.skipreg", False, "--skipreg makes m2g fail", "Use --reuse-registration"),
    ("m2g.skull", True, "m2g.skull must be text, not true or false.", ""),
    ("m2g.parcellation", "AAL_", 'm2g.parcellation must be a list of names, ["A", "B"], not text.', ""),
    ("m2g.parcellation", ["AAL_", 3], "m2g.parcellation must be a list of names", ""),
    ("m2g.parcellation", ["--pipeline"], "'--pipeline' is not the name of a parcellation.", ""),
    ("datasets.HNU1", 3, "datasets.HNU1 must be text", 'HNU1 = "s3://BUCKET/PATH"'),
    ("datasets.HNU1", "/data/HNU1", "'/data/HNU1' is not an S3 address", ""),
    ("datasets.a b", "s3://lab/x", "The dataset's name 'a b' must be one folder's name", ""),
    ("datasets.a.b", "s3://lab/x", "datasets.a.b is no dataset's name.", "Write NAME"),
]


@pytest.mark.parametrize(("typed", "value", "what", "hint"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_a_file_may_not_say(typed: str, value: Any, what: str, hint: str) -> None:
    layer = file_with(typed, value)
    assert layer.entries == ()
    (problem,) = layer.problems
    assert problem.exit_code == 1
    assert problem.what.startswith("f.toml:7: ")
    assert what in problem.what
    assert hint in problem.hint


@pytest.mark.parametrize(
    "key",
    [
        *("aws_secret_access_key", "aws_access_key_id", "aws_session_token", "AWS_SECRET_ACCESS_KEY", "password"),
        *("m2g.token", "aws.secret_access_key", "profile.aws-secret-access-key", "datasets.aws_secret_access_key"),
    ],
)
def test_a_secret_is_refused_by_its_name_and_never_repeated(key: str) -> None:
    (problem,) = file_with(key, "AKIAVERYSECRET").problems
    assert f"{key.split('.')[-1]} is a secret" in problem.what
    assert "profile" in problem.hint
    assert "AKIAVERYSECRET" not in str(problem)


def test_an_odd_key_cannot_move_the_terminal() -> None:
    (problem,) = file_with("a\x1b[2Jb", 1).problems
    assert "\x1b" not in str(problem)
    assert "u001b" in str(problem)


def test_a_table_that_is_none_is_told_once() -> None:
    parts = [(("foo",), {}, 1), (("foo", "a"), 1, 2), (("foo", "b"), 2, 3)]
    assert len(from_file(parts, path="f", layer="user").problems) == 1


def test_two_spellings_of_one_key_contradict_each_other() -> None:
    parts = [(("m2g", "model"), "csa", 3), (("m2g", "diffusion_model"), "csd", 5)]
    layer = from_file(parts, path="f", layer="user")
    assert [entry.value for entry in layer.entries] == ["csa"]
    assert "f:5: m2g.diffusion_model is set a second time, after line 3." in str(layer.problems[0])


def test_every_problem_is_told() -> None:
    parts = [(("a",), 1, 1), (("platform",), "lab", 2), (("m2g", "seeds"), 0, 4)]
    layer = from_file(parts, path="f", layer="user")
    assert [str(problem).partition(" ")[0] for problem in layer.problems] == ["f:1:", "f:4:"]
    with pytest.raises(Problem, match="And 1 more: `opsctl config` shows all"):
        merge([layer]).ensure_whole()


VARIABLES = [
    ("OPSCTL_PLATFORM", "lab", "platform", "lab"),
    ("OPSCTL_MAX_SPEND", "12.5", "max_spend", 12.5),
    ("OPSCTL_MEMORY", "2048", "memory", 2048),
    ("OPSCTL_SPACE", "native_dsn", "m2g.space", "native_dsn"),
    ("OPSCTL_SP", "native_dsn", "m2g.space", "native_dsn"),
    ("OPSCTL_DIFFUSION_MODEL", "csd", "m2g.diffusion_model", "csd"),
    ("OPSCTL_MODEL", "csd", "m2g.diffusion_model", "csd"),
    ("OPSCTL_REUSE_REGISTRATION", "Yes", "m2g.reuse_registration", True),
    ("OPSCTL_REUSE_REGISTRATION", "0", "m2g.reuse_registration", False),
    ("OPSCTL_PARCELLATION", "AAL_, Desikan", "m2g.parcellation", ("AAL_", "Desikan")),
]


@pytest.mark.parametrize(("name", "text", "key", "configured"), VARIABLES)
def test_what_a_variable_may_say(name: str, text: str, key: str, configured: Any) -> None:
    assert from_variables({name: text}) == Layer((ConfigEntry(key, configured, Source("variable", name)),))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("OPSCTL_SEEDS", "many", "OPSCTL_SEEDS: m2g.seeds must be a whole number, not text."),
        ("OPSCTL_MAX_SPEND", "$5", "OPSCTL_MAX_SPEND: max_spend must be a number, not text."),
        (
            "OPSCTL_REUSE_REGISTRATION",
            "maybe",
            "OPSCTL_REUSE_REGISTRATION: m2g.reuse_registration must be true or false, not text.",
        ),
        ("OPSCTL_SPACE", "mni", "OPSCTL_SPACE: space mni is not one of m2g's values"),
    ],
)
def test_what_a_variable_may_not_say(name: str, text: str, what: str) -> None:
    (problem,) = from_variables({name: text}).problems
    assert problem.what.startswith(what)


def test_an_empty_variable_says_nothing() -> None:
    assert from_variables({"OPSCTL_REGION": ""}) == Layer()


def test_variables_that_nothing_reads_are_doubted_and_opsctls_own_are_not() -> None:
    known = ["OPSCTL_HOME", "OPSCTL_CONFIG", "OPSCTL_PROVIDER_MIRROR", "OPSCTL_RUN_URI", "OPSCTL_TR", "PATH"]
    assert doubtful_variables(dict.fromkeys(known, "x")) == []
    (doubt,) = doubtful_variables({"OPSCTL_SPAEC": "x"})
    assert doubt == "OPSCTL_SPAEC is no variable of opsctl's. Did you mean OPSCTL_SPACE?"


def test_the_last_layer_wins_and_what_it_hides_is_kept() -> None:
    layers = [
        file_with("m2g.seeds", 1),
        from_file([(("m2g", "seeds"), 2, 3)], path="u.toml", layer="user"),
        from_variables({"OPSCTL_SEEDS": "3"}),
    ]
    for count, expected in enumerate([20, 1, 2, 3]):
        assert merge(layers[:count]).get("m2g.seeds") == expected
    value = merge(layers).values["m2g.seeds"]
    assert str(value.source) == "OPSCTL_SEEDS"
    assert [(entry.value, str(entry.source)) for entry in value.hides] == [(2, "u.toml:3"), (1, "f.toml:7")]
    assert not value.is_default
    assert merge([]).values["m2g.seeds"].is_default


def test_every_option_of_m2g_may_be_configured_with_every_word_it_accepts() -> None:
    by_key = {setting.key: setting for setting in SETTINGS}
    for option in fields(m2g_options.M2gOptions):
        assert f"m2g.{option.name}" in by_key
    for name, values in {
        "space": m2g_options.Space,
        "skull": m2g_options.Skull,
        "acquisition": m2g_options.Acquisition,
    }.items():
        for value in get_args(values):
            assert file_with(f"m2g.{name}", value).problems == ()


def test_a_configuration_without_faults_goes_on() -> None:
    Configuration({}).ensure_whole()
    assert merge([file_with("datasets.A", "s3://lab/a")]).dataset("B") is None
