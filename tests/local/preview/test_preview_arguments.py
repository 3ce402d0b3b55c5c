"""The preview's command line: what m2g's parser accepts, with m2g's defaults, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsctl.core.runs.m2g_options import M2gOptions, argv
from opsctl.local.preview.arguments import Options, parse


def test_the_defaults_are_m2gs() -> None:
    """Read in m2g 0.3.0's `m2g_bids.py`; numbers are kept as text."""
    assert parse(["in", "out"]).options == Options(
        pipeline="dwi",
        diffusion_model="csa",
        space="native",
        mod="det",
        track_type="local",
        seeds="20",
        voxelsize="2mm",
        parcellation=None,
        acquisition="alt+z",
        tr="2.0",
        mem_gb="20",
        n_cpus="1",
        skull=None,
        skipeddy=False,
        skipreg=False,
        push_location=None,
    )


def test_every_option_of_m2gs_is_read() -> None:
    words = "in out --participant_label 01 02 --session_label a --pipeline both --acquisition seqplus --tr 0.8"
    words += " --push_location s3://b/x --parcellation A B --skipeddy --skipreg --voxelsize 4mm --mod prob"
    words += " --track_type particle --diffusion_model csd --sp native_dsn --seeds 3 --skull eye"
    words += " --mem_gb 12.8 --n_cpus 2"
    request = parse(words.split())
    assert (request.input_dir, request.output_dir) == (Path("in"), Path("out"))
    assert (request.subjects, request.sessions) == (("01", "02"), ("a",))
    assert request.options == Options(
        pipeline="both",
        diffusion_model="csd",
        space="native_dsn",
        mod="prob",
        track_type="particle",
        seeds="3",
        voxelsize="4mm",
        parcellation=("A", "B"),
        acquisition="seqplus",
        tr="0.8",
        mem_gb="12.8",
        n_cpus="2",
        skull="eye",
        skipeddy=True,
        skipreg=True,
        push_location="s3://b/x",
    )


@pytest.mark.parametrize("option", ["--voxelsize 3mm", "--skull none", "--seeds many", "--mod eudx", "--pipeline fmri"])
def test_m2gs_parser_checks_no_choices(option: str) -> None:
    parse(["in", "out", *option.split()])


@pytest.mark.parametrize(
    ("pipeline", "expected"), [("dwi", ("dwi",)), ("func", ("func",)), ("both", ("func", "dwi")), ("fmri", ("dwi",))]
)
def test_func_comes_first_and_whatever_else_is_dwi(pipeline: str, expected: tuple[str, ...]) -> None:
    assert parse(["in", "out", "--pipeline", pipeline]).pipelines == expected


@pytest.mark.parametrize(
    "arguments", [["--filtering_type", "local"], ["--dataset", "HNU1"], ["--parcellation"], ["--participant_label"]]
)
def test_what_m2g_does_not_know_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["in", "out", *arguments])
    assert end.value.code == 2


@pytest.mark.parametrize("pipeline", ["dwi", "func"])
def test_a_jobs_own_command_line_is_read(pipeline: str) -> None:
    options = M2gOptions(pipeline=pipeline, parcellation=("Desikan",), space="native_dsn")  # type: ignore[arg-type]
    request = parse(argv(options, subject="0025427", session=None)[1:])
    assert (request.options.pipeline, request.options.space) == (pipeline, "native_dsn")
    assert (request.subjects, request.sessions) == (("0025427",), ("nosession",))
