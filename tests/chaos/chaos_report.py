"""What a campaign came to: numbers that were counted, each by what was seen."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from campaign import Campaign, Size
from chaos_world import world
from verbs_agree import disagreements
from verdict import Verdict

#: At-least-once: so large a part of the scans may be computed twice for nothing.
_MOST_IN_VAIN = 0.05
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Report:
    """A campaign's outcome.

    Attributes
    ----------
    lost, doubled, damaged
        Scans without a result; with two; files that are not what their result says, here or on S3.
    submitted_twice
        Job names that were submitted twice, though no list was stale for as long as opsctl looks.
    bugs
        Commands that ended by a traceback, an unknown exit code, or not at all.
    computed_in_vain
        Scans that two jobs computed to the end, of those that Batch did not get twice by the campaign's own doing.
    twins
        Scans that Batch got twice, and of these those that both jobs computed.
    disagreements
        What verbs say differently of the same run once everything has ended.
    """

    seed: int
    scans: int
    lost: list[str]
    doubled: list[str]
    damaged: list[str]
    submitted_twice: list[str]
    bugs: list[str]
    computed_in_vain: list[str]
    twins: int
    twins_computed_twice: int
    disagreements: list[str]
    faults: dict[str, int]
    kills: dict[str, int]
    submit_job_calls: int
    jobs: int
    attempts: int
    commands: int
    retypes: int
    refusals: dict[str, int]
    seconds: float

    @property
    def wrong(self) -> list[str]:
        """Why the campaign counts as failed; empty when it does not."""
        counted = {
            "lost": self.lost, "doubled": self.doubled, "damaged": self.damaged,
            "submitted twice": self.submitted_twice, "bugs": self.bugs, "verbs disagree": self.disagreements,
        }  # fmt: skip
        found = [f"{name}: {', '.join(some[:_NAMED])}" for name, some in counted.items() if some]
        if len(self.computed_in_vain) > max(1, _MOST_IN_VAIN * self.scans):
            found.append(f"computed twice in vain: {len(self.computed_in_vain)}")
        return found

    def as_json(self) -> dict[str, object]:
        """Everything."""
        return {"schema_version": 1, **asdict(self)}

    def lines(self) -> list[str]:
        """For a person."""
        return [
            f"seed {self.seed}, {self.scans:,} scans, {self.seconds:,.0f} s",
            f"scans lost {len(self.lost)}, results doubled {len(self.doubled)},"
            f" outputs mixed or damaged {len(self.damaged)}",
            f"submitted twice {len(self.submitted_twice)}, bugs {len(self.bugs)}, computed twice in vain"
            f" {len(self.computed_in_vain)}; of {self.twins} scans that Batch got twice {self.twins_computed_twice}",
            f"{sum(self.faults.values()):,} faults: {_listed(self.faults)}",
            f"{sum(self.kills.values()):,} kills: {_listed(self.kills)}",
            f"{self.submit_job_calls:,} SubmitJob calls carried out, {self.jobs:,} jobs, {self.attempts:,} attempts,"
            f" {self.commands:,} commands, {self.retypes:,} retypes,"
            f" {sum(self.refusals.values()):,} refusals",
            *(f"refused {count}: {words}" for words, count in self.refusals.items()),
            *self.wrong,
        ]


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)


def run_campaign(folder: Path, size: Size, *, seed: int) -> Report:
    """Carry a campaign out and judge it."""
    started = time.monotonic()
    with world(folder, scan_count=size.scans, slots=size.slots) as made:
        campaign = Campaign(made, size, seed=seed)
        brought = campaign.carry_out()
        made.proxy.on = False
        verdict = Verdict(made, brought, torn=campaign.torn)
        differing = disagreements(made.laptops[0])
        history = [one for laptop in made.laptops for one in laptop.history]
        usual, twins = made.scans[: size.scans - size.twins], made.scans[size.scans - size.twins :]
        jobs = [
            one
            for status in ("SUCCEEDED", "FAILED")
            for page in made.batch.get_paginator("list_jobs").paginate(jobQueue="q", jobStatus=status)
            for one in page["jobSummaryList"]
        ]
        return Report(
            seed=seed,
            scans=len(made.scans),
            lost=verdict.lost,
            doubled=verdict.doubled,
            damaged=verdict.damaged,
            submitted_twice=verdict.submitted_twice,
            bugs=[f"{' '.join(one.args)}: {one.code} {one.err[-300:]}" for one in history if one.is_bug],
            computed_in_vain=verdict.in_vain(usual),
            twins=len(twins),
            twins_computed_twice=len(verdict.in_vain(twins)),
            disagreements=differing,
            faults={**made.proxy.faults(), **made.faults()},
            kills=dict(+campaign.kills),
            submit_job_calls=made.sightings.submitted.total(),
            jobs=sum(one.get("arrayProperties", {}).get("size", 1) for one in jobs),
            attempts=verdict.attempts,
            commands=len(history),
            retypes=campaign.retypes,
            refusals=dict(campaign.refusals),
            seconds=time.monotonic() - started,
        )
