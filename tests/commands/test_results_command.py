"""`results`: the connectomes come home, every byte checked, and nowhere else than below the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_world import put_run, result_json

from opsctl.aws.s3 import Storage
from opsctl.commands.records import Records
from opsctl.commands.results import Download, collect, fetch
from opsctl.core.errors import Problem

RUN = "HNU1-20261122-120000-ab12"
OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
ONE = f"{OUTPUT}/sub-01/connectomes_d/Desikan/sub-01_Desikan_connectome.csv"


@pytest.fixture
def done(s3: Any, storage: Storage) -> None:
    """A run of two scans, the first of them done."""
    put_run(storage, RUN)
    publish(s3, storage, 0, "sub-01", {ONE: b"1,2\n"})


def publish(s3: Any, storage: Storage, index: int, scan: str, files: dict[str, bytes], **changes: Any) -> None:
    for uri, body in files.items():
        s3.put_object(Bucket="data", Key=uri.removeprefix("s3://data/"), Body=body)
    value = result_json(index, scan, list(files.items()), **changes)
    storage.put_json("data", f"opsctl/runs/{RUN}/results/{index:05d}.json", value)


def fetched(folder: Path, storage: Storage, records: Records) -> list[Path]:
    arrived: list[Download] = []
    fetch(collect(None, folder, records=records), storage, on_file=arrived.append)
    return sorted(one.target for one in arrived)


@pytest.mark.usefixtures("done")
def test_connectomes_come_home_in_the_same_tree(storage: Storage, records: Records, tmp_path: Path) -> None:
    target = tmp_path / "sub-01/connectomes_d/Desikan/sub-01_Desikan_connectome.csv"
    assert fetched(tmp_path, storage, records) == [target]
    assert target.read_bytes() == b"1,2\n"
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [target]


@pytest.mark.usefixtures("done")
def test_what_is_missing_is_told(s3: Any, storage: Storage, records: Records, tmp_path: Path) -> None:
    haul = collect(RUN, tmp_path, records=records)
    assert haul.missing == ("sub-02",)
    assert haul.as_json() == {
        "run_id": RUN,
        "connectomes": [
            {
                "scan": "sub-01",
                "uri": ONE,
                "path": str(tmp_path / "sub-01/connectomes_d/Desikan/sub-01_Desikan_connectome.csv"),
                "size_bytes": 4,
            }
        ],
        "missing": ["sub-02"],
    }
    publish(s3, storage, 1, "sub-02", {}, status="failed", cause="c")
    assert collect(RUN, tmp_path, records=records).missing == ("sub-02",)
    publish(s3, storage, 1, "sub-02", {f"{OUTPUT}/sub-02/x.csv": b"3"})
    assert collect(RUN, tmp_path, records=records).missing == ()


def test_only_connectomes_of_all_outputs(s3: Any, storage: Storage, records: Records, tmp_path: Path) -> None:
    put_run(storage, RUN)
    value = result_json(0, "sub-01", [(ONE, b"1"), (f"{OUTPUT}/sub-01/qa_d/x.png", b"2")])
    value["outputs"]["connectomes"] = [ONE]
    storage.put_json("data", f"opsctl/runs/{RUN}/results/00000.json", value)
    assert [one.file.uri for one in collect(RUN, tmp_path, records=records).downloads] == [ONE]


@pytest.mark.parametrize("status", ["failed", None])
def test_nothing_done_yet(s3: Any, storage: Storage, records: Records, tmp_path: Path, status: str | None) -> None:
    put_run(storage, RUN)
    if status is not None:
        publish(s3, storage, 0, "sub-01", {}, status=status, cause="c")
    with pytest.raises(Problem, match=f"No scan of {RUN} is done yet") as caught:
        collect(None, tmp_path, records=records)
    assert "opsctl status" in caught.value.mend


@pytest.mark.usefixtures("done")
def test_a_second_time_fetches_only_what_is_not_here(
    s3: Any, storage: Storage, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(s3, storage, 1, "sub-02", {f"{OUTPUT}/sub-02/x.csv": b"3"})
    (whole, other) = fetched(tmp_path, storage, records)
    other.write_bytes(b"half")
    asked: list[str] = []
    real = Storage.download

    def download(self: Storage, uri: str, target: Path, *, sha256: str) -> None:
        asked.append(uri)
        real(self, uri, target, sha256=sha256)

    monkeypatch.setattr(Storage, "download", download)
    assert fetched(tmp_path, storage, records) == [whole, other]
    assert asked == [f"{OUTPUT}/sub-02/x.csv"]
    assert other.read_bytes() == b"3"


@pytest.mark.usefixtures("done")
def test_other_bytes_than_the_job_published_are_refused(
    s3: Any, storage: Storage, records: Records, tmp_path: Path
) -> None:
    s3.put_object(Bucket="data", Key=ONE.removeprefix("s3://data/"), Body=b"9,9\n")
    with pytest.raises(Problem, match=r"sub-01_Desikan_connectome\.csv is not the file that the job published"):
        fetched(tmp_path, storage, records)


@pytest.mark.usefixtures("done")
def test_refused_bytes_do_not_stay_under_the_right_name(
    s3: Any, storage: Storage, records: Records, tmp_path: Path
) -> None:
    s3.put_object(Bucket="data", Key=ONE.removeprefix("s3://data/"), Body=b"9,9\n")
    with pytest.raises(Problem):
        fetched(tmp_path, storage, records)
    assert [path for path in tmp_path.rglob("*.csv") if path.read_bytes() == b"9,9\n"] == []


@pytest.mark.usefixtures("done")
def test_an_output_that_is_gone_is_told(s3: Any, storage: Storage, records: Records, tmp_path: Path) -> None:
    s3.delete_object(Bucket="data", Key=ONE.removeprefix("s3://data/"))
    with pytest.raises(Problem, match="connectome.csv"):
        fetched(tmp_path, storage, records)


@pytest.mark.usefixtures("done")
def test_a_place_that_cannot_be_written_to_is_told(storage: Storage, records: Records, tmp_path: Path) -> None:
    (tmp_path / "sub-01").write_text("a file in the way")
    with pytest.raises(Problem, match="cannot be written"):
        fetched(tmp_path, storage, records)


OUTSIDE = [
    f"{OUTPUT}/../../../x.csv",
    f"{OUTPUT}/sub-01/../../x.csv",
    "s3://data/HNU1/derivatives/other/x.csv",
    "s3://data/HNU1/derivatives/m2g-csa-native-2/x.csv",
    "s3://elsewhere/x.csv",
    "/etc/x.csv",
    "../x.csv",
]


@pytest.mark.parametrize("uri", OUTSIDE)
def test_a_result_that_points_outside_its_run_is_refused(
    storage: Storage, records: Records, tmp_path: Path, uri: str
) -> None:
    put_run(storage, RUN)
    storage.put_json("data", f"opsctl/runs/{RUN}/results/00000.json", result_json(0, "sub-01", [(uri, b"x")]))
    with pytest.raises(Problem, match="not one of the outputs"):
        collect(RUN, tmp_path / "home", records=records)


def test_two_slashes_do_not_lead_out_of_the_folder(storage: Storage, records: Records, tmp_path: Path) -> None:
    put_run(storage, RUN)
    uri = f"{OUTPUT}/{tmp_path}/outside.csv"
    storage.put_json("data", f"opsctl/runs/{RUN}/results/00000.json", result_json(0, "sub-01", [(uri, b"x")]))
    home = tmp_path / "home"
    try:
        haul = collect(RUN, home, records=records)
    except Problem:
        return
    assert [one.target for one in haul.downloads if not one.target.is_relative_to(home)] == []
