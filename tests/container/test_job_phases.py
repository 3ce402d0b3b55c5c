"""The phases of a job: m2g's by the lines it prints, each in the attempt's record soon, but at most once a minute."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from m2g_job import attempt, environment
from m2g_job.attempt import AttemptRecord, seconds_until_renewal
from m2g_job.faults import Ending
from m2g_job.log import Log
from m2g_job.phases import Phase, PhaseReader
from m2g_job.s3 import S3
from support.job_world import World
from support.waiting import until

from opsctl.core.runs.attempt import Attempt

#: The lines of a real m2g that phases are told by, among others of it, with two atlases.
DWI = """
Beginning m2g ...
parcellations = ['/m2g_atlases/atlases/label/Human/JHU_space-MNI152NLin6_res-4x4x4.nii.gz', \
'/m2g_atlases/atlases/label/Human/Desikan_space-MNI152NLin6_res-4x4x4.nii.gz']
skipreg = False
Checking inputs for eddy_correct ...
Calling eddy_correct.
Running shell command: . /venv/bin/activate && eddy_correct /input/sub-1_dwi.nii.gz /output/eddy.nii.gz 0 && deactivate
Rescaling b-vectors...
Function 'make_gtab_and_bmask' finished in 5.0341 secs
Checking inputs for reorient_t1w ...
Reorienting /input/sub-0025427/ses-1/anat/sub-0025427_ses-1_T1w.nii.gz to RAS+...
Running registration in native space...
Extracting brain from raw T1w image...
Calling t1w_skullstrip.
Function 't1w_skullstrip' finished in 1.0728 secs
Calling segment_t1w.
Extracting white matter edge...
Function 'gen_tissue' finished in 6.9061 secs
Running non-linear registration: T1w-->MNI ...
Function 'align_nonlinear' finished in 1.1215 secs
Running FLIRT BBR registration: DWI-->T1W ...
Function 't1w2dwi_align' finished in 11.5806 secs
Creating MNI-space ventricle ROI...
Input /m2g_atlases/atlases/label/Human/HarvardOxfordsub-maxprob-thr25_label_all_res-4x4x4.nii.gz found.
Function 'tissue2dwi_align' finished in 21.8316 secs
Reorienting /m2g_atlases/atlases/label/Human/JHU_space-MNI152NLin6_res-4x4x4.nii.gz to RAS+...
Reorienting /m2g_atlases/atlases/label/Human/Desikan_space-MNI152NLin6_res-4x4x4.nii.gz to RAS+...
Using 4263 seeds...
Beginning tractography in native space...
Fitting CSA ODF model...
Function 'odf_mod_est' finished in 0.0014 secs
Obtaining peaks from model...
Reconstructing tractogram streamlines...
Function 'local_tracking' finished in 33.8200 secs
Generating graph for /m2g_atlases/atlases/label/Human/JHU_space-MNI152NLin6_res-4x4x4.nii.gz parcellation...
# of Streamlines: 4302
Generating graph for /m2g_atlases/atlases/label/Human/Desikan_space-MNI152NLin6_res-4x4x4.nii.gz parcellation...
M2G Complete.
"""
#: With the files of an earlier run in place.
SKIPPING = """
Running registration in native space...
Found existing gentissue run!
Found existing t1w2dwi run!
Found existing tissue2dwi run!
Reorienting /m2g_atlases/atlases/label/Human/JHU_space-MNI152NLin6_res-4x4x4.nii.gz to RAS+...
Using 4263 seeds...
"""
FUNC = """
Single functional nifti file found
Running shell command: chmod +x /root/.m2g/cpac_script.sh
201023-22:09:34,158 nipype.workflow INFO:
Functional Pipeline completed!
roi_stats.npz converted to edgelist
"""


def phases(text: str, *, atlas_count: int = 0) -> list[str]:
    """The phases that a log shows."""
    entered: list[Phase] = []
    times = iter(f"2026-11-22T12:00:{second:02d}Z" for second in range(60))
    reader = PhaseReader(entered.append, atlas_count=atlas_count, now=lambda: next(times))
    for line in text.splitlines():
        reader.read(line.strip())
    return [f"{phase.name} {phase.number}/{phase.count} {phase.started_at[-3:-1]}" for phase in entered]


def test_the_phases_of_a_dwi_scan() -> None:
    assert phases(DWI) == [
        "eddy correction 0/0 00",
        "skull strip 0/0 01",
        "tissue segmentation 0/0 02",
        "nonlinear registration 0/0 03",
        "T1w to DWI 0/0 04",
        "tissue to DWI 0/0 05",
        "atlases 0/2 06",
        "atlases 1/2 06",
        "atlases 2/2 06",
        "model fit 0/0 07",
        "tractography 0/0 08",
        "graphs 1/2 09",
        "graphs 2/2 09",
    ]


def test_the_phases_of_a_scan_that_skips_registration() -> None:
    assert phases(SKIPPING, atlas_count=3) == [
        "nonlinear registration 0/0 00",
        "tissue to DWI 0/0 01",
        "atlases 0/3 02",
        "atlases 1/3 02",
        "model fit 0/0 03",
    ]


def test_the_phases_of_a_functional_scan() -> None:
    assert phases(FUNC) == ["C-PAC 0/0 00", "sorting outputs 0/0 01"]


def test_m2g_never_goes_back() -> None:
    assert phases("Using 9 seeds...\nCalling eddy_correct.\nCalling segment_t1w.") == ["model fit 0/0 00"]


@pytest.mark.parametrize(
    ("age", "has_news", "remaining"),
    [(0, False, 300), (0, True, 60), (59, True, 1), (60, True, 0), (60, False, 240), (400, False, -100)],
)
def test_news_is_written_after_a_minute_and_else_a_sign_of_life_after_five(
    age: float, has_news: bool, remaining: float
) -> None:
    assert seconds_until_renewal(age, has_news=has_news) == remaining


class KeptRecords:
    """S3 that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []
        self.open = threading.Event()
        self.open.set()

    def write(self, _uri: str, record: dict[str, Any], **_conditions: object) -> str:
        self.open.wait()
        self.written.append(record)
        return str(len(self.written))

    @property
    def phases(self) -> list[str]:
        return [(record["phase"] or {"name": ""})["name"] for record in self.written]


class Watched(threading.Condition):
    """A condition that counts how often it was waited for."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return super().wait(60 if timeout else timeout)


def test_a_phase_is_in_the_record_at_most_once_a_minute(tmp_path: Path) -> None:
    place = environment.read({"OPSCTL_RUN_URI": "s3://b/opsctl/runs/r", "OPSCTL_WORK_DIR": str(tmp_path)})
    s3, seconds = KeptRecords(), [0.0]
    with (tmp_path / "log").open("wb") as stream:
        record = AttemptRecord(cast(S3, s3), place, Log(stream), log_stream="", clock=lambda: seconds[0])
        record._changed = changed = Watched()

        def enter_at(moment: float, name: str) -> None:
            """Enter a phase at a moment, and wait until the writing thread has judged it."""
            seconds[0] = moment
            before = changed.waits
            record.enter(Phase(name, "2026-11-22T12:00:00Z"))
            until(lambda: changed.waits > before)

        record.write_start()
        until(lambda: changed.waits == 1)
        enter_at(10.0, "eddy correction")
        enter_at(59.0, "skull strip")
        assert s3.phases == [""]
        enter_at(60.0, "tissue segmentation")
        enter_at(150.0, "tissue segmentation")
        assert s3.phases == ["", "tissue segmentation"]
        enter_at(151.0, "nonlinear registration")
        enter_at(152.0, "T1w to DWI")
        assert s3.phases == ["", "tissue segmentation", "nonlinear registration"]
        # Nobody waits for S3 but the thread that writes.
        s3.open.clear()
        seconds[0] = 220.0
        record.enter(Phase("atlases", "2026-11-22T12:00:00Z", 1, 45))
        record.enter(Phase("graphs", "2026-11-22T12:00:00Z", 3, 45))
        s3.open.set()
        record.write_end(Ending(1, "why", "m2g_failed"), timeout_seconds=20)
    assert s3.written[-1]["phase"] == {
        "name": "graphs",
        "started_at": "2026-11-22T12:00:00Z",
        "number": 3,
        "count": 45,
    }


def test_the_interval_is_a_minute() -> None:
    assert attempt.PHASE_SECONDS == 60.0


def test_the_record_of_a_job_says_where_it_was(world: World) -> None:
    fake = world.folder / "fake_m2g.py"
    line = (
        "Generating graph for /m2g_atlases/atlases/label/Human/JHU_space-MNI152NLin6_res-2x2x2.nii.gz parcellation..."
    )
    fake.write_text(
        fake.read_text().replace("if mode in LAST_LINES:\n", f"if mode in LAST_LINES:\n        print({line!r})\n")
    )
    assert world.run(OPSCTL_FAKE_M2G="exit-1")[0] == 1
    failed = Attempt.decode(json.dumps(world.attempt()).encode(), world.attempt_uri)
    assert failed.phase is not None
    assert (failed.phase.name, failed.phase.number) == ("graphs", 1)
