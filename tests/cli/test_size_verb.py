"""`size`: the peaks of a run, what they propose, and what to type next, on a terminal, in a pipe and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES
from support.core_examples import run as made_run
from support.example_platform import platform
from support.moto_s3 import s3, s3_client, storage, whole_storage  # noqa: F401 fixtures
from support.run_world import put_run, result_json
from support.windows import terminal

from opsctl.aws.s3.storage import Storage
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.selftest.phases import Phases
from opsctl.core.selftest.times import TIMES_KEY, PlatformTimes
from opsctl.core.sizing.packing import Assumptions
from opsctl.core.sizing.peaks import ScanPeak
from opsctl.core.sizing.size_report import SizeReport, size_report
from opsctl.home import Home
from opsctl.render.size import chosen_line, next_commands, show_size

Opsctl = Callable[..., Any]
RUN = made_run(10, command_line=("opsctl", "run", "HNU1", "--sp", "native", "--first", "10", "--memory", "15200"))


def report(
    memory: Sequence[int], *, disk_mib: int = 1_000, is_preview: bool = False, is_local: bool = False
) -> SizeReport:
    peaks = [
        ScanPeak(scan=f"sub-{number}", model="csd", memory_mib=mib, disk_mib=disk_mib, atlas_count=1)
        for number, mib in enumerate(memory)
    ]
    return size_report(
        RUN,
        tuple(peaks),
        unmeasured=0,
        is_preview=is_preview,
        is_local=is_local,
        resources=platform().models["csd"],
        rates=RATES,
        hours_source="a test",
        assumptions=Assumptions(scan_hours=1.0),
    )


FITTING = report([5_000] * 9 + [9_000])


@pytest.fixture
def run_of(storage: Storage, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:  # noqa: F811
    """A finished csd run whose scans had these peaks; -1 is one that ran out of memory."""

    def made(*memory: int, **changes: Any) -> str:
        names = tuple(f"sub-{number:02d}" for number in range(len(memory)))
        keys = tuple(f"k{number}" for number in range(len(memory)))
        fields: dict[str, Any] = {"scans": names, "keys": keys, "sizes": (len(memory),), **changes}
        run = put_run(storage, "HNU1-20261122-120000-ab12", model="csd", resources="csd", **fields)
        for index, mib in enumerate(memory):
            peak: dict[str, Any] = {"peak_memory_mib": mib, "peak_disk_mib": 2_000, "run_id": run.run_id}
            peak["stopped_at"] = "2026-11-22T13:00:00Z"
            if mib < 0:
                peak |= {"peak_memory_mib": 7_000, "status": "failed", "cause_code": CauseCode.OUT_OF_MEMORY}
            value = result_json(index, run.scans[index], key=run.keys[index], **peak)
            storage.put_json("data", f"opsctl/runs/{run.run_id}/results/{index:05d}.json", value)
        return run.run_id

    Home(home).keep(platform())
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    return made


def test_in_a_pipe_are_the_answers_and_on_the_other_stream_what_they_rest_on(
    run_of: Callable[..., str], opsctl: Opsctl
) -> None:
    run_id = run_of(*[5_000] * 9, -1)
    said = opsctl("size")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == f"{run_id}: 10 scans are measured"
    # What ran out of memory needs at least what its job had.
    assert "5,000 to 15,200 (5,000, 5,000), 1 ran out" in lines[1]
    assert any(line.startswith("Proposed: 2 scans on each r5.large, with 7,600 MiB and 1 vCPU each") for line in lines)
    assert "1 of 10 measured scans would need more memory" in said.out
    assert "assumed: two scans on one core (two vCPUs) take 1.35 times as long" in " ".join(said.err.split())
    assert "assumed" not in said.out


def test_the_document_agrees_with_what_is_shown(run_of: Callable[..., str], opsctl: Opsctl) -> None:
    run_of(*[5_000] * 10)
    document = json.loads(opsctl("size", "--json").out)
    assert (document["schema_version"], document["measured"], document["proposed"]) == (1, 10, 2)
    one, two = document["packings"]
    assert (one["scans"], two["scans"], two["size"]["memory_mib"]) == (1, 2, 7_600)
    assert f"{two['against_alone']:+.0%}" in opsctl("size").out


def test_another_slowdown_proposes_something_else(run_of: Callable[..., str], opsctl: Opsctl) -> None:
    run_of(*[5_000] * 10)
    proposed = [json.loads(opsctl("size", "--slowdown", slow, "--json").out)["proposed"] for slow in ("1.35", "2")]
    assert proposed == [2, 1]


def test_too_few_scans_propose_nothing(run_of: Callable[..., str], opsctl: Opsctl) -> None:
    run_of(5_000)
    said = opsctl("size")
    assert "1 measured scan is too few to propose anything: 5 are needed, 10 are better." in said.out
    assert "Proposed" not in said.out and "opsctl run HNU1 --first 10" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--slowdown", "0.5"), "must be from 1.0 to 10.0"),
        (("--slowdown", "x"), "is not a number"),
        (("--run", "nope"), "There is no run nope."),
    ],
)
def test_wrong_input_is_refused(
    words: tuple[str, str], message: str, run_of: Callable[..., str], opsctl: Opsctl
) -> None:
    run_of(5_000)
    said = opsctl("size", *words)
    assert said.code and message in said.err


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_figure_has_its_name_in_every_window(width: int) -> None:
    screen, window = terminal(width)
    show_size(screen, FITTING)
    text = " ".join(window.getvalue().split())
    assert max(map(len, window.lines)) <= width
    for words in ("7,600 MiB and 1 vCPU", "1 of 10", "Proposed: 2 scans"):
        assert words in text
    names = ("median 5,000", "need more") if width < 100 else ("MEDIAN", "MEASURED SCANS THAT NEED MORE")
    assert all(name in text for name in names), text


def test_the_next_commands_are_the_runs_own_without_what_chose_its_scans_and_their_memory() -> None:
    assert next_commands(replace(FITTING, rates=replace(RATES, root_volume_gib=43))) == {
        "opsctl run HNU1 --sp native --pack 2": "run the rest so",
        "opsctl up --name m2g --pack auto": "make it the platform's default",
    }
    assert next_commands(FITTING)["opsctl up --name m2g --set root_volume_gib=43"]
    dear = report([5_000] * 10)
    dear = replace(dear, rates=replace(RATES, disk_usd_per_gib_hour=0.001, root_volume_gib=100))
    saved = next_commands(dear)["opsctl up --name m2g --set root_volume_gib=43"]
    change = 0.057 / dear.rates.usd_per_instance_hour
    assert saved == f"give instances the disk that they need: about {change:.0%} less an hour"
    assert next_commands(report([5_000])) == {
        "opsctl run HNU1 --sp native --first 10": "measure more scans, each alone"
    }


def test_the_disk_follows_the_self_test_and_the_largest_instance_that_is_allowed(
    run_of: Callable[..., str],
    opsctl: Opsctl,
    storage: Storage,  # noqa: F811
    home: Path,
) -> None:
    run_of(*[5_000] * 10)
    assert json.loads(opsctl("size", "--json").out)["packings"][1]["disk_gib"] == 45
    times = PlatformTimes().with_measured(
        [("r5.large", Phases(instance=1.0, start=1.0))],
        at="2026-11-28T12:00:00Z",
        disks={"r5.large": 20 * 1024},
        image=platform().image,
    )
    storage.put_json("data", TIMES_KEY, times.as_json())
    said = opsctl("size")
    assert "20 GiB for system and image (the self-test of 2026-11-28)" in " ".join(said.err.split())
    assert "shared by 2 scans, is 62 MiB/s for each" in " ".join(said.err.split())
    # 2,000 MiB a scan: the layers of the image, with half of its size, need more.
    assert "--set root_volume_gib=32  give instances the disk that they need: the price stays the same" in said.err
    models = {
        name: replace(model, more_instance_types=("r5.4xlarge",) if name == "csd" else ())
        for name, model in platform().models.items()
    }
    Home(home).keep(replace(platform(), models=models))
    two = json.loads(opsctl("size", "--json").out)["packings"][1]
    assert (two["disk_scans"], two["disk_gib"]) == (16, 60)


def test_the_previews_peaks_advise_nothing_for_aws() -> None:
    preview = report([200] * 10, is_preview=True)
    assert preview.proposal is None and next_commands(preview) == {}
    assert chosen_line(preview, "model csd").startswith("--pack auto: one scan on each instance")
    rehearsal = report([200] * 10, is_preview=True, is_local=True)
    assert "(the preview)" in chosen_line(rehearsal, "model csd")
    # The disk of the preview's scans says nothing of m2g's.
    assert not any("root_volume_gib" in command for command in next_commands(rehearsal))
