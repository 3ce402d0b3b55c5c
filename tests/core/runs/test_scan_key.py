"""The key of a scan's work: equal exactly where m2g would do the same again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs
from support.core_examples import scan

from opsctl.core.dataset.scan import Scan
from opsctl.core.runs.m2g_options import M2gOptions, Pipeline, argv, asked
from opsctl.core.runs.registration import Registration, RegistrationFile
from opsctl.core.runs.scan_key import ScanKeys, m2g_image_of, work_of

M2G = "sha256:" + "a" * 64


def key(options: M2gOptions | None = None, example: Scan | None = None, *, m2g_image: str = M2G) -> str:
    """The key of an example scan, by its own pipeline."""
    example = example or scan()
    return ScanKeys(asked((options or M2gOptions()).as_dict(), example.pipeline), m2g_image).key(example.inputs)


def test_the_key_is_that_of_one_sorted_object_as_runs_of_other_versions_recorded_it() -> None:
    example, values = scan(), asked(M2gOptions(seeds=3, parcellation=("AAL", "Desikan")).as_dict(), "dwi")
    files = [
        RegistrationFile(path=path, size_bytes=1, sha256="", etag=etag) for path, etag in (("é.mat", "e9"), ("a", "e8"))
    ]
    reused = Registration(run_id="r-1", base="s3://data/D", files=tuple(files))
    for registration in (None, reused):
        work: dict[str, Any] = {"inputs": sorted([file.role, file.etag] for file in example.inputs), "m2g": values}
        if registration is not None:
            work["reused"] = sorted([file.path, file.etag] for file in registration.files)
        text = json.dumps(work, sort_keys=True, separators=(",", ":"))
        whole = f"{hashlib.sha256(text.encode()).hexdigest()}@{M2G}"
        assert ScanKeys(values, M2G).key(example.inputs, registration) == whole


def test_the_key_tells_its_two_parts() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", work_of(key()))
    assert m2g_image_of(key()) == M2G
    assert m2g_image_of(key(m2g_image="docker.io/neurodata/m2g:latest")) == "docker.io/neurodata/m2g:latest"


def with_etag(role: str) -> Scan:
    example = scan()
    inputs = (structs.replace(file, etag="new") if file.role == role else file for file in example.inputs)
    return dataclasses.replace(example, inputs=tuple(inputs))


@pytest.mark.parametrize("role", ["dwi", "bval", "bvec", "T1w"])
def test_other_bytes_are_other_work(role: str) -> None:
    assert work_of(key(example=with_etag(role))) != work_of(key())


def test_another_m2g_does_the_same_work_under_another_key() -> None:
    other = key(m2g_image="sha256:" + "b" * 64)
    assert other != key()
    assert work_of(other) == work_of(key())


def test_order_and_place_of_the_inputs_are_no_other_work() -> None:
    moved = tuple(structs.replace(file, uri=file.uri.replace("HNU1", "copy")) for file in reversed(scan().inputs))
    assert key(example=scan(inputs=moved, name="other", note="x")) == key()


#: Options that ask for the same, and how they were typed.
SAME: list[tuple[str, Pipeline, dict[str, Any], dict[str, Any]]] = [
    ("a default is typed", "dwi", {}, {"seeds": 20, "space": "native"}),
    ("what follows the job's size", "dwi", {}, {"n_cpus": 2}),
    ("what follows the job's size", "func", {}, {"n_cpus": 2, "mem_gb": 8}),
    ("an int and a float", "func", {"tr": 1}, {"tr": 1.0}),
    ("other order", "dwi", {"parcellation": ("AAL", "Desikan")}, {"parcellation": ("Desikan", "AAL")}),
    ("twice", "dwi", {"parcellation": ("AAL",)}, {"parcellation": ("AAL", "AAL")}),
    ("both pipelines, or only its own", "dwi", {}, {"pipeline": "both"}),
    ("func's options, of a dwi scan", "dwi", {}, {"tr": 1.5, "mem_gb": 8, "acquisition": "seqplus"}),
    ("dwi's options, of a func scan", "func", {}, {"diffusion_model": "csd", "mod": "prob", "seeds": 1}),
]
#: Options that ask for something else.
OTHER: list[tuple[Pipeline, dict[str, Any], dict[str, Any]]] = [
    *(
        ("dwi", {}, change)
        for change in (
            {"diffusion_model": "csd"},
            {"space": "native_dsn"},
            {"mod": "prob"},
            {"track_type": "particle"},
            {"seeds": 1},
            {"voxelsize": "1mm"},
            {"parcellation": ("Desikan",)},
            {"skull": "eye"},
            {"reuse_registration": True},
        )
    ),
    *(("func", {}, change) for change in ({"tr": 1.5}, {"tr": 2}, {"acquisition": "alt+z"})),
    ("dwi", {"parcellation": ("Desikan",)}, {"parcellation": ("desikan",)}),
    ("dwi", {"parcellation": ("Desikan",)}, {"parcellation": ("Desikan", "AAL")}),
]


@pytest.mark.parametrize(("pipeline", "first", "second"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_what_asks_for_the_same_is_the_same_work(
    pipeline: Pipeline, first: dict[str, Any], second: dict[str, Any]
) -> None:
    example = scan(pipeline=pipeline)
    assert key(M2gOptions(**first), example) == key(M2gOptions(**second), example)


@pytest.mark.parametrize(("pipeline", "first", "second"), OTHER)
def test_what_asks_for_something_else_is_other_work(
    pipeline: Pipeline, first: dict[str, Any], second: dict[str, Any]
) -> None:
    example = scan(pipeline=pipeline)
    assert work_of(key(M2gOptions(**first), example)) != work_of(key(M2gOptions(**second), example))


def test_dwi_and_func_of_one_input_are_different_work() -> None:
    assert key(example=scan(pipeline="func")) != key()


@pytest.mark.parametrize("spelling", [1, 1.0, "1", "1.0"])
def test_a_number_is_the_same_however_it_was_typed(spelling: Any) -> None:
    assert asked({"tr": spelling}, "func") == {"pipeline": "func", "tr": 1.0}
    assert asked({"seeds": 20 * float(spelling)}, "dwi") == {"pipeline": "dwi"}


def test_what_was_not_typed_is_not_asked_for() -> None:
    assert asked(M2gOptions().as_dict(), "dwi") == {"pipeline": "dwi"}
    assert asked({}, "dwi") == {"pipeline": "dwi"}


def from_values(name: str, *values: Any) -> st.SearchStrategy[tuple[str, Any]]:
    return st.sampled_from(values).map(lambda value: (name, value))


NAMES = ("AAL", "aal", "Desikan", "Yeo-7", "Yeo-7-liberal")
PARCELLATIONS = st.lists(st.sampled_from(NAMES), max_size=3).map(lambda names: ("parcellation", tuple(names)))
CHANGE = st.one_of(
    from_values("diffusion_model", "csa", "csd"),
    from_values("space", "native", "native_dsn"),
    from_values("mod", "det", "prob"),
    from_values("seeds", 1, 20, 20.0),
    PARCELLATIONS,
    from_values("acquisition", None, "alt+z", "seqplus"),
    from_values("tr", None, 1, 1.0, 2, 2.0, 0.8),
    from_values("skull", None, "eye"),
    from_values("reuse_registration", False, True),
)
OPTIONS = st.lists(CHANGE, max_size=3).map(lambda changes: M2gOptions(**dict(changes)))


def meaning(options: M2gOptions, pipeline: Pipeline) -> dict[str, Any]:
    """What m2g sees of the options: its arguments, without regard to spelling."""
    arguments = argv(options.for_pipeline(pipeline), subject="1", session=None)
    seen: dict[str, Any] = {}
    option = ""
    for argument in arguments:
        if argument.startswith("--"):
            option = argument
            seen[option] = set()
        elif option:
            number = re.fullmatch(r"[0-9]+(\.[0-9]+)?", argument)
            seen[option].add(float(argument) if number else argument)
    return seen


@given(OPTIONS, OPTIONS, st.sampled_from(["dwi", "func"]))
def test_keys_are_equal_exactly_where_m2g_sees_the_same(
    first: M2gOptions, second: M2gOptions, pipeline: Pipeline
) -> None:
    assume(pipeline == "dwi" or not (first.reuse_registration or second.reuse_registration))
    example = scan(pipeline=pipeline)
    is_same = meaning(first, pipeline) == meaning(second, pipeline)
    assert (key(first, example) == key(second, example)) == is_same


@given(OPTIONS, st.sampled_from(["dwi", "func"]), st.randoms())
def test_respelling_is_no_other_work(options: M2gOptions, pipeline: Pipeline, random: Any) -> None:
    names = [*options.parcellation, *options.parcellation]
    random.shuffle(names)
    number: Callable[[Any], Any] = random.choice([int, float])
    respelled = dataclasses.replace(options, parcellation=tuple(names), seeds=number(options.seeds))
    recorded = json.loads(json.dumps(respelled.as_dict()))
    assert asked(recorded, pipeline) == asked(options.as_dict(), pipeline)
