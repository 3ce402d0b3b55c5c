"""`run --pilot --settings`: the same scans with several settings, one question, one price, and the way to compare."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.batch_world import RATES
from support.commands import commands
from support.fake_batch import DENIED, FakeBatch, Fault
from support.input_cases import CASES
from support.memory_s3 import MemoryS3
from support.run_world import MOMENT, PLATFORM

from opsctl.aws.s3.storage import Storage
from opsctl.commands.runs.records import Records
from opsctl.core.diagnosis.account.obstacles import RunFacts
from opsctl.core.runs.manifest import Run
from opsctl.home import Home

CONTENT = CASES["sound"].inputs().files()
NAMES = {"dwi": "dwi/{}_dwi.nii.gz", "bval": "dwi/{}_dwi.bval", "bvec": "dwi/{}_dwi.bvec", "T1w": "anat/{}_T1w.nii.gz"}
PILOT = ("run", "HNU1", "--pilot", "3x2", "--settings", "csd,csa")
SCANS = [f"sub-{subject}/ses-{session}" for subject in ("01", "03", "05") for session in (1, 3)]


class Keyboard(io.StringIO):
    """A terminal on which answers are typed."""

    def isatty(self) -> bool:
        return True


@dataclass
class World:
    type: Callable[..., Any]
    records: Records
    batch: FakeBatch

    def runs(self, folder: str) -> list[Run]:
        """The runs into a derivatives folder, oldest first."""
        runs = self.records.runs(self.records.run_ids()).values()
        return [run for run in runs if run.output == f"s3://data/HNU1/derivatives/{folder}"]

    def names(self, folder: str) -> list[str]:
        """The scans that the first run into a folder submits."""
        run = self.runs(folder)[0]
        return sorted(run.scans[: run.submitted_count])


@pytest.fixture
def world(home: Path, opsctl: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> World:
    client: Any = MemoryS3("data", now=lambda: MOMENT)
    for number, place in enumerate(f"sub-0{subject}/ses-{session}" for subject in range(1, 6) for session in (1, 2, 3)):
        for role, body in CONTENT.items():
            key = f"HNU1/{place}/{NAMES[role].format(place.replace('/', '_'))}"
            # Scans of equal bytes would have equal keys: these differ, as real ones do.
            client.put_object(Bucket="data", Key=key, Body=b" " * number + body if role == "bval" else body)
    storage = Storage(client)
    Home(home).keep(PLATFORM)
    batch = FakeBatch()
    monkeypatch.setattr("opsctl.cli.context.storage_of", lambda _: storage)
    monkeypatch.setattr("opsctl.cli.context.batch_of", lambda _: batch.adapter())
    monkeypatch.setattr("opsctl.aws.pricing.rates", lambda *_, **__: RATES)
    monkeypatch.setattr("opsctl.commands.diagnosis.account_look.start_run_facts", lambda *_: lambda: RunFacts())
    return World(opsctl, Records(storage, data_bucket="data"), batch)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_each_setting_is_a_run_of_the_same_scans_in_its_own_folder(world: World) -> None:
    said = world.type(*PILOT, "--yes")
    assert said.code == 0, said.err
    assert len(world.batch.jobs) == 2
    for model in ("csd", "csa"):
        assert world.names(f"m2g-{model}-native") == SCANS
        assert [run.model for run in world.runs(f"m2g-{model}-native")] == [model]
    message = flat(said.err)
    assert "pilot: 3 subjects with 2 sessions each, spread over the subjects' labels" in message
    assert "sub-03: ses-1, ses-3" in message
    assert re.search(r"csd: Submitted 6 scans as HNU1-\S+\. csa: Submitted 6 scans as HNU1-", message)


def test_the_price_is_that_of_all_settings(world: World) -> None:
    said = world.type(*PILOT, "--yes")
    parts = [float(usd) for usd in re.findall(r"\n(?:csd|csa): about \$([0-9.]+) estimated", said.err)]
    together = re.search(r"together: 2 settings, 12 scans, about \$([0-9.]+) estimated", said.err)
    assert len(parts) == 2 and together is not None
    assert float(together[1]) == pytest.approx(sum(parts), abs=0.011)


def test_there_is_one_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("y\n"))
    said = world.type(*PILOT)
    assert said.code == 0 and said.err.count("[y/N]") == 1
    assert "Submit 12 jobs with 2 settings? [y/N]" in said.err
    assert len(world.batch.jobs) == 2


def test_no_submits_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("n\n"))
    said = world.type(*PILOT)
    assert said.code == 1 and "Nothing was submitted." in said.err
    assert world.batch.jobs == {}


def test_a_budget_is_for_all_settings_together(world: World) -> None:
    said = world.type(*PILOT, "--yes")
    usd = float(re.search(r"together: .* about \$([0-9.]+) estimated", said.err)[1])  # type: ignore[index]
    # A sum below what long scans would cost is kept by waiting for the first ones (test_budget.py).
    # Other folders: what was spent in those counts for them only.
    for limit, code in ((usd * 0.75, 1), (usd * 1.6, 0)):
        before = len(world.batch.jobs)
        said = world.type(*PILOT, "--modif", "second", "--max-spend", f"{limit:.2f}", "--yes")
        assert said.code == code, said.err
        assert (len(world.batch.jobs) > before) is (code == 0)
        if code:
            assert "12 scans of 2 settings" in flat(said.err) and "above --max-spend" in flat(said.err)
    assert world.names("second-csd") == world.names("second-csa") == SCANS


def test_a_budget_counts_what_the_other_setting_has_committed(world: World) -> None:
    said = world.type(*PILOT, "--yes")
    usd = float(re.search(r"together: .* about \$([0-9.]+) estimated", said.err)[1])  # type: ignore[index]
    more = ("--session-label", "ses-1", "--session-label", "ses-2", "--session-label", "ses-3")
    said = world.type("run", "HNU1", "--pilot", "5x3", *PILOT[4:], *more, "--max-spend", f"{usd * 2:.2f}", "--yes")
    assert said.code == 1 and "spent or committed" in flat(said.err)
    assert len(world.batch.jobs) == 2


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), DENIED], ids=["Ctrl-C", "refused"])
def test_stopped_between_two_settings_it_goes_on_with_the_second(world: World, raised: BaseException) -> None:
    world.batch.faults = [None, Fault(raised)]
    said = world.type(*PILOT, "--yes")
    assert said.code == (130 if isinstance(raised, KeyboardInterrupt) else 1)
    message = flat(said.err)
    assert "That was the setting csa; csd was submitted as HNU1-" in message, message
    said = world.type(*PILOT, "--yes")
    assert said.code == 0, said.err
    assert "csd: 0 done, 6 in progress: nothing to submit." in said.err
    assert sum(job["size"] for job in world.batch.jobs.values()) == 12
    assert world.names("m2g-csd-native") == SCANS
    said = world.type(*PILOT, "--yes")
    assert said.code == 0 and said.err.count("6 in progress: nothing to submit.") == 2
    assert "opsctl compare" in said.err and len(world.batch.jobs) == 2


def test_the_command_that_compares_them_is_printed_and_can_be_typed(world: World) -> None:
    said = world.type(*PILOT, "--yes")
    (command,) = re.findall(r"opsctl (compare \S+ \S+)", said.err)
    words = shlex.split(command)
    assert words == ["compare", "HNU1/derivatives/m2g-csd-native", "HNU1/derivatives/m2g-csa-native"]
    commands()[("compare",)].make_context("compare", words[1:])
    compared = world.type(*words)
    assert compared.code == 1
    assert "No scan of HNU1/derivatives/m2g-csd-native is done, so there is nothing to compare." in flat(compared.err)


def test_three_settings_are_compared_with_the_first(world: World) -> None:
    said = world.type("run", "HNU1", "--pilot", "2x2", "--settings", "csd,csa,csd:prob", "--yes", "--json")
    document = json.loads(said.out)
    assert [each["setting"] for each in document["settings"]] == ["csd", "csa", "csd:prob"]
    assert [each["submitted"] for each in document["settings"]] == [4, 4, 4]
    base = "opsctl compare HNU1/derivatives/m2g-csd-native HNU1/derivatives/"
    assert document["compare"] == [f"{base}m2g-csa-native", f"{base}m2g-csd-native-prob"]
    assert len({each["run_id"] for each in document["settings"]}) == 3


def test_a_dry_run_submits_nothing_and_has_it_all(world: World) -> None:
    said = world.type(*PILOT, "--dry-run", "--json")
    document = json.loads(said.out)
    assert said.code == 0 and world.batch.jobs == {}
    assert document["together"]["scan_count"] == 12 and document["together"]["usd"] > 0
    for each in document["settings"]:
        assert sorted(scan["scan"]["name"] for scan in each["scans"]) == SCANS
    assert "schema_version" in document


def test_a_pilot_without_settings_is_a_run_of_these_scans(world: World) -> None:
    said = world.type("run", "HNU1", "--pilot", "3x2", "--yes")
    assert said.code == 0 and world.names("m2g-csa-native") == SCANS
    assert "opsctl compare" not in said.err


def test_settings_without_a_pilot_are_for_all_scans(world: World) -> None:
    said = world.type("run", "HNU1", "--settings", "csd,csa", "--yes")
    assert said.code == 0 and "together: 2 settings, 30 scans" in said.err


REFUSED = {
    "same twice": (("--settings", "csd,csd:det"), "The settings csd and csd:det ask m2g for the same."),
    "typed too": (("--settings", "csd,csa", "--model", "csd"), "--model is typed, and the setting csd says it too."),
    "no such atlas": (("--settings", "csd:Desikn"), "--parcellation Desikn selects none"),
    "follow": (("--settings", "csd,csa", "--follow"), "--follow shows the logs of one run"),
    "first": (("--pilot", "2x2", "--first", "3"), "--pilot and --first choose differently."),
    "both": (("--pilot", "2x2", "--pipeline", "both"), "--pilot is about one pipeline"),
    "too few": (("--pilot", "8x2"), "Of 5 subjects, 5 have 2 sessions or more. Type --pilot 5x2."),
    "func": (("--settings", "csd,csa", "--pipeline", "func"), "ask m2g for the same"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_submitted(world: World, case: str) -> None:
    words, sentence = REFUSED[case]
    said = world.type("run", "HNU1", *words, "--yes")
    assert said.code in (1, 2) and sentence in flat(said.err), said.err
    assert world.batch.jobs == {}
