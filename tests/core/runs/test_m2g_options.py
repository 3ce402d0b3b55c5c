"""m2g's options, and the exact arguments that m2g is called with."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.core.atlases.atlas import name_of
from opsctl.core.errors import UsageProblem
from opsctl.core.runs.m2g_options import M2gOptions, argv, refused_flag

DWI = ["m2g", "INPUT_DIR", "OUTPUT_DIR", "--pipeline", "dwi", "--participant_label", "01", "--session_label"]
FUNC = ["m2g", "INPUT_DIR", "OUTPUT_DIR", "--pipeline", "func", "--participant_label", "01", "--session_label"]


def test_what_a_dwi_job_calls_by_default() -> None:
    options = M2gOptions(parcellation=("AAL",)).for_job(vcpus=4, memory_mib=30_400)
    assert argv(options, subject="01", session="1") == [
        *DWI,
        "1",
        *("--diffusion_model", "csa", "--space", "native", "--mod", "det", "--track_type", "local"),
        *("--seeds", "20", "--voxelsize", "2mm", "--parcellation", "AAL_space-MNI152NLin6_res-", "--n_cpus", "1"),
    ]


def test_every_dwi_option() -> None:
    options = M2gOptions(
        diffusion_model="csd",
        space="native_dsn",
        mod="prob",
        track_type="particle",
        seeds=1,
        voxelsize="4mm",
        parcellation=("Desikan", "HarvardOxfordsub-maxprob-thr25_label_all", "Desikan"),
        n_cpus=4,
        skull="cerebelum",
        reuse_registration=True,
    )
    assert argv(options, subject="01", session="1") == [
        *DWI,
        "1",
        *("--diffusion_model", "csd", "--space", "native_dsn", "--mod", "prob", "--track_type", "particle"),
        *("--seeds", "1", "--voxelsize", "4mm", "--parcellation", "Desikan_space-MNI152NLin6_res-"),
        "HarvardOxfordsub-maxprob-thr25_space-MNI152NLin6_label_all_res-",
        *("--n_cpus", "4", "--skull", "cerebelum", "--skipeddy", "--skipreg"),
    ]


def test_every_func_option_and_none_of_dwi() -> None:
    options = M2gOptions(
        pipeline="func",
        parcellation=("Desikan",),
        acquisition="seqplus",
        tr=0.8,
        mem_gb=10,
        skull="eye",
        seeds=3,
    )
    assert argv(options.for_job(vcpus=2, memory_mib=15_200), subject="01", session="1") == [
        *FUNC,
        "1",
        *("--space", "native", "--voxelsize", "2mm", "--parcellation", "Desikan_space-MNI152NLin6_res-"),
        *("--acquisition", "seqplus", "--tr", "0.8", "--mem_gb", "10", "--n_cpus", "2", "--skull", "eye"),
    ]


def test_what_comes_from_the_data_is_left_out() -> None:
    arguments = argv(M2gOptions(pipeline="func"), subject="01", session="1")
    assert {"--tr", "--acquisition", "--mem_gb", "--n_cpus"}.isdisjoint(arguments)


@pytest.mark.parametrize(
    ("pipeline", "vcpus", "memory_mib", "given_to_m2g"),
    [("dwi", 4, 30_400, (1, 27.6)), ("func", 2, 15_200, (2, 12.8)), ("func", 4, 1024, (4, 1.0))],
)
def test_processors_and_memory_follow_the_job(
    pipeline: Any, vcpus: int, memory_mib: int, given_to_m2g: tuple[int, float]
) -> None:
    options = M2gOptions(pipeline=pipeline).for_job(vcpus=vcpus, memory_mib=memory_mib)
    assert (options.n_cpus, options.mem_gb) == given_to_m2g
    typed = M2gOptions(pipeline=pipeline, n_cpus=3, mem_gb=7.5)
    assert typed.for_job(vcpus=vcpus, memory_mib=memory_mib) == typed


@pytest.mark.parametrize(("flag", "consequence"), [("skipeddy", "has no effect"), ("skipreg", "makes m2g fail")])
def test_a_flag_that_needs_earlier_files_is_refused_with_the_reason(flag: str, consequence: str) -> None:
    problem = refused_flag(flag)
    assert problem is not None
    assert consequence in problem.what
    assert "--reuse-registration" in problem.hint
    assert refused_flag("seeds") is None


def test_a_session_is_made_up_where_there_is_none() -> None:
    assert argv(M2gOptions(), subject="01", session=None)[: len(DWI) + 1] == [*DWI, "nosession"]


def m2g_parser() -> argparse.ArgumentParser:
    """m2g 0.3.0's own command line, option by option as its source declares it."""
    parser = argparse.ArgumentParser("m2g", allow_abbrev=False)
    parser.add_argument("input_dir")
    parser.add_argument("output_dir")
    for several in ("participant_label", "session_label", "parcellation"):
        parser.add_argument(f"--{several}", nargs="+")
    parser.add_argument("--pipeline", choices=["dwi", "func", "both"], default="dwi")
    parser.add_argument("--acquisition", default="alt+z")
    for number, default in (("tr", 2.0), ("mem_gb", 20), ("n_cpus", 1), ("seeds", 20)):
        parser.add_argument(f"--{number}", type=type(default) if number != "mem_gb" else float, default=default)
    for flag in ("skipeddy", "skipreg"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--diffusion_model", choices=["csd", "csa"], default="csa")
    parser.add_argument("--space", choices=["native", "native_dsn"], default="native")
    parser.add_argument("--mod", choices=["det", "prob"], default="det")
    parser.add_argument("--track_type", choices=["local", "particle"], default="local")
    parser.add_argument("--voxelsize", choices=["1mm", "2mm", "4mm"], default="2mm")
    parser.add_argument("--skull", choices=["below", "cerebelum", "eye", "general"])
    return parser


def m2g_options(*, reuse_registration: bool, **values: Any) -> M2gOptions:
    """Options that opsctl accepts: only dwi can reuse a registration."""
    return M2gOptions(**values, reuse_registration=reuse_registration and values["pipeline"] == "dwi")


_OPTIONS = st.builds(
    m2g_options,
    pipeline=st.sampled_from(["dwi", "func"]),
    diffusion_model=st.sampled_from(["csd", "csa"]),
    space=st.sampled_from(["native", "native_dsn"]),
    mod=st.sampled_from(["det", "prob"]),
    track_type=st.sampled_from(["local", "particle"]),
    seeds=st.integers(1, 100),
    voxelsize=st.sampled_from(["1mm", "2mm", "4mm"]),
    parcellation=st.lists(st.sampled_from(["Desikan", "AAL", "CPAC200"]), unique=True).map(tuple),
    acquisition=st.sampled_from(["alt+z", "alt-z2", "seqminus"]),
    tr=st.floats(0.1, 10),
    mem_gb=st.integers(1, 60),
    n_cpus=st.integers(1, 8),
    skull=st.sampled_from([None, "below", "cerebelum", "eye", "general"]),
)


@settings(max_examples=100)
@given(_OPTIONS)
def test_m2g_reads_back_what_was_meant(options: M2gOptions) -> None:
    arguments = argv(options, subject="0025427", session="1")
    assert all(isinstance(argument, str) for argument in arguments)
    read = vars(m2g_parser().parse_args(arguments[1:]))
    assert (read["input_dir"], read["output_dir"]) == ("INPUT_DIR", "OUTPUT_DIR")
    assert (read["participant_label"], read["session_label"]) == (["0025427"], ["1"])
    only_dwi = {"diffusion_model", "mod", "track_type", "seeds", "reuse_registration"}
    assert read["skipeddy"] == read["skipreg"] == options.reuse_registration
    read["parcellation"] = [name_of(argument) for argument in read["parcellation"] or ()]
    only_func = {"acquisition", "tr", "mem_gb"}
    unread = only_func if options.pipeline == "dwi" else only_dwi
    for name, value in options.as_dict().items():
        if name not in unread | {"reuse_registration"}:
            assert (read[name] or None) == (value or None), name


@pytest.mark.parametrize(
    "field", [option.name for option in dataclasses.fields(M2gOptions) if option.name != "parcellation"]
)
def test_unknown_values_are_refused_with_the_allowed_words(field: str) -> None:
    numbers = {"seeds", "tr", "mem_gb", "n_cpus"}
    if field == "reuse_registration":
        return
    with pytest.raises(UsageProblem, match=f"--{field}") as problem:
        M2gOptions(**{field: 0 if field in numbers else "foo"})  # type: ignore[arg-type]
    assert problem.value.exit_code == 2
    if field == "space":
        assert "native, native_dsn" in problem.value.what


@pytest.mark.parametrize("value", ["", "-x", "--push_location"])
def test_a_parcellation_that_would_be_read_as_an_option_is_refused(value: str) -> None:
    with pytest.raises(UsageProblem, match="--parcellation"):
        M2gOptions(parcellation=("Desikan", value))


@pytest.mark.parametrize("value", [-1, 0, -0.5])
def test_numbers_must_be_greater_than_zero(value: Any) -> None:
    with pytest.raises(UsageProblem, match="greater than 0"):
        M2gOptions(tr=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_must_be_finite(value: float) -> None:
    with pytest.raises(UsageProblem, match="--tr"):
        M2gOptions(tr=value)


def test_options_are_json_and_one_job_of_a_both_run_gets_its_own_pipeline() -> None:
    options = M2gOptions(pipeline="both", parcellation=("Desikan",))
    assert options.for_pipeline("func") == dataclasses.replace(options, pipeline="func")
    assert json.loads(json.dumps(options.as_dict())) == options.as_dict()
    assert options.as_dict()["parcellation"] == ["Desikan"]
    assert set(options.as_dict()) == {option.name for option in dataclasses.fields(M2gOptions)}


def test_a_reused_registration_is_asked_of_m2g_with_both_its_flags() -> None:
    arguments = argv(M2gOptions(reuse_registration=True), subject="1", session=None)
    assert arguments[-2:] == ["--skipeddy", "--skipreg"]
    assert "--reuse_registration" not in arguments
    assert not {"--skipeddy", "--skipreg"} & set(argv(M2gOptions(), subject="1", session=None))


@pytest.mark.parametrize("pipeline", ["func", "both"])
def test_func_has_no_registration_to_reuse(pipeline: Any) -> None:
    with pytest.raises(UsageProblem, match="--reuse-registration is for --pipeline dwi"):
        M2gOptions(pipeline=pipeline, reuse_registration=True)
