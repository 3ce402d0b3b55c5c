"""Shows an image's build and push while they run, and the status of the platform's image."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC

from rich.text import Text

from opsctl.commands.image.archive import ArchivedBase
from opsctl.commands.image.sbom import Sbom
from opsctl.commands.platform.image import BuiltImage
from opsctl.commands.platform.image_status import ImageStatus
from opsctl.core.errors import Interrupted, Problem
from opsctl.core.image.scan import NOT_SCANNED
from opsctl.render.live import drawn
from opsctl.render.page import table
from opsctl.render.screen import Screen, counted, size_text

_LINES_KEPT = 20
#: docs/licences.md has the licence's own words.
_LICENCE = (
    "m2g calls FSL, whose licence allows non-commercial use only: https://fsl.fmrib.ox.ac.uk/fsl/docs/license.html"
)


@contextmanager
def engine_at_work(screen: Screen, title: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes an engine's lines: on a terminal only the last is shown, elsewhere all.

    If the engine fails, its last lines stay.
    """
    last: deque[str] = deque(maxlen=_LINES_KEPT)

    def picture() -> Text:
        return Text.assemble((title, "bold"), f"  {last[-1] if last else ''}")

    def on_line(line: str) -> None:
        if not line.strip():
            return
        last.append(line)
        if not screen.words.is_live:
            screen.say(f"  {line}")

    try:
        with drawn(screen.words, picture):
            yield on_line
    except Interrupted:
        raise
    except Problem:
        if screen.words.is_live:
            for line in last:
                screen.say(f"  {line}", style="dim")
        raise


def show_built(screen: Screen, built: BuiltImage) -> None:
    """Show the built image and its base."""
    screen.say(f"Built {built.image} ({built.image_id[:12]}, {size_text(built.size_bytes)}).", style="green")
    if built.base_digest:
        screen.say(f"Its base: {built.base}, {built.base_digest}")
    else:
        screen.warn(f"Its base {built.base} is in no registry: nobody else can build the same.")
    screen.say(_LICENCE)


def warn_other_base(screen: Screen, built: BuiltImage, earlier: str) -> None:
    """Warn that a push changes the m2g of the platform's jobs."""
    screen.warn(
        f"m2g in {built.image} is {built.base_digest}, in the image that the platform's jobs run it is {earlier}: it "
        "may be another program. `opsctl run DATASET` will say which finished scans the earlier one processed."
    )


def show_archived(screen: Screen, archived: ArchivedBase) -> None:
    """Show where the copy of the base is."""
    if archived.is_new:
        screen.say(f"Copied {archived.base} ({archived.base_digest}) to {archived.image}.", style="green")
    else:
        screen.say(f"{archived.base} ({archived.base_digest}) is in the repository already: {archived.image}")


def show_sbom(screen: Screen, sbom: Sbom) -> None:
    """Show what the list of packages has, and what it cannot have."""
    if sbom.syft_failure:
        screen.warn(f"syft did not read the image: {sbom.syft_failure}")
    read = (
        "read by syft"
        if sbom.read_by == "syft"
        else f"{counted(sbom.system_packages, 'package')} of dpkg and {counted(sbom.python_packages, 'package')} of pip"
    )
    screen.say(f"Wrote {sbom.file}: {counted(sbom.components, 'component')} of {sbom.image}, {read}.", style="green")
    if sbom.copied:
        names = ", ".join(f"{copied.name} ({copied.folder})" for copied in sbom.copied)
        screen.say(f"In the image without a package, so that their versions and parts are not known: {names}.")
    screen.say("What was copied or compiled elsewhere in the image is not listed.")


def show_image_status(screen: Screen, status: ImageStatus) -> None:
    """Show the image of each job definition, where it is stored, and what to do."""
    rows = [
        (f"{definition.model}  {definition.name}", definition.image or "this revision is no longer there")
        for definition in status.definitions
    ]
    for line in table(rows, room=screen.data.room):
        screen.data.print(line)
    for sentence in _sentences(status):
        screen.data.print(sentence)


def _sentences(status: ImageStatus) -> Iterator[str]:
    if status.repository_url is None:
        yield "The local platform runs images from this machine; nothing is pushed."
    elif status.hidden:
        yield f"The repository does not tell: {status.hidden}"
    elif not status.is_own:
        yield f"Not in this platform's repository ({status.repository_url})."
    elif status.stored is None:
        yield "Not in the repository: no job can start. Build and push it: opsctl image build, opsctl image push"
    else:
        yield f"In the repository{_facts(status)}."
        yield _scan_sentence(status)
    if status.repository_url is not None and not status.is_pinned and (status.stored or not status.is_own):
        yield "Named by a tag, not by its digest: `opsctl image push` writes the digest down."
    if status.local_image is None or status.local_image.source is None:
        yield "What it was made from is not known on this machine."
    else:
        digest = f" ({status.local_image.base_digest})" if status.local_image.base_digest else ""
        yield f"Built by opsctl {status.local_image.version} on {status.local_image.base}{digest}."
    if status.m2g_image:
        yield f"m2g in it: {status.m2g_image}."
    yield from _support_sentences(status)
    if status.is_archived is not None:
        yield (
            "The repository has a copy of the base."
            if status.is_archived
            else "The repository has no copy of the base: `opsctl image archive` makes one, in case it disappears."
        )
    if status.is_outdated:
        yield "Its code is not this opsctl's: build and push again (opsctl image build, opsctl image push)."


def _scan_sentence(status: ImageStatus) -> str:
    """What ECR's scan says, or why it says nothing."""
    scan = status.scan
    if scan is None:
        return f"ECR's scan for vulnerabilities cannot be read: {status.scan_hidden}"
    if scan.status == NOT_SCANNED:
        return (
            "ECR has not scanned it for vulnerabilities. It scans an image after its push, unless the account's "
            "settings say otherwise: aws ecr get-registry-scanning-configuration"
        )
    if scan.is_at_work:
        return "ECR's scan for vulnerabilities is in progress: type `opsctl image status` again in some minutes."
    explanation = f" ({scan.description.rstrip('.')})" if scan.description else ""
    if scan.findings is None:
        return f"ECR's scan for vulnerabilities has no result: {scan.status}{explanation}."
    scanner = "Amazon Inspector's scan" if scan.is_enhanced else "ECR's scan"
    day = f" of {scan.completed_at.astimezone(UTC):%Y-%m-%d}" if scan.completed_at else ""
    counts = ", ".join(f"{count} {severity.lower()}" for severity, count in scan.findings.items())
    findings = counted(sum(scan.findings.values()), "finding") + (f" ({counts})" if counts else "")
    return f"{scanner}{day}: {findings}." + (
        "" if scan.is_enhanced else " It reads the system's packages, not Python's."
    )


def _support_sentences(status: ImageStatus) -> Iterator[str]:
    """One sentence on what nobody mends any more, and one on the rest."""
    over = [part for part in status.support if part.is_over(status.today)]
    if over:
        parts = ", ".join(f"{part.name} on {part.ends} ({part.source})" for part in over)
        yield f"Standard support of its base has ended: {parts}. Security faults found since then stay in the image."
    if lasting := [part for part in status.support if part.ends and part not in over]:
        parts = ", ".join(f"{part.name} until {part.ends} ({part.source})" for part in lasting)
        yield f"Standard support of its base: {parts}."
    if unknown := [part.name for part in status.support if part.ends is None]:
        yield f"Until when {' and '.join(unknown)} of its base is supported is not known to opsctl."


def _facts(status: ImageStatus) -> str:
    stored = status.stored
    if stored is None:
        return ""
    facts = [f" as {', '.join(stored.tags)}"] if stored.tags else []
    if stored.pushed_at:
        facts.append(f"pushed {stored.pushed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    if stored.size_bytes:
        facts.append(size_text(stored.size_bytes))
    return ", ".join(facts)
