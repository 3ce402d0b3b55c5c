"""What holds a version back is written down, with what lifts it, in docs/versions.md; and only that."""

from __future__ import annotations

import re
import tomllib

from support.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / "docs" / "versions.md").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(\[[^\]]*\])?(?P<bounds>[^;]*)")
#: A row of the table "What is held back": `typer` below 0.21, or `moto` 5.2.5 exactly.
ROW = re.compile(
    r"^\| `(?P<name>[\w-]+)` (?P<cap>below \S+|\S+ exactly) \| (?P<why>.+?) \| (?P<lift>.+?) \|$", re.MULTILINE
)


def caps(requirements: list[str]) -> dict[str, str]:
    """What may not be newer, in the words of the page."""
    capped = {}
    for requirement in requirements:
        match = REQUIREMENT.match(requirement)
        assert match is not None
        for bound in match["bounds"].split(","):
            if bound.startswith("<"):
                capped[match["name"]] = f"below {bound.lstrip('<=')}"
            elif bound.startswith(("==", "~=")):
                capped[match["name"]] = f"{bound[2:]} exactly"
    return capped


def every_requirement() -> list[str]:
    extras = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
    return [*PROJECT["dependencies"], *extras]


def test_every_cap_has_its_reason_and_what_lifts_it_and_no_other_is_listed() -> None:
    rows = {match["name"]: match for match in ROW.finditer(PAGE)}
    assert {name: match["cap"] for name, match in rows.items()} == caps(every_requirement())
    for name, row in rows.items():
        assert len(row["why"]) > 20 and len(row["lift"]) > 20, name


def test_no_version_is_proposed_for_what_is_held_back() -> None:
    dependabot = (ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"dependency-name: (\S+)", dependabot)) == set(caps(every_requirement()))


def test_caps_are_recognised() -> None:
    requirements = ["a>=1", "b>=1,<2", "c[x]==1.0", "d<3; python_version<'3.12'", "e"]
    assert caps(requirements) == {"b": "below 2", "c": "1.0 exactly", "d": "below 3"}


def test_the_pinned_versions_are_those_of_the_lock_file() -> None:
    """A cap of one exact version is one that the tests ran on."""
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, cap in caps(every_requirement()).items():
        if cap.endswith(" exactly"):
            assert re.search(rf"^{name}(\[\w+\])?=={re.escape(cap.split()[0])}\b", locked, re.MULTILINE), name


def test_the_page_and_the_code_name_the_same_terraform() -> None:
    from opsctl.core.platform.terraform_release import VERSION
    from opsctl.terraform.binary import OLDEST_VERSION

    oldest = ".".join(map(str, OLDEST_VERSION))
    assert f"| Terraform | {oldest} | {VERSION} |" in PAGE
    for root in ("storage", "platform"):
        assert f'required_version = ">= {oldest}"' in (ROOT / "terraform" / root / "versions.tf").read_text()


def test_the_page_and_the_lock_files_name_the_same_provider() -> None:
    versions = {
        re.findall(r'^ *version *= *"(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)[0]
        for path in (ROOT / "terraform").glob("*/.terraform.lock.hcl")
    }
    (version,) = versions
    assert f"| AWS provider | {version} | {version} |" in PAGE


def test_the_page_names_the_python_of_the_package() -> None:
    assert f"| Python | {PROJECT['requires-python'].removeprefix('>=')} |" in PAGE
