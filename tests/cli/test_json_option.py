"""Whether `--json` was typed is read as click reads it, also past what click refuses."""

from __future__ import annotations

import shlex
from typing import Any

import click
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st
from support.commands import commands

from opsctl.cli import app
from opsctl.cli.json_option import is_json_asked

ROOT_COMMAND: Any = typer.main.get_command(app)
COMMANDS = commands()


@pytest.mark.parametrize(
    "line",
    [
        "status --json",
        "status --json --run x",
        "-v status --json",
        # What click refuses.
        "status --nosuch --json",
        "status --json --nosuch",
        "status --nosuch value --json",
        "status --json --run",
        "status --json=1",
        "status --watch=1 --json",
        "--verbose=1 status --json",
        "run --json",
        "run HNU1 --seeds many --json",
        "run HNU1 --nosuch=--run --json",
        "image push --json",
        "image nosuch --json",
        "image --json",
        "statsu --json",
        "--json status",
        "--nosuch status --json",
        "up --json",
    ],
)
def test_asked(line: str) -> None:
    assert is_json_asked(ROOT_COMMAND, shlex.split(line))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "status",
        "status --run --json",
        "status --run=--json",
        "status --nosuch --run --json",
        "status -- --json",
        "logs -n --json",
        "logs --grep --json --nosuch",
        "logs sub-1/ses-1--json",
        "run HNU1 --scan --json --seeds many",
        "run HNU1 --participant_label --json --nosuch",
        "image build -- --json",
        "nosuch",
    ],
)
def test_not_asked(line: str) -> None:
    assert not is_json_asked(ROOT_COMMAND, shlex.split(line))


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """A verb, and words after it that may or may not be right."""
    verb = draw(st.sampled_from(sorted(COMMANDS)))
    names = [name for option in COMMANDS[verb].params if isinstance(option, click.Option) for name in option.opts]
    word = st.sampled_from([*names, "--json", "--", "--nosuch", "x", "1", "--json=1", "-", "", "--yes=1", "-nv", "é"])
    return list(verb), draw(st.lists(word | st.sampled_from(names).map(lambda name: f"{name}=x"), max_size=8))


@given(command_lines())
def test_it_agrees_with_click_on_every_line_that_click_accepts(line: tuple[list[str], list[str]]) -> None:
    verb, words = line
    asked = is_json_asked(ROOT_COMMAND, [*verb, *words])
    command = COMMANDS[tuple(verb)]
    with click.Context(
        ROOT_COMMAND, token_normalize_func=ROOT_COMMAND.context_settings["token_normalize_func"]
    ) as root:
        context = command.context_class(command, parent=root)
        try:
            values, rest, _ = command.make_parser(context).parse_args(list(words))
        except click.UsageError:
            return
    if not rest:
        assert asked == bool(values.get("as_json"))
