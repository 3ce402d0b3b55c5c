"""What `run` says of scans that ran out of memory before: that they get no more, and what gives them more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.core_examples import run as made_run
from support.view_examples import plan

from opsctl.commands.runs.run_plan import RunPlan
from opsctl.core.runs.manifest import Origin
from opsctl.render.run import nothing_line, outgrown_line


def planned(
    *, pack: int | None = None, memory_mib: int | None = None, ran_with: int = 7_600, count: int = 2
) -> RunPlan:
    base = plan(*["failed"] * count, "new", diffusion_model="csd")  # type: ignore[arg-type]
    earlier = made_run(count, model="csd", memory_mib=ran_with)
    words = ("opsctl", "run", "HNU1", "--pack", "2", "--max-spend", "3")
    return replace(
        base,
        earlier=(earlier,),
        dispositions=tuple(
            replace(scan, origin=Origin(earlier.run_id, 0), is_outgrown=True) if scan.disposition == "failed" else scan
            for scan in base.dispositions
        ),
        request=replace(base.request, pack=pack, memory_mib=memory_mib, max_spend_usd=3.0, command_line=words),
    )


def test_the_command_gives_them_the_whole_instance_within_the_budget() -> None:
    assert outgrown_line(planned(pack=2)) == (
        "2 scans ran out of memory before, and get no more now (7,600 MiB). `opsctl run HNU1 --only outgrown --memory"
        " 15200 --no-grow --max-spend 3` gives them 15,200 MiB."
    )
    one = outgrown_line(planned(count=1, ran_with=15_200))
    assert one.startswith("1 scan ran out of memory before, and gets no more now (15,200 MiB).")
    assert one.endswith("--memory 30400 --no-grow --max-spend 3` gives it 30,400 MiB.")


@pytest.mark.parametrize("memory_mib", [8_000, 15_200])
def test_with_more_than_they_had_there_is_nothing_to_say(memory_mib: int) -> None:
    assert outgrown_line(planned(memory_mib=memory_mib)) == ""
    assert outgrown_line(planned()) == ""


def test_the_largest_job_has_no_larger_one() -> None:
    assert outgrown_line(planned(memory_mib=30_400, ran_with=30_400)).endswith("No job of this platform has more.")


def test_where_none_ran_out_of_memory_only_that_is_said() -> None:
    assert nothing_line(plan("done", "failed", only="outgrown")) == (
        "No scan has run out of memory: nothing to submit (1 done, 0 in progress of 2)."
    )
