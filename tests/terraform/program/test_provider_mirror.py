"""Where opsctl finds a copy of Terraform's provider on the machine."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from opsctl.core.errors import Problem
from opsctl.terraform.provider import MIRROR_VARIABLE, find_mirror, os_arch, searched_folders

PROVIDER = "registry.terraform.io/hashicorp/aws"


def unpacked(root: Path, *, version: str = "5.100.0", arch: str | None = None) -> Path:
    folder = root / PROVIDER / version / (arch or os_arch())
    folder.mkdir(parents=True)
    (folder / f"terraform-provider-aws_v{version}_x5").write_text("")
    return folder


def packed(root: Path, *, version: str = "5.100.0", arch: str | None = None) -> Path:
    folder = root / PROVIDER
    folder.mkdir(parents=True)
    file = folder / f"terraform-provider-aws_{version}_{arch or os_arch()}.zip"
    file.write_text("")
    return file


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose home holds nothing; `/opt` is a folder of the test's, too."""
    (tmp_path / "home").mkdir()
    (tmp_path / "opt").mkdir()
    return {"HOME": str(tmp_path / "home")}


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    return tmp_path / "opt"


def test_this_machine_as_terraform_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine, name in (
        ("Linux", "x86_64", "linux_amd64"),
        ("Linux", "aarch64", "linux_arm64"),
        ("Darwin", "arm64", "darwin_arm64"),
        ("Windows", "AMD64", "windows_amd64"),
    ):
        monkeypatch.setattr(platform, "system", lambda system=system: system)
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        assert os_arch() == name


def test_nothing_anywhere(home: dict[str, str], opt: Path) -> None:
    # The folders of the system itself may hold one; this machine's own are told by `places` alone.
    if any(Path(place, PROVIDER).exists() for place in searched_folders(home) if place.startswith("/usr")):
        pytest.skip("this machine has a provider in a system folder")
    assert find_mirror(home, opt=opt) is None


@pytest.mark.parametrize("place", [".terraform.d/plugins", ".local/share/terraform/plugins"])
@pytest.mark.parametrize("make", [unpacked, packed])
def test_terraforms_own_places_below_home(home: dict[str, str], opt: Path, place: str, make: object) -> None:
    root = Path(home["HOME"], place)
    make(root)  # type: ignore[operator]
    assert find_mirror(home, opt=opt) == root.resolve()
    assert str(root) in searched_folders(home)


def test_xdg_data_home(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    unpacked(tmp_path / "xdg/terraform/plugins")
    environment = {**home, "XDG_DATA_HOME": str(tmp_path / "xdg")}
    assert find_mirror(environment, opt=opt) == (tmp_path / "xdg/terraform/plugins").resolve()


@pytest.mark.parametrize("make", [unpacked, packed])
def test_a_mirror_below_opt(home: dict[str, str], opt: Path, make: object) -> None:
    make(opt / "mirror")  # type: ignore[operator]
    assert find_mirror(home, opt=opt) == (opt / "mirror").resolve()


def test_the_home_wins_over_opt_and_the_variable_over_all(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    unpacked(opt / "mirror")
    own = Path(home["HOME"], ".terraform.d/plugins")
    unpacked(own)
    assert find_mirror(home, opt=opt) == own.resolve()
    packed(tmp_path / "named")
    assert find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / "named")}, opt=opt) == (tmp_path / "named").resolve()


def test_the_variable_may_name_the_hosts_folder_too(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    unpacked(tmp_path / "named")
    inside = tmp_path / "named/registry.terraform.io"
    assert find_mirror({**home, MIRROR_VARIABLE: str(inside)}, opt=opt) == (tmp_path / "named").resolve()


WRONG = [
    {"version": "5.99.1"},
    {"version": "5.101.0"},
    {"version": "6.0.0"},
    {"version": "4.67.0"},
    {"version": "5.100"},
    {"arch": "plan9_mips"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("make", [unpacked, packed])
def test_another_version_or_machine_is_not_taken(
    home: dict[str, str], opt: Path, tmp_path: Path, make: object, wrong: dict[str, str]
) -> None:
    named = tmp_path / "named"
    make(named, **wrong)  # type: ignore[operator]
    with pytest.raises(Problem, match=f"{MIRROR_VARIABLE}={named} holds no AWS provider") as caught:
        find_mirror({**home, MIRROR_VARIABLE: str(named)}, opt=opt)
    assert f"5.100.0/{os_arch()}/ or " in caught.value.hint
    there = wrong.get("version") if "arch" not in wrong else None
    assert (f"(there is {there})" in caught.value.what) is (there is not None)


def test_a_fitting_version_beside_others_is_found(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    named = tmp_path / "named"
    for version in ("4.0.0", "6.1.0", "5.100.0"):
        unpacked(named, version=version)
    assert find_mirror({**home, MIRROR_VARIABLE: str(named)}, opt=opt) == named.resolve()


@pytest.mark.parametrize("named", ["nothing-there", "empty"])
def test_a_variable_that_names_nothing_is_told(home: dict[str, str], opt: Path, tmp_path: Path, named: str) -> None:
    (tmp_path / "empty").mkdir()
    unpacked(opt / "mirror")
    with pytest.raises(Problem, match="holds no AWS provider"):
        find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / named)}, opt=opt)


def test_a_broken_link_is_no_provider(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    version = tmp_path / "named" / PROVIDER / "5.100.0"
    version.mkdir(parents=True)
    (version / os_arch()).symlink_to("gone")
    with pytest.raises(Problem, match="holds no AWS provider"):
        find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / "named")}, opt=opt)


@pytest.mark.parametrize("linked", ["registry.terraform.io", "registry.terraform.io/hashicorp/aws/5.100.0"])
def test_a_tree_of_links_leads_to_the_tree_that_terraform_can_read(
    home: dict[str, str], opt: Path, tmp_path: Path, linked: str
) -> None:
    """Terraform does not look into a linked VERSION or HOST folder: it is handed the tree behind the link."""
    real = tmp_path / "real"
    unpacked(real)
    link = tmp_path / "named" / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(real / linked)
    assert find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / "named")}, opt=opt) == real.resolve()


def test_a_link_that_terraform_follows_itself_keeps_its_tree(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    somewhere = tmp_path / "a/b/c/d/e/f/provider"
    somewhere.mkdir(parents=True)
    version = tmp_path / "named" / PROVIDER / "5.100.0"
    version.mkdir(parents=True)
    (version / os_arch()).symlink_to(somewhere)
    assert find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / "named")}, opt=opt) == tmp_path / "named"


def test_a_link_to_a_folder_near_the_root(home: dict[str, str], opt: Path, tmp_path: Path) -> None:
    version = tmp_path / "named" / PROVIDER / "5.100.0"
    version.mkdir(parents=True)
    (version / os_arch()).symlink_to("/usr")
    assert find_mirror({**home, MIRROR_VARIABLE: str(tmp_path / "named")}, opt=opt) == tmp_path / "named"
