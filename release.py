"""Check what a release would publish: `make release` builds dist/ first. Nothing is uploaded, and no tag is set."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
_HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\S+))?$", re.MULTILINE)
_FIELD = re.compile(r"^(?P<name>version|date-released): *(?P<value>\S+)$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class NotReady(Exception):
    """The release cannot be made as things are."""


def main() -> None:
    """Try the wheel of a folder and write the release's notes beside it."""
    folder = Path(sys.argv[1])
    wheels = list(folder.glob("opsctl-*.whl"))
    if len(wheels) != 1:
        sys.exit(f"{folder} has {len(wheels)} wheels; one is wanted.")
    version = wheels[0].name.split("-")[1]
    try:
        text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        ensure_cited((ROOT / "CITATION.cff").read_text(encoding="utf-8"), version)
    except NotReady as problem:
        sys.exit(str(problem))
    try_wheel(wheels[0], version)
    (folder / f"opsctl-{version}-notes.md").write_text(text, encoding="utf-8")
    packages = sorted([*wheels, *folder.glob("opsctl-*.tar.gz")])
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in packages]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    print(f"{folder} has opsctl {version}, its notes and SHA256SUMS.")
    if is_development(version):
        print("This is a development version. The version of a release is that of its tag: git tag -a v0.1.0, for one.")


def is_development(version: str) -> bool:
    """Whether a version is none of a tag's."""
    return ".dev" in version


def notes(changelog: str, version: str) -> str:
    """The notes of a version: its section of the changelog, or the newest one for a development version.

    Raises
    ------
    NotReady
        When the changelog has no section with a date for a released version.
    """
    headings = list(_HEADING.finditer(changelog))
    if is_development(version):
        chosen = headings[:1]
    else:
        chosen = [
            heading for heading in headings if heading["version"] == version and _DATE.fullmatch(heading["date"] or "")
        ]
    if not chosen:
        raise NotReady(
            f'CHANGELOG.md has no section with a date for this version: "## [{version}] - 2026-11-29", for one.'
        )
    start = chosen[0].end()
    following = next((heading.start() for heading in headings if heading.start() > start), len(changelog))
    return f"# opsctl {version}\n\n{changelog[start:following].strip()}\n"


def ensure_cited(citation: str, version: str) -> None:
    """Compare the version that people are asked to cite with the release's.

    Raises
    ------
    NotReady
        When a release's version or its date is missing in the citation file.
    """
    fields = {match["name"]: match["value"].strip("\"'") for match in _FIELD.finditer(citation)}
    if is_development(version) or (
        fields.get("version") == version and _DATE.fullmatch(fields.get("date-released", ""))
    ):
        return
    raise NotReady(
        f'CITATION.cff does not name this version: "version: {version}" and "date-released: 2026-11-29", for one.'
    )


def try_wheel(wheel: Path, version: str) -> None:
    """Install the wheel into an environment that has nothing else, and start it with an empty home."""
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "environment"], check=True)
        python = folder / "environment" / "bin" / "python"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wheel.resolve()], check=True)
        environment = {"HOME": str(folder), "PATH": os.defpath, "LANG": "C.UTF-8"}
        for words, expected in ((["--version"], f"opsctl {version}"), (["--help"], "Usage: opsctl")):
            command = [python.with_name("opsctl"), *words]
            done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
            if expected not in done.stdout:
                sys.exit(f"opsctl {words[0]} says {done.stdout!r}.")


if __name__ == "__main__":
    main()
