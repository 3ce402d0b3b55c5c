"""`image sbom`: write which packages an image holds."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from opsctl.commands.image.contents import RUNNERS_PYTHON, read_contents
from opsctl.commands.platform.image import BuiltImage
from opsctl.core.errors import Problem, write_error_code
from opsctl.core.foreign_json import parse_object
from opsctl.core.image.contents import Copied, ImageContents
from opsctl.engine import Engine, final_output
from opsctl.installation import ensure_extra
from opsctl.program import find_program
from opsctl.small_file import read_small
from opsctl.whole_file import write_whole

_LARGEST_BYTES = 256 * 1024 * 1024
#: The name of opsctl's properties in the document.
COPIED_PROPERTY = "opsctl:copied"


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """A list of an image's packages that was written.

    Attributes
    ----------
    image
        The image's name.
    file
        The document: CycloneDX in JSON.
    read_by
        `syft`, or `opsctl`, which reads dpkg's and pip's packages only.
    syft_failure
        Why syft did not read the image though it is installed; empty otherwise.
    components
        How many the document has.
    system_packages, python_packages
        What opsctl read; the same package in two versions counts twice.
    copied
        What is in the image without a package: its version is not known.
    """

    image: str
    file: Path
    read_by: Literal["syft", "opsctl"]
    syft_failure: str
    components: int
    system_packages: int
    python_packages: int
    copied: tuple[Copied, ...]


def write_sbom(
    engine: Engine, folder: Path, built: BuiltImage, file: Path, *, version: str, environment: Mapping[str, str]
) -> Sbom:
    """Write a document with the packages of an image on this machine.

    Parameters
    ----------
    folder
        The folder with the inventory.
    file
        A file of this name is replaced.
    version
        opsctl's version.
    environment
        syft is looked for on its PATH.

    Raises
    ------
    Problem
        When the extra `sbom` is missing and syft too, the image cannot be read, or the file cannot be written.
    """
    syft = find_program("syft", environment)
    document, failure = None, ""
    if syft is None:
        ensure_extra("sbom")
    else:
        document, failure = _of_syft(syft, engine, built)
    contents = read_contents(engine, folder, built.image, python=RUNNERS_PYTHON)
    if document is None:
        ensure_extra("sbom")
        from opsctl.commands.image.sbom_document import document_of

        text = document_of(built, contents, version=version)
    else:
        _add_copied(document, contents)
        text = json.dumps(document, indent=2)
    try:
        write_whole(file, f"{text}\n")
    except OSError as error:
        raise Problem(
            f"{file} cannot be written ({error.strerror}).", "Name another file.", code=write_error_code(error)
        ) from error
    return Sbom(
        image=built.image,
        file=file,
        read_by="opsctl" if document is None else "syft",
        syft_failure=failure,
        components=len(parse_object(text)["components"]),
        system_packages=len(contents.packages),
        python_packages=len({(module.name, module.version) for module in contents.modules}),
        copied=tuple(contents.copied),
    )


def _of_syft(syft: str, engine: Engine, built: BuiltImage) -> tuple[dict[str, Any] | None, str]:
    """The document that syft writes, or why it does not."""
    with tempfile.TemporaryDirectory(prefix="opsctl-sbom-") as name:
        file = Path(name) / "sbom.json"
        done = subprocess.run(
            [syft, "scan", f"{engine.name}:{built.image}", "--quiet", "--output", f"cyclonedx-json={file}"],
            env=dict(engine.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            return None, final_output(done.stderr)
        try:
            document = parse_object(read_small(file, at_most=_LARGEST_BYTES))
        except (OSError, ValueError) as error:
            return None, f"its document cannot be read: {error}."
    if document.get("bomFormat") != "CycloneDX" or not isinstance(document.setdefault("components", []), list):
        return None, "it did not write a CycloneDX document."
    return document, ""


def _add_copied(document: dict[str, Any], contents: ImageContents) -> None:
    for copied in contents.copied:
        document["components"].append(
            {
                "type": "application",
                "bom-ref": f"opsctl-copied-{copied.name}",
                "name": copied.name,
                "properties": [{"name": COPIED_PROPERTY, "value": copied.sentence}],
            }
        )
