"""The command lines that opsctl suggests for a run: each asks m2g for what the run asked, and is not refused."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer.main
from support.core_examples import run
from support.run_world import PLATFORM
from support.view_examples import plan

from opsctl.assets import atlas_table
from opsctl.cli import app
from opsctl.cli.option_groups import M2gFlags
from opsctl.commands.runs.request import RunRequest
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.causes import cause_of, run_again
from opsctl.core.diagnosis.reason import Reason
from opsctl.core.errors import UsageProblem
from opsctl.core.location import Location
from opsctl.core.runs.m2g_options import all_asked
from opsctl.render.run import plan_lines

TYPED = [
    "opsctl run HNU1",
    "opsctl run HNU1 --model csd --yes",
    "opsctl run HNU1 --model csd --only failed --memory 30400",
    "opsctl run HNU1 --pipeline both --tr 0.8 --acquisition seqplus --follow",
    "opsctl run HNU1 --parcellation Desikan --parcellation AAL_ --voxelsize 1mm --max-spend 5",
    "opsctl run HNU1 --model csd --parcellation DS16784 --memory 17181",
    "opsctl run HNU1 --model csd --parcellation DS16784 --memory=30400",
    "opsctl run HNU1 --n-cpus 4 --seeds 1 --dry-run",
]
#: What a person fills in.
PLACEHOLDERS = {"USD": "5", "MIB": "2048"}


def request(command_line: str) -> RunRequest:
    """What a command line asks for, as `run` reads it."""
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command_line)[2:]]
    group: Any = typer.main.get_command(app)
    parent = group.make_context("opsctl", ["run", *words])
    params = group.commands["run"].make_context("run", list(words), parent=parent).params
    flags = M2gFlags(**{name: params[name] for name in M2gFlags.__annotations__})
    return RunRequest(dataset=Location("data", "HNU1"), options=flags.options, memory_mib=params["memory"])


@pytest.mark.parametrize("typed", TYPED)
def test_every_command_that_a_cause_suggests_asks_for_the_same(typed: str) -> None:
    asked = request(typed)
    asked.ensure_atlases_fit(PLATFORM, atlas_table())
    own_run = run(
        m2g=asked.options.as_dict(),
        command_line=tuple(shlex.split(typed)),
        resources=asked.resources(PLATFORM),
        memory_mib=asked.memory_mib,
    )
    suggested = {run_again(own_run)}
    for code in CauseCode:
        suggested |= set(re.findall(r"`(opsctl run [^`]*)`", cause_of(Reason(code, ""), run=own_run).help))
    assert len(suggested) > 1
    for command_line in suggested:
        again = request(command_line)
        assert all_asked(again.options.as_dict()) == all_asked(asked.options.as_dict()), command_line
        assert command_line.count("--memory") <= 1
        assert len(command_line) < len(typed) + 50
        if "MIB" not in command_line:
            again.ensure_atlases_fit(PLATFORM, atlas_table())


def test_the_memory_that_a_refusal_suggests_holds_the_atlas() -> None:
    typed = "opsctl run HNU1 --model csd --parcellation DS16784"
    with pytest.raises(UsageProblem) as problem:
        request(typed).ensure_atlases_fit(PLATFORM, atlas_table())
    memory = re.search(r"--memory [0-9]+", problem.value.hint)
    assert memory is not None
    again = request(f"{typed} {memory[0]}")
    again.ensure_atlases_fit(PLATFORM, atlas_table())
    assert again.resources(PLATFORM) == "csa"


@pytest.mark.parametrize("model", ["csa", "csd"])
def test_the_plan_says_how_to_get_an_atlas_that_is_left_out(model: str) -> None:
    (line,) = [line for line in plan_lines(plan("new", diffusion_model=model)) if line.startswith("atlases: ")]
    options = re.findall(r"`(--parcellation [^`]*)`", line)
    assert len(options) == 1
    advised = request(f"opsctl run HNU1 --model {model} {options[0]}")
    advised.ensure_atlases_fit(PLATFORM, atlas_table())
    assert advised.options.parcellation == ("DS16784",)


def test_the_names_that_a_refusal_suggests_select_an_atlas() -> None:
    with pytest.raises(UsageProblem) as problem:
        request("opsctl run HNU1 --parcellation yeo-7")
    names = problem.value.hint.partition("Similar names: ")[2].partition(". ")[0].split(", ")
    assert [request(f"opsctl run HNU1 --parcellation {name}").options.parcellation for name in names] == [
        ("Yeo-7",),
        ("Yeo-7-liberal",),
    ]


@pytest.mark.parametrize("flag", ["skipeddy", "skipreg"])
def test_a_flag_that_needs_earlier_files_is_refused(flag: str) -> None:
    with pytest.raises(UsageProblem, match=f"--{flag} "):
        request(f"opsctl run HNU1 --{flag}")
