"""`results` of some scans and connectomes, and of a dataset over its runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from support.results_world import EARLIER, OUTPUT, PLACE, QA, RUN, World

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.aws.s3.storage import Storage
from opsctl.commands.results.description import describe
from opsctl.commands.results.download import download, open_folder
from opsctl.commands.results.download_plan import DownloadPlan
from opsctl.commands.results.tables import write_tables
from opsctl.commands.runs.records import Records
from opsctl.core.errors import Problem
from opsctl.core.runs.manifest import Origin

AAL = "sub-02/connectomes_d/AAL_space-x/sub-02_dwi_AAL_connectome.csv"
EDGES = "sub-02/connectomes_f/AAL_space-x.nii.gz/sub-02_func_AAL_edgelist.csv"


@pytest.fixture
def world(s3: Any, storage: Storage, records: Records) -> World:
    return World(s3, storage, records)


@pytest.fixture
def done(world: World) -> World:
    world.publish(0, {PLACE: b"0,2\n2,0\n", QA: b"png"})
    world.publish(1, {AAL: b"1 2 5.0\n", EDGES: b"1 2 0.5\n"})
    return world


def places(plan: DownloadPlan) -> list[str]:
    return [item.place for item in plan.downloads]


def bring(world: World, plan: DownloadPlan) -> list[dict[str, str]]:
    """Download as the verb does; returns the lines of the table."""
    with open_folder(plan.folder) as target:
        describe(target, plan, world.storage)
        downloaded = download(plan, world.storage, target, on_file=lambda _: None)
        path = write_tables(
            plan,
            downloaded.in_the_table,
            {},
            target,
            faults=downloaded.faults,
            atlases=atlas_table(),
            nodes=atlas_nodes(),
        )
    assert not downloaded.faults
    assert path is not None
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ({"scans": ("sub-02",)}, [AAL, EDGES]),
        ({"participants": ("01",)}, [PLACE]),
        ({"parcellations": ("Desikan",)}, [PLACE]),
        ({"kinds": ("correlation",)}, [EDGES]),
        ({"kinds": ("correlation", "streamlines")}, [PLACE, AAL, EDGES]),
        ({"parcellations": ("AAL",), "kinds": ("streamlines",)}, [AAL]),
        ({"what": "qa", "scans": ("sub-01/*",)}, [QA]),
        ({"what": "all", "participants": ("sub-01",)}, [PLACE, QA]),
    ],
)
def test_only_what_is_selected_comes(done: World, tmp_path: Path, options: dict[str, Any], selected: list[str]) -> None:
    assert places(done.plan(tmp_path, **options)) == selected


def test_the_list_of_lost_regions_comes_with_its_connectome(world: World, tmp_path: Path) -> None:
    lost = {place: f"{place.rpartition('/')[0]}/lost_roi.csv" for place in (PLACE, AAL)}
    world.publish(0, {PLACE: b"1 2 5.0\n", lost[PLACE]: b"3,4\n"})
    world.publish(1, {AAL: b"1 2 5.0\n", lost[AAL]: b"3\n", "sub-02/lost_roi.csv": b"1\n"})
    assert sorted(places(world.plan(tmp_path))) == sorted([PLACE, AAL, *lost.values()])
    assert sorted(places(world.plan(tmp_path, parcellations=("AAL",)))) == sorted([AAL, lost[AAL]])
    assert sorted(places(world.plan(tmp_path, kinds=("streamlines",), scans=("sub-01/*",)))) == sorted(
        [PLACE, lost[PLACE]]
    )
    assert lost[AAL] not in places(world.plan(tmp_path, "qa"))
    # It is no connectome: neither in the table nor in the numbers.
    plan = world.plan(tmp_path)
    assert [line["file"] for line in bring(world, plan)] == [PLACE, AAL]
    assert world.download(tmp_path / "other").fetched == 2


def test_a_part_after_the_whole_leaves_the_table_whole(done: World, tmp_path: Path) -> None:
    whole = bring(done, done.plan(tmp_path))
    assert [line["file"] for line in whole] == [PLACE, AAL, EDGES]
    assert bring(done, done.plan(tmp_path, parcellations=("AAL",), kinds=("correlation",))) == whole
    # And of what never came, nothing is listed.
    part = bring(done, done.plan(tmp_path / "part", scans=("sub-02",)))
    assert [line["file"] for line in part] == [AAL, EDGES]


def test_only_selected_scans_are_missing(world: World, tmp_path: Path) -> None:
    world.publish(0, {PLACE: b"0,2\n2,0\n"})
    assert world.plan(tmp_path).missing == ("sub-02",)
    assert world.plan(tmp_path, participants=("01",)).missing == ()
    with pytest.raises(Problem, match=f"No selected scan of {RUN} is done yet") as caught:
        world.plan(tmp_path, scans=("sub-02",))
    assert caught.value.hint.startswith("`opsctl status`")


def test_of_a_dataset_each_scan_comes_from_the_run_that_did_it(world: World, tmp_path: Path) -> None:
    world.put_run(EARLIER)
    world.publish(0, {PLACE: b"0,2\n2,0\n"}, run_id=EARLIER)
    world.publish(1, {}, run_id=EARLIER, status="failed", cause="c")
    # The latest run failed at what the earlier one had done.
    world.publish(0, {}, status="failed", cause="c")
    world.publish(1, {AAL: b"1 2 5.0\n"})
    plan = world.dataset_plan(tmp_path)
    assert plan.missing == ()
    assert {line["scan"]: line["run"] for line in bring(world, plan)} == {"sub-01/ses-1": EARLIER, "sub-02": RUN}
    assert "of each scan the best result of all runs" in (tmp_path / "README.md").read_text()
    assert not world.records.unreadable()


def test_of_several_results_the_one_whose_files_are_there_counts(world: World, tmp_path: Path) -> None:
    world.put_run(EARLIER, sizes=(2,))
    world.publish(0, {PLACE: b"0,2\n2,0\n"})
    # A job of the earlier run ended last, and wrote over the files.
    world.publish(0, {PLACE: b"0,3\n3,0\n"}, run_id=EARLIER)
    plan = world.dataset_plan(tmp_path)
    assert plan.run.adopted[0] == Origin(EARLIER, 0)
    bring(world, plan)
    assert (tmp_path / PLACE).read_bytes() == b"0,3\n3,0\n"


def test_outputs_of_other_options_are_never_mixed_in(done: World, tmp_path: Path) -> None:
    again = OUTPUT.replace("m2g-csa-native", "again")
    later = RUN.replace("20261122", "20261123")
    done.put_run(later, output=again, scans=("sub-02",), sizes=(1,), keys=("k",))
    assert done.dataset_plan(tmp_path, output_name="m2g-csa-native").run.output == OUTPUT
    with pytest.raises(Problem, match="No scan of HNU1 is done yet") as caught:
        done.dataset_plan(tmp_path)
    assert caught.value.hint.startswith("`opsctl audit HNU1 --modif again`")
    with pytest.raises(Problem, match="There is: again, m2g-csa-native"):
        done.dataset_plan(tmp_path, output_name="other")


def test_a_readme_of_an_earlier_download_names_the_run_of_now(done: World, tmp_path: Path) -> None:
    bring(done, done.plan(tmp_path))
    assert RUN in (tmp_path / "README.md").read_text()
    bring(done, done.dataset_plan(tmp_path))
    assert RUN not in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("mine")
    bring(done, done.plan(tmp_path))
    assert (tmp_path / "README.md").read_text() == "mine"
