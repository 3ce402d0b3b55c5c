"""Altered scan JSONs: the runner refuses each in words, or runs m2g with words that no shell can mistake."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from m2g_job import environment, m2g_arguments, scan, staging
from m2g_job.claim import _parsed
from m2g_job.faults import WrongInput
from m2g_job.s3 import Document
from m2g_job.scan import Scan
from m2g_job.staged_names import StagedNames
from support.core_examples import run
from support.core_examples import scan as dataset_scan
from support.example_platform import platform
from support.record_mutations import mutations

from opsctl.assets import atlas_table
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.scan_document import ScanDocuments

SEED = int(os.environ.get("FUZZ_SEED", "16"))
COUNT = int(os.environ.get("FUZZ_MUTATIONS", "1000"))
RUN = run(4)
JOB = environment.read({"OPSCTL_RUN_URI": f"s3://data/opsctl/runs/{RUN.run_id}", "OPSCTL_SCAN_OFFSET": "3"})
#: No blank, quote, backslash, `$`, `;`, `&`, `|`, `<`, `>`, `(`, `*`, `?`, `[`, `~`, `#` or control character.
HARMLESS = re.compile(r"[A-Za-z0-9/._+:@=-]*")
LABELS = (
    "label.nii.gz;id",
    "$(id)",
    "`id`",
    "a b",
    "a'b",
    'a"b',
    "a\\b",
    "a|b",
    "a&b",
    "a\nb",
    "a*b",
    "-rf",
    "01\n",
    "é",
)


def document(pipeline: Any = "dwi", **options: Any) -> dict[str, Any]:
    atlas = atlas_table()["Desikan"]
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            ScanDocuments(
                M2gOptions(pipeline=pipeline, parcellation=("Desikan",), **options),
                run=RUN,
                atlases=[atlas],
                job=platform().models["csa"],
            ).document(dataset_scan(pipeline=pipeline), 3)
        )
    )


def parsed(raw: Any) -> Scan:
    return scan.parse(raw if isinstance(raw, bytes) else json.dumps(raw).encode(), JOB)


def check(value: Scan) -> None:
    names = StagedNames(value)
    for word in (*names.arguments(value.argv), *staging.layout(value), names.stem, names.output_key("x/y_dwi.csv")):
        assert HARMLESS.fullmatch(word), word
        assert not word.startswith("-") or word in value.argv
    assert list(value.argv) == m2g_arguments.arguments(
        value.options, value.argv, subject=value.subject, session=value.session_label
    )
    assert value.output.startswith("s3://data/") and value.output.endswith(f"/{value.name}")
    assert all(entry.uri.startswith(f"{value.dataset}/") for entry in value.inputs)


def test_an_altered_scan_json_is_refused_in_words_or_harmless() -> None:
    raw = document()
    check(parsed(raw))
    taken, refusals = 0, []
    for data in mutations(raw, seed=SEED, count=COUNT):
        try:
            value = parsed(data)
        except WrongInput as refused:
            refusals.append((str(refused), refused.cause_code))
            continue
        check(value)
        taken += 1
    for sentence, code in refusals:
        assert 0 < len(sentence) < 10_000 and code in ("scan_record_invalid", "input_empty"), sentence[:500]
    assert 0 < taken < COUNT / 2


@pytest.mark.parametrize("label", LABELS)
def test_no_name_that_a_shell_could_mistake_reaches_m2g(label: str) -> None:
    for change in (
        lambda raw: raw["scan"].update(subject=label),
        lambda raw: raw["scan"].update(session=label),
        lambda raw: raw["scan"].update(name=f"sub-{label}/ses-1"),
        lambda raw: raw["inputs"][0].update(uri=f"s3://data/HNU1/sub-01/sub-01_acq-{label}_dwi.nii.gz"),
        lambda raw: raw["inputs"][0].update(uri=f"s3://data/HNU1/sub-01/sub-01_{label}-1_dwi.nii.gz"),
        lambda raw: raw["m2g"].update(parcellation=[label]),
        lambda raw: raw["m2g"].update(space=label),
        lambda raw: raw["m2g"].update(seeds=label),
        lambda raw: raw.update(argv=[*raw["argv"], label]),
        lambda raw: raw.update(argv=[*raw["argv"][:-1], label]),
    ):
        raw = document()
        change(raw)
        with pytest.raises(WrongInput):
            parsed(raw)


@pytest.mark.parametrize(
    "words",
    [
        ["--push_location", "s3://x/y"],
        ["--skipeddy"],
        ["--skipreg"],
        ["--parcellation", "x"],
        ["--n_cpus", "8"],
        ["INPUT_DIR"],
    ],
)
def test_every_word_of_the_arguments_follows_from_an_option(words: list[str]) -> None:
    raw = document()
    for argv in (raw["argv"] + words, raw["argv"][:3] + words + raw["argv"][3:], raw["argv"][:-1], [], raw["argv"] * 2):
        with pytest.raises(WrongInput):
            parsed({**raw, "argv": argv})


def test_what_only_follows_from_the_jobs_size_is_a_number() -> None:
    raw = document()
    position = raw["argv"].index("--n_cpus") + 1
    for value in ("2", "12.8"):
        raw["argv"][position] = value
        assert parsed(raw).argv[position] == value
    for value in ("2;id", "", "-1", "1e9", "$(id)", "\u0662", "2\n"):
        raw["argv"][position] = value
        with pytest.raises(WrongInput):
            parsed(raw)


@pytest.mark.parametrize(
    ("pipeline", "options"),
    [
        ("dwi", {}),
        ("dwi", {"seeds": 1, "skull": "eye", "space": "native_dsn", "mod": "prob", "n_cpus": 3}),
        ("func", {"tr": 0.72, "acquisition": "alt+z2", "mem_gb": 7.5}),
        ("func", {"voxelsize": "4mm", "skull": "general"}),
    ],
)
def test_the_runner_and_opsctl_make_the_same_arguments(pipeline: Any, options: dict[str, Any]) -> None:
    raw = document(**options)
    if pipeline == "func":
        raw = document("func", **options)
        raw["inputs"] = [
            {**raw["inputs"][0], "uri": "s3://data/HNU1/sub-01/sub-01_ses-1_task-rest_bold.nii.gz", "role": "bold"},
            raw["inputs"][3],
        ]
    assert list(parsed(raw).argv) == raw["argv"]


def test_an_altered_claim_counts_by_its_age_alone() -> None:
    from datetime import timedelta

    body = {"schema_version": 1, "job_id": "j:3", "attempt": 1, "token": "0f" * 16, "time": "t", "state": "held"}
    read = 0
    for data in mutations(body, seed=SEED, count=COUNT):
        claim = _parsed(2, timedelta(minutes=1), Document(data, "e"))
        assert claim.generation == 2 and type(claim.attempt) is int and claim.holder.isprintable()
        assert claim.state in ("held", "released", "")
        read += claim.state != ""
    assert 0 < read < COUNT
