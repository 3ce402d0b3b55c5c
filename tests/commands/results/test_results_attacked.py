"""`results` in folders with other people's and the user's own files, with records that somebody altered.

Nothing outside the folder changes, and in it nothing that opsctl did not write.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.record_examples import outputs_of
from support.results_world import DESCRIPTION, OUTPUT, PLACE, QA, World

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.aws.s3.partial_file import part_name
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.description import describe
from opsctl.commands.results.download import Downloaded, download, open_folder
from opsctl.commands.results.tables import write_tables
from opsctl.commands.runs.records import Records
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.results.written_files import PREFIX

LIST = f"{PREFIX}{os.geteuid()}"
GOOD = "sub-02/connectomes_d/A/good.csv"
ATLAS = "MICCAI_space-MNI152NLin6_res-2x2x2"
FUNCTIONAL = f"sub-02/connectomes_f/{ATLAS}.nii.gz/x_edgelist.csv"


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    return World(s3, storage, records)


def bring(world: World, folder: Path) -> Downloaded:
    """As the verb does, `--what all` and the tables."""
    plan = world.plan(folder, "all")
    with open_folder(folder) as target:
        describe(target, plan, world.storage)
        downloaded = download(plan, world.storage, target, on_file=lambda _: None)
        write_tables(
            plan,
            downloaded.in_the_table,
            {},
            target,
            faults=downloaded.faults,
            atlases=atlas_table(),
            nodes=atlas_nodes(),
        )
    return downloaded


def seen(folder: Path) -> dict[str, object]:
    """Everything below a folder, without following links."""
    found: dict[str, object] = {}
    for above, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(above, name)
            mode = path.lstat().st_mode
            content = os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else None
            found[path.relative_to(folder).as_posix()] = (stat.S_IFMT(mode), content)
    return found


HOME = {
    ".bashrc": "alias ll='ls -l'",
    ".git/config": "[core]",
    ".git/hooks/pre-commit": "exit 0",
    ".ssh/authorized_keys": "ssh-ed25519 AAAA",
    "README.md": "my own",
    "thesis.tex": "chapter 1",
    "nodes/README.md": "my own",
    "sub-01/ses-1/connectomes_d/notes.csv": "my own",
    "sub-02/notes.txt": "my own",
    "sub-03/x.csv": "my own",
}


def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    for name, text in HOME.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "outside.txt").write_text("kept")
    return folder


def test_a_result_that_names_files_of_a_home_writes_none_of_them(world: World, tmp_path: Path) -> None:
    folder = home(tmp_path)
    places = [*HOME, "../outside.txt", "sub-01/ses-1/../../.bashrc", "sub-01/ses-1/.profile", "sub-01/ses-1/a\tb"]
    for place in places:
        world.s3.put_object(Bucket="data", Key=world.key(place), Body=b"PWNED")
    outputs = outputs_of("sub-01/ses-1", OUTPUT)
    files = [{**outputs["files"][0], "path": f"../../{place}"} for place in places]
    world.publish(0, {}, outputs={**outputs, "files": [*outputs["files"], *files]})
    world.publish(1, {GOOD: b"1 2 3.0\n"})
    before = seen(tmp_path)
    downloaded = bring(world, folder)
    after = seen(tmp_path)
    assert {name: after[name] for name in before} == before
    assert not any(b"PWNED" in content for _, content in after.values() if isinstance(content, bytes))  # type: ignore[misc]
    assert [item.place for item in downloaded.present] == [GOOD]
    # The table of nodes and the README of the user's stay, the others come.
    new = {name for name in after.keys() - before.keys() if after[name][0] == stat.S_IFREG}  # type: ignore[index]
    assert new == {
        *(f"home/{name}" for name in (GOOD, "connectomes.tsv", "connectomes.json", ".bidsignore", LIST)),
        *("home/dataset_description.json", "home/nodes/nodes.json"),
    }
    assert downloaded.faults


def test_a_file_of_the_users_in_the_way_is_named_and_the_others_come(world: World, tmp_path: Path) -> None:
    world.publish(0, {PLACE: b"0,2\n2,0\n", QA: b"png"})
    (tmp_path / PLACE).parent.mkdir(parents=True)
    (tmp_path / PLACE).write_text("my own")
    downloaded = bring(world, tmp_path)
    assert ([item.place for item in downloaded.present], (tmp_path / PLACE).read_text()) == ([QA], "my own")
    problem = downloaded.faults.summary()
    assert problem.what == (
        f"1 file did not come: {tmp_path / PLACE} cannot be written (it is there already, and not as opsctl wrote it)."
    )
    # It would not come the next time either.
    assert (problem.hint, problem.code) == ("Move it away, or name another folder.", ErrorCode.OUTPUT_IN_USE)
    (tmp_path / PLACE).rename(tmp_path / "mine")
    assert not bring(world, tmp_path).faults


def test_what_opsctl_wrote_is_renewed_and_what_was_changed_since_is_not(world: World, tmp_path: Path) -> None:
    other = "sub-01/ses-1/connectomes_d/B/y.csv"
    world.publish(0, {PLACE: b"1 2 1.0\n", other: b"1 2 1.0\n"})
    assert not bring(world, tmp_path).faults
    (tmp_path / other).write_text("1 2 1.5\n")
    (tmp_path / "connectomes.json").write_text("{}")
    world.publish(0, {PLACE: b"1 2 2.0\n1 3 1.0\n", other: b"1 2 2.0\n"})
    downloaded = bring(world, tmp_path)
    assert [path.read_text() for path in (tmp_path / PLACE, tmp_path / other)] == ["1 2 2.0\n1 3 1.0\n", "1 2 1.5\n"]
    assert (tmp_path / "connectomes.json").read_text() == "{}"
    # The table lists what is there.
    assert [line.split("\t")[5] for line in (tmp_path / "connectomes.tsv").read_text().splitlines()[1:]] == [PLACE]
    assert len(downloaded.faults) == 2


def test_a_copy_of_the_users_is_no_file_of_opsctls(world: World, tmp_path: Path) -> None:
    """The same bytes are not fetched; but a later version does not replace them."""
    (tmp_path / PLACE).parent.mkdir(parents=True)
    (tmp_path / PLACE).write_bytes(b"1 2 1.0\n")
    world.publish(0, {PLACE: b"1 2 1.0\n"})
    assert bring(world, tmp_path).fetched == 0
    world.publish(0, {PLACE: b"1 2 2.0\n"})
    assert len(bring(world, tmp_path).faults) == 1
    assert (tmp_path / PLACE).read_bytes() == b"1 2 1.0\n"


def to_file(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "victim.txt")


def to_folder(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def to_nothing(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "none")


def second_name(place: Path, outside: Path) -> None:
    os.link(outside / "victim.txt", place)


def pipe(place: Path, _: Path) -> None:
    os.mkfifo(place)


def folder(place: Path, _: Path) -> None:
    place.mkdir()


STEPS = [
    *("connectomes.tsv", "connectomes.json", "dataset_description.json", "README.md", ".bidsignore", LIST),
    *("nodes", "nodes/README.md", "nodes/nodes.json", f"nodes/{ATLAS}_nodes.tsv"),
    *("sub-02", "sub-02/connectomes_f", f"sub-02/connectomes_f/{ATLAS}.nii.gz", FUNCTIONAL),
    FUNCTIONAL.replace("x_edgelist.csv", part_name("x_edgelist.csv")),
]


@pytest.mark.parametrize("plant", [to_file, to_folder, to_nothing, second_name, pipe, folder])
def test_nothing_is_written_through_what_was_planted(
    world: World, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    world.publish(0, {PLACE: b"1 2 1.0\n"})
    world.publish(1, {FUNCTIONAL: b"1 2 0.5\n"}, graphs=[])
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim.txt").write_text("kept")
    for number, step in enumerate(STEPS):
        target = tmp_path / str(number)
        (target / step).parent.mkdir(parents=True)
        plant(target / step, outside)
        # A folder in the place of a folder is none in the way.
        before = {f"{number}/{step}": seen(tmp_path)[f"{number}/{step}"], "victim": seen(outside)}
        present = []
        with suppress(Problem):
            present = [item.place for item in bring(world, target).present]
        assert {f"{number}/{step}": seen(tmp_path)[f"{number}/{step}"], "victim": seen(outside)} == before, step
        # What is planted elsewhere does not keep a file from coming, but for the list and another dataset's name.
        if step not in (LIST, "dataset_description.json"):
            assert PLACE in present, step


@pytest.mark.parametrize("inside", [True, False])
def test_a_link_to_the_same_bytes_is_as_good_as_the_file(world: World, tmp_path: Path, inside: bool) -> None:
    """DataLad replaces files by links into its own store."""
    world.publish(0, {PLACE: b"1 2 1.0\n"})
    store = tmp_path / ("home/.git/annex" if inside else "store")
    store.mkdir(parents=True)
    (store / "key").write_bytes(b"1 2 1.0\n")
    place = tmp_path / "home" / PLACE
    place.parent.mkdir(parents=True)
    place.symlink_to(os.path.relpath(store / "key", place.parent))
    assert not bring(world, tmp_path / "home").faults
    world.publish(0, {PLACE: b"1 2 2.0\n"})
    assert len(bring(world, tmp_path / "home").faults) == 1
    assert (place.is_symlink(), (store / "key").read_bytes()) == (True, b"1 2 1.0\n")


def test_folders_that_are_exchanged_for_links_while_results_runs(world: World, tmp_path: Path) -> None:
    places = {f"sub-02/connectomes_d/A/{number}.csv": b"1 2 1.0\n" for number in range(60)}
    world.publish(1, places)
    outside, target, end = tmp_path / "outside", tmp_path / "home", threading.Event()
    outside.mkdir()
    (outside / "victim.txt").write_text("kept")
    exchanged = [target / "sub-02", target / "sub-02/connectomes_d/A", target / "nodes", target / "connectomes.tsv"]

    def exchange() -> None:
        chance = random.Random(16)
        while not end.is_set():
            place = chance.choice(exchanged)
            with suppress(OSError):
                aside = tmp_path / "aside"
                place.rename(aside)
                place.symlink_to(outside if chance.random() < 0.5 else outside / "victim.txt")
                place.unlink()
                aside.rename(place)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(3):
            with suppress(Problem):
                bring(world, target)
    finally:
        end.set()
        thread.join()
    assert seen(outside) == {"victim.txt": (stat.S_IFREG, b"kept")}


def test_whatever_lies_in_the_folder_stays(world: World, tmp_path: Path) -> None:
    """Random files and links of a user's, random results, twice: only unchanged files of opsctl's are other ones."""
    chance = random.Random(2026)
    names = ["sub-01/ses-1/connectomes_d/A/x.csv", "sub-01/ses-1/connectomes_d/A", "sub-01/ses-1", "sub-01", "nodes"]
    names += ["sub-01/ses-1/connectomes_d/B/x.csv", "connectomes.tsv", "README.md", ".bidsignore", "sub-01/x.csv"]
    files = [name for name in names if name.endswith(("x.csv",))]
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim.txt").write_text("kept")
    for trial in range(12):
        target = tmp_path / f"home{trial}"
        target.mkdir()
        for name in chance.sample(names, 3):
            with suppress(OSError):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                chance.choice([to_file, to_folder, to_nothing, second_name, pipe, folder, own])(target / name, outside)
        mine = seen(target)
        written: dict[str, object] = {}
        for _ in range(2):
            content = f"1 2 {chance.random()}\n".encode()
            world.publish(0, dict.fromkeys(chance.sample(files, 2), content))
            with suppress(Problem):
                bring(world, target)
            now = seen(target)
            assert {name: now[name] for name in mine} == mine, trial
            written = {name: now[name] for name in now.keys() - mine.keys()}
            # The user takes a file for his own.
            taken = [name for name, (kind, _) in written.items() if kind == stat.S_IFREG and name.endswith("x.csv")]  # type: ignore[misc]
            for name in taken[:1]:
                (target / name).write_text("my own")
                mine[name] = (stat.S_IFREG, b"my own")
        assert seen(outside) == {"victim.txt": (stat.S_IFREG, b"kept")}


def own(place: Path, _: Path) -> None:
    place.write_text("my own")


def test_places_that_differ_in_case_only_do_not_replace_each_other(world: World, tmp_path: Path) -> None:
    first, second = (f"sub-02/connectomes_d/A/{name}.csv" for name in ("X", "x"))
    world.publish(1, {first: b"1 2 1.0\n", second: b"1 2 2.0\n"})
    downloaded = bring(world, tmp_path)
    assert [item.place for item in downloaded.present] == [first]
    assert f"names {OUTPUT}/{second}: another file has that name" in downloaded.faults.summary().what


def test_a_name_that_is_too_long_fails_alone_and_is_not_tried_for_ever(world: World, tmp_path: Path) -> None:
    long = f"sub-02/connectomes_d/A/{'x' * 250}_x.csv"
    world.publish(1, {long: b"1 2 1.0\n", GOOD: b"1 2 1.0\n"})
    downloaded = bring(world, tmp_path)
    assert [item.place for item in downloaded.present] == [GOOD]
    problem = downloaded.faults.summary()
    assert "_x.csv cannot be written (File name too long)." in problem.what
    assert (problem.hint, problem.code) == (
        "This disk takes no file of that name: name a folder on another disk.",
        ErrorCode.FILE_UNWRITABLE,
    )


@pytest.mark.parametrize("body", [b"no JSON", b"[1]", b"", b"[" * 200_000, b'{"a":"' + b"7" * 2_000_000 + b'"}'])
def test_a_description_that_cannot_be_read_stops_nothing(world: World, tmp_path: Path, body: bytes) -> None:
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    world.s3.put_object(Bucket="data", Key=world.key("dataset_description.json"), Body=body)
    plan = world.plan(tmp_path)
    for _ in range(2):
        with open_folder(tmp_path) as target:
            left_out = describe(target, plan, world.storage)
            downloaded = download(plan, world.storage, target, on_file=lambda _: None)
        assert f"{OUTPUT}/dataset_description.json" in left_out
        assert [item.place for item in downloaded.present] == [GOOD]
        assert not (tmp_path / "dataset_description.json").exists()


def test_a_deep_description_is_read_or_left_out(world: World, tmp_path: Path) -> None:
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    plan = world.plan(tmp_path)
    for depth in range(880, 1010, 10):
        body = b'{"DatasetType":"derivative","a":' + b"[" * depth + b"]" * depth + b"}"
        world.s3.put_object(Bucket="data", Key=world.key("dataset_description.json"), Body=body)
        with open_folder(tmp_path / str(depth)) as target:
            left_out = describe(target, plan, world.storage)
        assert bool(left_out) != (tmp_path / str(depth) / "dataset_description.json").exists()


def test_half_a_character_in_the_description_is_no_bug(world: World, tmp_path: Path) -> None:
    world.storage.put_json("data", world.key("dataset_description.json"), {**DESCRIPTION, "Authors": ["\ud800"]})
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    bring(world, tmp_path)
    assert json.loads((tmp_path / "dataset_description.json").read_text())["Authors"] == ["?"]


def test_a_description_that_the_user_completed_stays(world: World, tmp_path: Path) -> None:
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    bring(world, tmp_path)
    completed = json.dumps({**DESCRIPTION, "Authors": ["Ada"]})
    (tmp_path / "dataset_description.json").write_text(completed)
    assert not bring(world, tmp_path).faults
    assert (tmp_path / "dataset_description.json").read_text() == completed


def test_somebody_elses_list_does_not_speak_for_the_users_files(world: World, tmp_path: Path) -> None:
    """The list of a user who shares the folder names a file that is not his."""
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    bring(world, tmp_path)
    (tmp_path / LIST).rename(tmp_path / f"{PREFIX}12345")
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(tmp_path / f"{PREFIX}12345", 12345, -1)
    world.publish(1, {GOOD: b"1 2 2.0\n"})
    assert bring(world, tmp_path).faults
    assert (tmp_path / GOOD).read_bytes() == b"1 2 1.0\n"
    # His own file he may let go.
    os.chown(tmp_path / GOOD, 12345, -1)
    assert [item.place for item in bring(world, tmp_path).present] == [GOOD]
    assert (tmp_path / GOOD).read_bytes() == b"1 2 2.0\n"


def test_a_list_of_noise_is_no_reason_to_stop(world: World, tmp_path: Path) -> None:
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    for name in ("1", "x", ""):
        (tmp_path / f"{PREFIX}{name}").write_bytes(random.Random(1).randbytes(10_000))
    (tmp_path / f"{PREFIX}2").mkdir()
    os.mkfifo(tmp_path / f"{PREFIX}3")
    assert [item.place for item in bring(world, tmp_path).present] == [GOOD]


def test_the_list_is_of_its_user_alone(world: World, tmp_path: Path) -> None:
    world.publish(1, {GOOD: b"1 2 1.0\n"})
    mask = os.umask(0)
    try:
        bring(world, tmp_path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / LIST).stat().st_mode) == 0o644
    shutil.rmtree(tmp_path)
