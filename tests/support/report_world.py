"""Reports of made-up runs: any number of scans, in any state, with pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from unittest.mock import patch

from PIL import Image, ImageDraw

from opsctl.assets import atlas_nodes, atlas_table
from opsctl.commands.reliability.graph_files import GraphFile
from opsctl.commands.reliability.graph_stacks import Atlases
from opsctl.commands.results.compared_scans import compare_pictured
from opsctl.commands.results.report import Report, ReportSubject
from opsctl.commands.results.report_asset import Asset
from opsctl.commands.results.report_assets import AssetSelection, pictured_scans, summarise
from opsctl.commands.results.report_graphs import graph_file
from opsctl.core.costs.bill import bill
from opsctl.core.costs.estimate import Rates
from opsctl.core.diagnosis.cause_code import CauseCode
from opsctl.core.diagnosis.reason import NO_REASON, Reason, batch_reason
from opsctl.core.errors import Problem
from opsctl.core.results.connectome import GraphSize, parse_connectome
from opsctl.core.results.connectome_table import atlas_of
from opsctl.core.results.node_table import known_nodes
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.attempt_merge import merge_attempts, with_retries
from opsctl.core.runs.m2g_options import M2gOptions
from opsctl.core.runs.manifest import Run, timestamp
from opsctl.core.runs.output_kinds import GraphKind
from opsctl.core.runs.result import Graph, OutputFile, Result
from opsctl.core.runs.result_record import ResultWarning
from opsctl.core.runs.status import BatchJob, State, join
from opsctl.render import report as report_page
from opsctl.render.report.pictures import DecodedFile, ImageDecoder

START = datetime(2026, 11, 20, 17, 2, 11, tzinfo=UTC)
OUTPUT = "s3://data/HNU1/derivatives/m2g-csa-native"
RATES = Rates(
    instance_usd_per_hour=0.126,
    disk_usd_per_gib_hour=0.08 / 730,
    address_usd_per_hour=0.005,
    root_volume_gib=100,
    source="opsctl's table of AWS's list prices, 2026-01 for us-east-1",
    kind="on-demand",
)
CAUSES = (
    Reason(CauseCode.GRADIENT_COUNTS_DIFFER, "bval and bvec differ in count: 64 and 65", {"bvals": 64, "bvecs": 65}),
    Reason(
        CauseCode.OUT_OF_MEMORY,
        "m2g was killed (SIGKILL): out of memory, 15.2 of 15.2 GiB",
        {"signal": "SIGKILL", "exit_code": -9, "peak_memory_mib": 15_180},
    ),
    Reason(CauseCode.IMAGE_TRUNCATED, "sub-7_T1w.nii.gz is truncated", {"file": "sub-7_T1w.nii.gz"}),
)
ATLASES = ("Desikan_space-MNI152NLin6_res-2x2x2", "Glasser_space-MNI152NLin6_res-2x2x2")
#: A command makes one page, and the tests make dozens in one process: they compile the page's templates once.
_compiled_once = cache(report_page._environment)
LOST = "Host EC2 (instance i-0123456789abcdef0) terminated."


@dataclass(frozen=True)
class Scene:
    """A report and the files that it shows."""

    report: Report
    choice: AssetSelection
    bodies: Mapping[Asset, bytes]

    def html(self) -> str:
        decoder = ImageDecoder(picture_count=sum(asset.kind == "QA" for asset in self.bodies))
        # The scans share a few files, and to decode one takes longer than all the rest.
        once: dict[object, DecodedFile | Problem] = {}
        decoded: dict[Asset, DecodedFile | Problem] = {}
        for asset, body in self.bodies.items():
            content = asset.kind, asset.graph_kind, asset.graph_nodes, body
            if content not in once:
                try:
                    once[content] = decoder.decode(asset, body)
                except Problem as problem:
                    once[content] = problem
            decoded[asset] = once[content]
        atlases = Atlases(table=atlas_table(), nodes=atlas_nodes())
        nodes = known_nodes(self.choice.atlas, atlases=atlases.table, nodes=atlases.nodes)
        compared = compare_pictured(SceneGraphs(self), self.choice, self.report.subject, atlases=atlases)
        with patch.object(report_page, "_environment", _compiled_once):
            return "".join(report_page.page(self.report, self.choice, decoded, nodes=nodes, comparison=compared))


class SceneGraphs:
    """The connectomes of a scene as a source of connectomes."""

    def __init__(self, shown: Scene) -> None:
        run = shown.report.run
        by_uri = {asset.uri: body for asset, body in shown.bodies.items()}
        self._bodies = {
            graph_file(run, asset, asset.graph_kind): by_uri[asset.uri]
            for asset in shown.choice.compared
            if asset.graph_kind and asset.uri in by_uri
        }

    def files(self) -> Sequence[GraphFile]:
        return list(self._bodies)

    def read(
        self,
        files: Sequence[GraphFile],
        take: Callable[[GraphFile, str], None],
        *,
        on_file: Callable[[GraphFile], None] = lambda _: None,
    ) -> dict[GraphFile, Problem]:
        problems = {}
        for file in files:
            try:
                take(file, self._bodies[file].decode())
            except Problem as problem:
                problems[file] = problem
            on_file(file)
        return problems

    def read_lost(self, files: Sequence[GraphFile]) -> dict[GraphFile, str | Problem]:
        return {}


@cache
def matrix_text(nodes: int, *, seed: int) -> str:
    """A matrix of two blocks, in which near nodes have more edges."""
    rng = random.Random(seed)
    rows = [[0] * nodes for _ in range(nodes)]
    for row in range(nodes):
        for column in range(row):
            near = (1.0 if (row < nodes // 2) == (column < nodes // 2) else 0.15) / (1 + abs(row - column) / 6)
            if rng.random() < near * 1.3:
                rows[row][column] = rows[column][row] = int(rng.expovariate(1 / (900 * near**2))) + 1
    return "\n".join(",".join(map(str, row)) for row in rows)


@cache
def correlations_text(nodes: int, *, seed: int) -> str:
    """An edge list of all pairs, as the func pipeline writes it: near nodes correlate, far ones may do the opposite."""
    rng = random.Random(seed)
    return "".join(
        f"{row} {column} {max(-0.95, min(0.95, rng.gauss(0.6 - abs(row - column) / nodes, 0.25))):.6f}\n"
        for row in range(1, nodes + 1)
        for column in range(row + 1, nodes + 1)
    )


@cache
def png(*, width: int = 960, height: int = 860, seed: int = 0) -> bytes:
    """A picture that resembles a slice through a head."""
    rng = random.Random(seed)
    image = Image.new("RGB", (width, height), "black")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.15, height * 0.08, width * 0.85, height * 0.92), fill=(90, 90, 90))
    for _ in range(220):
        x, y = width * rng.uniform(0.25, 0.75), height * rng.uniform(0.2, 0.8)
        colour = tuple(rng.randrange(60, 255) for _ in range(3))
        draw.line((x, y, x + rng.uniform(-90, 90), y + rng.uniform(-90, 90)), fill=colour, width=3)
    file = BytesIO()
    image.save(file, "png")
    return file.getvalue()


def scene(
    states: Sequence[State],
    *,
    nodes: int = 70,
    name: str = "sub-{:04d}/ses-1",
    cause: str | None = None,
    is_local: bool = False,
    pictures: int = 6,
    kind: GraphKind = "streamlines",
    warnings: Mapping[int, tuple[ResultWarning, ...]] | None = None,
    connectomes_of: Mapping[str, str] | None = None,
) -> Scene:
    """A run whose scans are in these states; they share `pictures` different pictures.

    Parameters
    ----------
    warnings
        Of done scans, by index.
    connectomes_of
        Each scan's connectome by its name, in place of made-up ones.
    """
    rng = random.Random(4)
    names = tuple(connectomes_of or (name.format(index + 1) for index in range(len(states))))
    run = _run(names)
    if is_local:
        run = replace(run, image="opsctl-preview:0.1.0")
    results: dict[int, Result] = {}
    jobs: dict[int, BatchJob] = {}
    attempts: list[Attempt] = []
    bodies: dict[Asset, bytes] = {}
    text_of = matrix_text if kind == "streamlines" else correlations_text
    matrices = [text_of(nodes, seed=seed).encode() for seed in range(0 if connectomes_of else pictures)]
    matrices += [text.encode() for text in (connectomes_of or {}).values()]
    sizes = [parse_connectome(text.decode()).size for text in matrices]
    slices = [png(seed=seed) for seed in range(pictures)]
    for index, state in enumerate(states):
        started = START + timedelta(seconds=rng.uniform(0, 3000))
        if state in ("PENDING", "RUNNABLE"):
            jobs[index] = BatchJob(job_id=f"j:{index}", status=state)
            continue
        if index % 9 == 4:
            ended = started + timedelta(minutes=rng.uniform(5, 50))
            attempts.append(_attempt(index, 1, started, ended, reason=batch_reason(LOST)))
            started = ended + timedelta(minutes=6)
        number = 1 + len([attempt for attempt in attempts if attempt.index == index])
        m2g = rng.gauss(3900, 420) if state == "DONE" else rng.uniform(20, 900)
        seconds = {"pull": rng.uniform(9, 30), "m2g": m2g, "push": rng.uniform(3, 8)}
        ended = started + timedelta(seconds=sum(seconds.values()))
        if state in ("RUNNING", "STARTING"):
            jobs[index] = BatchJob(job_id=f"j:{index}", status=state)
            attempts.append(_attempt(index, number, started, None))
            continue
        why = NO_REASON
        if state != "DONE":
            why = Reason(CauseCode.UNKNOWN, cause) if cause is not None else CAUSES[index % len(CAUSES)]
        files, connectomes = _files(names[index], state, kind)
        results[index] = Result(
            index=index,
            scan=names[index],
            key="k",
            status="succeeded" if state == "DONE" else "failed",
            cause=why.message,
            cause_code=why.code,
            facts=why.facts,
            exit_code=0 if state == "DONE" else 1,
            attempt=number,
            started_at=timestamp(started),
            stopped_at=timestamp(ended),
            seconds=seconds,
            peak_memory_mib=11_240 + 10 * (index % 7),
            peak_disk_mib=2_100 + index % 5,
            warnings=(warnings or {}).get(index, ()),
            connectomes=connectomes,
            graphs=_graphs(connectomes, kind, sizes[index % len(sizes)]) if connectomes else (),
            files=files,
            log_stream=f"csa/default/{index:08x}",
            job_id=f"j:{index}",
        )
        attempts.append(_attempt(index, number, started, ended, code=results[index].exit_code, reason=why))
        if state == "FAILED":
            log = Asset(index=index, kind="log", name="m2g.log", uri=f"{OUTPUT}/{index}/m2g.log", size_bytes=9)
            bodies[log] = b"Executing dwi\n\x1b[31mFATAL: no brain here\x1b[0m\n"
        for file in files:
            kind_of_file = "connectome" if file.uri in connectomes[:1] else "QA" if "/qa_" in file.uri else None
            if kind_of_file is not None:
                is_graph = kind_of_file == "connectome"
                body = matrices[index % len(matrices)] if is_graph else slices[index % pictures]
                label = file.uri.split("/")[-2 if kind_of_file == "connectome" else -1].removesuffix(".nii.gz")
                bodies[
                    Asset(
                        index=index,
                        kind="connectome" if kind_of_file == "connectome" else "QA",
                        name=label,
                        uri=file.uri,
                        size_bytes=len(body),
                        graph_kind=kind if kind_of_file == "connectome" else None,
                        graph_nodes=nodes if kind_of_file == "connectome" else None,
                    )
                ] = body
    now = START + timedelta(hours=3 if any(state not in ("DONE", "FAILED") for state in states) else 62)
    joined, merged = join(run, results=results, jobs=jobs), merge_attempts(attempts, {}, jobs.items())
    costs = bill(merged, jobs, RATES, now=now, longest=timedelta(hours=6))
    report = Report(
        run=run,
        at=timestamp(now),
        status=replace(with_retries(joined, merged), bill=costs, is_local=is_local),
        results=results,
        attempts=merged,
        image_digest="sha256:" + "3f" * 32,
        subject=ReportSubject(run=run),
    )
    files = summarise(run, results.values())
    choice = AssetSelection(
        assets=tuple(bodies),
        left_out=(),
        pictured=pictured_scans(report.status.scans),
        files=files,
        atlas=ATLASES[0],
        compared=tuple(asset for asset in bodies if asset.kind == "connectome"),
        parcellations=len(ATLASES),
    )
    return Scene(report, choice, bodies)


def _run(names: tuple[str, ...]) -> Run:
    return Run(
        run_id="HNU1-20261120-170211-ab12",
        dataset="s3://data/HNU1",
        output=OUTPUT,
        m2g=M2gOptions(parcellation=("Desikan",)).as_dict(),
        model="csa",
        image="123456789012.dkr.ecr.us-east-1.amazonaws.com/opsctl-m2g:0.1.0",
        platform="m2g",
        region="us-east-1",
        scans=names,
        created_at=timestamp(START),
        created_by="ada",
        command_line=("opsctl", "run", "HNU1", "--parcellation", "Desikan"),
        opsctl_version="0.1.0",
        keys=("k",) * len(names),
        sizes=(len(names),),
        resources="csa",
        attempt_timeout_seconds=21_600,
    )


def _attempt(
    index: int,
    number: int,
    started: datetime,
    ended: datetime | None,
    *,
    code: int | None = None,
    reason: Reason = NO_REASON,
) -> Attempt:
    return Attempt(
        index=index,
        number=number,
        job_id=f"j:{index}",
        started_at=timestamp(started),
        stopped_at=timestamp(ended) if ended else None,
        exit_code=code,
        reason=reason.message,
        cause_code=reason.code,
        facts=reason.facts,
        log_stream=f"csa/default/{index:08x}-{number}",
    )


def _graphs(connectomes: Sequence[str], kind: GraphKind, size: GraphSize) -> tuple[Graph, ...]:
    return tuple(
        Graph(uri=uri, atlas=atlas_of(uri), kind=kind, nodes=size.nodes, edges=size.edges, regions=None, lost=0)
        for uri in connectomes
    )


def _files(name: str, state: State, kind: GraphKind) -> tuple[tuple[OutputFile, ...], tuple[str, ...]]:
    below = f"{OUTPUT}/{name}"
    connectomes = tuple(f"{below}/connectomes_d/{atlas}/x_{atlas}_connectome.csv" for atlas in ATLASES)
    qa = f"{below}/qa_d/skull_strip/qa_skullstrip__x_T1w.png"
    if kind != "streamlines":
        connectomes = tuple(
            f"{below}/connectomes_f/{atlas}.nii.gz/x_func_{atlas}.nii.gz_edgelist.csv" for atlas in ATLASES
        )
        qa = f"{below}/qa_f/skullstrip_vis_a/x.png"
    if state != "DONE":
        return (OutputFile(uri=qa, size_bytes=9, sha256=""),), ()
    return tuple(OutputFile(uri=uri, size_bytes=9, sha256="") for uri in (*connectomes, qa)), connectomes
