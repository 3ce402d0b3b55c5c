"""OpenNeuro's bucket on the local platform: read without credentials, and by jobs only if their role may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.local_servers import Homes, Platform, client
from support.openneuro_bucket import BUCKET, DELETED, LINK, POINTER, PublicBucket, description
from support.rights_world import JOB_POLICY, RightsWorld

from opsctl.assets import entity_patterns
from opsctl.aws.s3.buckets import ensure_readable
from opsctl.aws.s3.openneuro import snapshot_of
from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.check import check
from opsctl.commands.dataset.discovery import ChosenScans, Query, find
from opsctl.commands.dataset.headers import Headers
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.openneuro.accession import Accession
from opsctl.core.openneuro.endpoint import ENDPOINT_VARIABLE
from opsctl.local.s3.public_bucket import endpoint

DATASET = Accession("ds000114")
SUBJECTS = 1000
GRANTED = [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
]


def scan_files(subject: str, image: bytes = b"image") -> dict[str, bytes | None]:
    stem = f"{subject}/dwi/{subject}_dwi"
    return {
        f"{stem}.nii.gz": image,
        f"{stem}.bval": b"0 1000\n",
        f"{stem}.bvec": b"0 1\n0 0\n0 0\n",
        f"{subject}/anat/{subject}_T1w.nii.gz": b"image",
    }


@pytest.fixture(scope="module")
def public() -> Iterator[PublicBucket]:
    """Some datasets as they lie there after several exports."""
    with PublicBucket() as bucket:
        bucket.put({"dataset_description.json": description(version="1.0.1"), "CHANGES": b"1.0.1\t2018-09-07\n"})
        bucket.put({"dataset_description.json": description(), "CHANGES": b"1.0.2 2022-08-24\n1.0.1\t2018-09-07\n"})
        bucket.put({".bidsignore": b"*.txt\n", ".gitattributes": b"x", ".datalad/config": b"x"})
        bucket.put({"derivatives/fmriprep/sub-01/dwi/sub-01_dwi.nii.gz": b"x", "sourcedata/sub-01/x.dcm": b"x"})
        bucket.put(scan_files("sub-01", b"older")), bucket.put(scan_files("sub-01"))
        (
            bucket.put(scan_files("sub-02", POINTER)),
            bucket.put(scan_files("sub-03", LINK)),
            bucket.put(scan_files("sub-04", b"")),
        )
        bucket.put(scan_files("sub-05")), bucket.put(dict.fromkeys(scan_files("sub-05"), DELETED))
        for number in range(SUBJECTS):
            bucket.put(scan_files(f"sub-{number:04}"), dataset="ds000200")
        bucket.put({"README": b"x"}, dataset="ds000200")
        for accession in ("ds000113", "ds000199"):
            bucket.put({"dataset_description.json": description(accession=accession)}, dataset=accession)
        bucket.private.add("ds000199/")
        yield bucket


@pytest.fixture(scope="module")
def world(public: PublicBucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RightsWorld]:
    homes = Homes(tmp_path_factory.mktemp("homes"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENDPOINT_VARIABLE, public.url)
        platform = Platform(*homes.start())
    yield RightsWorld(platform, tmp_path_factory.mktemp("told"))
    homes.close()


@pytest.fixture(scope="module")
def storage(world: RightsWorld) -> Storage:
    return Storage(client(world.platform.server, "s3"))


def found(storage: Storage, accession: str) -> ChosenScans:
    return find(Query(dataset=Location(BUCKET, accession)), storage, patterns=entity_patterns())


def test_the_snapshot_is_the_newest_version_of_the_files(storage: Storage) -> None:
    snapshot = snapshot_of(DATASET, storage)
    assert (snapshot.version, snapshot.doi) == ("1.0.2", "10.18112/openneuro.ds000114.v1.0.2")
    assert snapshot_of(Accession("ds000200"), storage).version == ""


def test_a_missing_dataset_names_those_near_it(storage: Storage) -> None:
    with pytest.raises(Problem, match="has no dataset ds000141") as problem:
        snapshot_of(Accession("ds000141"), storage)
    assert problem.value.code is ErrorCode.DATASET_NOT_FOUND
    assert "openneuro:ds000114" in problem.value.hint
    with pytest.raises(Problem) as nothing_near:
        snapshot_of(Accession("ds999999"), storage)
    assert "https://openneuro.org/datasets" in nothing_near.value.hint


def test_a_dataset_that_is_not_published_says_so(storage: Storage) -> None:
    with pytest.raises(Problem, match="does not let the public read ds000199") as problem:
        snapshot_of(Accession("ds000199"), storage)
    assert problem.value.code is ErrorCode.AWS_DENIED


def test_leftovers_of_git_annex_and_of_other_snapshots_are_no_scans(storage: Storage) -> None:
    chosen = found(storage, "ds000114")
    assert [scan.name for scan in chosen.chosen] == ["sub-01", "sub-02", "sub-03"]
    assert [(exclusion.key, exclusion.reason) for exclusion in chosen.discovery.excluded] == [
        ("ds000114/sub-04/dwi/sub-04_dwi.nii.gz", "it is empty (0 bytes)")
    ]
    assert set(chosen.discovery.not_read) == {".datalad/", "derivatives/", "sourcedata/"}
    verdicts = check(chosen.chosen, Headers(storage.files), root_volume_gib=100, on_scan=lambda: None)
    found_wrong = {verdict.scan: " ".join(verdict.findings) for verdict in verdicts if verdict.level == "wrong"}
    assert all("git-annex pointer" in found_wrong[scan] for scan in ("sub-02", "sub-03"))


def test_a_thousand_subjects(storage: Storage, public: PublicBucket) -> None:
    before = len(public.requests)
    assert len(found(storage, "ds000200").chosen) == SUBJECTS
    assert len(public.requests) - before < 60


def test_a_part_of_an_object_and_a_wrong_etag(storage: Storage) -> None:
    key = {"Bucket": BUCKET, "Key": "ds000114/sub-01/dwi/sub-01_dwi.nii.gz"}
    reply = storage.client.get_object(**key, Range="bytes=1-2")
    assert (reply["Body"].read(), reply["ContentRange"]) == (b"ma", "bytes 1-2/5")
    assert storage.client.head_object(**key)["ContentLength"] == 5
    with pytest.raises(ClientError, match="PreconditionFailed"):
        storage.client.get_object(**key, IfMatch='"0"')


def test_nothing_is_written_there(storage: Storage, public: PublicBucket) -> None:
    before = len(public.requests)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        storage.client.put_object(Bucket=BUCKET, Key="ds000114/x", Body=b"x")
    assert len(public.requests) == before


def test_a_presigned_url_keeps_its_signature_here(world: RightsWorld) -> None:
    import urllib.request

    url = world.s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "ds000114/CHANGES"})
    with urllib.request.urlopen(url) as reply:
        assert reply.read().startswith(b"1.0.2")


@pytest.mark.parametrize(("more", "is_granted"), [(GRANTED, True), ([], False)])
def test_a_job_reads_it_only_if_its_role_may(world: RightsWorld, more: list[Any], is_granted: bool) -> None:
    keys = world.start(world.role(f"reads-{is_granted}", [*JOB_POLICY, *more]))
    s3 = keys.client("s3")
    try:
        if is_granted:
            assert s3.get_object(Bucket=BUCKET, Key="ds000114/CHANGES")["Body"].read()
            with pytest.raises(ClientError, match="NoSuchKey"):
                s3.get_object(Bucket=BUCKET, Key="ds000114/none")
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.get_object(Bucket=BUCKET, Key="ds000114/CHANGES")
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.list_objects_v2(Bucket=BUCKET)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=BUCKET, Key="ds000114/x", Body=b"x")
    finally:
        keys.end()


def test_without_a_network_the_first_request_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PublicBucket() as gone:
        url = gone.url
    monkeypatch.setenv(ENDPOINT_VARIABLE, url)
    homes = Homes(tmp_path)
    _, server = homes.start()
    try:
        with pytest.raises(Problem, match="cannot be reached from this machine: it takes no connection") as problem:
            ensure_readable(client(server, "s3"), DATASET.location, region="us-east-1")
        assert problem.value.code is ErrorCode.AWS_UNREACHABLE
    finally:
        homes.close()


@pytest.mark.parametrize("url", ["ftp://x", "nowhere", "http://", "https://x?y=1", "http://[x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Problem, match=ENDPOINT_VARIABLE):
        endpoint({ENDPOINT_VARIABLE: url})


def test_without_the_variable_it_is_s3_itself() -> None:
    assert endpoint({}) == "https://s3.amazonaws.com" == endpoint({ENDPOINT_VARIABLE: ""})
