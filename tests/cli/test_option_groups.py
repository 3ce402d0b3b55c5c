"""A verb takes a group of options as one parameter; typer sees each option at the group's place."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import pytest
import typer
import typer.main
from typer.testing import CliRunner

from opsctl.assets import atlas_table
from opsctl.cli import app
from opsctl.cli.option_groups import DatasetSource, M2gFlags, OptionGroup, ScanFilters, expanded
from opsctl.cli.submission_flags import SubmissionFlags
from opsctl.cli.verbs.check import CheckOptions
from opsctl.core.dataset.selection import EVERYTHING
from opsctl.core.runs.m2g_options import M2gOptions


class Colours(OptionGroup):
    paint: Annotated[str, typer.Option("--paint", help="A colour.")] = "red"
    coats: Annotated[int, typer.Option(min=1)] = 1


@expanded
def decorate(room: str, *, first: bool = False, colours: Colours, last: bool = False) -> None:
    """Decorate a room."""
    print(room, first, colours.paint, colours.coats, last)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(decorate)
    result = CliRunner().invoke(app, [*arguments])
    return result.exit_code, result.output


def test_a_groups_options_stand_at_its_place_in_the_signature() -> None:
    assert list(inspect.signature(decorate).parameters) == ["room", "first", "paint", "coats", "last"]


def test_typed_values_and_defaults_reach_the_group() -> None:
    assert run("hall", "--paint", "blue") == (0, "hall False blue 1 False\n")
    assert run("hall", "--coats", "2", "--last") == (0, "hall False red 2 True\n")
    assert run("hall", "--coats", "0")[0] == 2


def test_without_options_the_groups_are_the_cores_defaults() -> None:
    def defaults(group: type[OptionGroup]) -> OptionGroup:
        return group(**{name: getattr(group, name) for name in group.__annotations__})

    flags, filters, source = defaults(M2gFlags), defaults(ScanFilters), defaults(DatasetSource)
    assert isinstance(flags, M2gFlags)
    assert isinstance(filters, ScanFilters)
    assert flags.options == M2gOptions(parcellation=tuple(atlas.name for atlas in atlas_table().default))
    assert filters.selection == EVERYTHING
    assert vars(source) == {"t1w": None, "bucket": None, "no_sign_request": False}


@pytest.mark.parametrize(
    ("verb", "group"),
    [
        ("run", M2gFlags),
        ("run", ScanFilters),
        ("run", DatasetSource),
        ("run", SubmissionFlags),
        ("check", CheckOptions),
        ("check", ScanFilters),
        ("check", DatasetSource),
    ],
)
def test_the_words_of_every_option_are_its_own_name(
    verb: str, group: type[OptionGroup], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Also of those that are not repeated today.
    monkeypatch.setattr(group, "not_repeated", frozenset())
    commands: Any = typer.main.get_command(app)
    parameters = {parameter.name: parameter for parameter in commands.commands[verb].params}
    for name in group.__annotations__:
        parameter = parameters[name]
        words = group(**{name: True if parameter.is_flag else "value"}).words()
        assert words[0] in parameter.opts
        assert words[1:] == ([] if parameter.is_flag else ["value"])


def test_what_only_changes_the_output_is_not_repeated() -> None:
    quiet = ("platform", "profile", "as_json", "yes", "dry_run", "following")
    values: dict[str, Any] = dict.fromkeys(quiet, True)
    assert SubmissionFlags(**values, only="all", max_spend=1234567.89).words() == [
        "--only",
        "all",
        "--max-spend",
        "1234567.89",
    ]


def test_a_typed_default_is_repeated_because_the_configuration_may_have_another() -> None:
    said: list[list[str]] = []

    @expanded
    def process(*, m2g: M2gFlags) -> None:
        said.append(m2g.words())

    application = typer.Typer()
    application.command()(process)
    settings = {"seeds": 5, "reuse_registration": True}
    for typed in ([], ["--seeds", "20", "--no-reuse"]):
        CliRunner().invoke(application, typed, default_map=settings)
    assert said == [["--seeds", "5", "--reuse-registration"], ["--seeds", "20", "--no-reuse"]]


def test_a_command_of_another_verb_gets_the_options_that_it_has() -> None:
    said: list[list[str]] = []

    @expanded
    def process(*, m2g: M2gFlags) -> None:
        said.append(m2g.words(only=CheckOptions.__annotations__))

    application = typer.Typer()
    application.command()(process)
    # `check` reads the configured pipeline as well, so a typed one must be repeated to it.
    CliRunner().invoke(application, ["--pipeline", "dwi", "--seeds", "5"], default_map={"pipeline": "func"})
    CliRunner().invoke(application, ["--sp", "native"], default_map={"tr": 0.8})
    assert said == [["--pipeline", "dwi"], ["--tr", "0.8"]]
