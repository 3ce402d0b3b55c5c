"""One judge of inputs: `check`, the job runner and the preview reach the verdict of the table on every input."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from m2g_job import staging
from m2g_job.faults import WrongInput
from m2g_job.scan import Input as JobInput
from support.input_case import Case
from support.input_cases import CASES

from opsctl.aws.s3.scan_objects import ScanObjects
from opsctl.commands.dataset.check import check
from opsctl.commands.dataset.headers import Headers
from opsctl.core.dataset.scan import Input, Scan
from opsctl.core.errors import Problem
from opsctl.local.preview import gradients, volumes
from opsctl.local.preview.m2g_error import M2gError

FOLDER = "sub-B/ses-1"
STEM = "sub-B_ses-1"


class Staged:
    """A case's files, on S3 as `check` sees them and in a folder as the job stages them."""

    def __init__(self, case: Case, folder: Path) -> None:
        inputs = case.inputs()
        image = ".nii.gz" if inputs.compressed else ".nii"
        names = {"dwi": f"dwi{image}", "bval": "dwi.bval", "bvec": "dwi.bvec", "T1w": f"T1w{image}"}
        self.content = inputs.files()
        self.folder = folder
        self.names = {role: f"{STEM}_{name}" for role, name in names.items()}
        self.paths = {
            role: folder / FOLDER / ("anat" if role == "T1w" else "dwi") / name for role, name in self.names.items()
        }

    def write(self) -> None:
        for role, path in self.paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.content[role])

    def scan(self) -> Scan:
        return Scan(
            name=FOLDER,
            subject="B",
            session="1",
            entities={},
            pipeline="dwi",
            inputs=tuple(
                Input(uri=f"s3://data/D/{self.names[role]}", role=role, size_bytes=len(content), etag="e")
                for role, content in self.content.items()
            ),
        )

    def job_scan(self) -> Any:
        entries = [
            JobInput(uri=f"s3://data/D/{self.names[role]}", role=role, size_bytes=len(content), etag="e")
            for role, content in self.content.items()
        ]
        by_role = {entry.role: entry for entry in entries}
        return SimpleNamespace(
            subject="B", session="1", session_label="1", pipeline="dwi", inputs=entries, primary=by_role["dwi"],
            input=by_role.__getitem__,
        )  # fmt: skip


class S3Content:
    """GetObject over a dictionary, with ranges."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:
        data = self._content[Key]
        if Range:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            data = data[first : last + 1]
        return {"Body": io.BytesIO(data), "ContentLength": len(data)}


@pytest.fixture
def staged(case: Case, tmp_path: Path) -> Staged:
    return Staged(case, tmp_path)


#: Faults behind the last voxel, where a reader may have stopped: the runner, which comes first, refuses them.
BEHIND_THE_IMAGE = ("cut in the checksum", "a wrong checksum")

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@every_case
def test_check_says_what_the_table_says(case: Case, staged: Staged) -> None:
    client: Any = S3Content({f"D/{staged.names[role]}": content for role, content in staged.content.items()})
    (verdict,) = check([staged.scan()], Headers(ScanObjects(client)), root_volume_gib=100, on_scan=lambda: None)
    assert verdict.level in case.check, verdict.findings
    assert bool(verdict.findings) == (verdict.level != "fine")


@every_case
def test_check_of_whole_images_refuses_what_the_runner_refuses(case: Case, staged: Staged) -> None:
    staged.write()
    client: Any = S3Content({f"D/{staged.names[role]}": content for role, content in staged.content.items()})
    (verdict,) = check(
        [staged.scan()], Headers(ScanObjects(client)), root_volume_gib=100, on_scan=lambda: None, is_whole=True
    )
    assert (verdict.level == "wrong") == (case.job != "done"), verdict.findings
    # Of a header that is cut `check` reads no more than the header.
    if case.job in ("image_truncated", "image_corrupt") and case.name != "cut in the header":
        with pytest.raises(WrongInput) as refused:
            staging.check(staged.job_scan(), str(staged.folder), stop=SimpleNamespace(check=lambda: None))  # type: ignore[arg-type]
        assert str(refused.value) in verdict.findings


@every_case
def test_the_runner_does_what_the_table_says(case: Case, staged: Staged) -> None:
    staged.write()
    stop: Any = SimpleNamespace(check=lambda: None)
    code = "done"
    try:
        staging.check(staged.job_scan(), str(staged.folder), stop=stop)
    except WrongInput as wrong:
        code = wrong.cause_code
    assert code == case.job


@pytest.mark.parametrize(
    "case", [case for name, case in CASES.items() if name not in BEHIND_THE_IMAGE], ids=lambda case: case.name
)
def test_the_preview_reads_what_m2g_reads_and_ends_in_its_words(case: Case, staged: Staged) -> None:
    staged.write()
    message, exit_code = "", 0
    try:
        data, _ = volumes.load(staged.paths["dwi"], 4)
        gradients.read(staged.paths["bval"], staged.paths["bvec"], volumes=data.shape[3])
        volumes.save_reoriented(staged.paths["T1w"], staged.folder / "out")
    except Problem as problem:
        message, exit_code = str(problem), problem.exit_code
    except M2gError as error:
        message, exit_code = str(error), 1
    assert exit_code == (0 if case.is_done else 1), message
    assert case.of_m2g in message
