"""The layers through the real command line: the folder's file, the user's, variables, options; the last wins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.example_platform import platform

from opsctl.aws.clients import Clients
from opsctl.cli.context import Context
from opsctl.cli.verbs import up
from opsctl.commands.dataset.upload import Upload
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.location import Location
from opsctl.core.platform.options import PlatformOptions
from opsctl.home import Home
from opsctl.terraform.binary import Binary

Opsctl = Callable[..., Any]


class World:
    """A working folder and a user's file, and what the verbs asked for before they were stopped."""

    def __init__(self, folder: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder_file = folder / "opsctl.toml"
        self.own = own
        self.asked: dict[str, Any] = {}
        self._patch = monkeypatch

    def say(self, *, folder: str = "", user: str = "", **variables: str) -> None:
        self.folder_file.write_text(folder)
        self.own.write_text(user)
        for name, text in variables.items():
            self._patch.setenv(f"OPSCTL_{name}", text)

    def replace(self, target: str, value: Any) -> None:
        self._patch.setattr(target, value)

    def stop_at(self, target: str) -> None:
        """Let what is called there keep its arguments and end the verb."""

        def called(*words: Any, **asked: Any) -> None:
            self.asked = {**asked, "words": words}
            raise Problem("Reached.", code=ErrorCode.AWS_DENIED)

        self.replace(target, called)


@pytest.fixture
def world(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    folder = tmp_path / "study"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPSCTL_CONFIG", str(tmp_path / "user.toml"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr("opsctl.aws.s3.storage.Storage.folders", lambda *_: [])
    made = World(folder, tmp_path / "user.toml", monkeypatch)
    made.say()
    Home(home).keep(platform(name="lab"))
    Home(home).keep(platform())
    return made


#: As TOML, its value in the order; as a variable; as an option, its value in the order. Each with its own value.
ORDERS: list[tuple[str, str, list[Any], str, list[str]]] = [
    ("space", "m2g.space = {}", ["'native_dsn'", "'native'"], "SPACE", ["--sp"]),
    ("seeds", "m2g.seeds = {}", ["1", "2", "3", "4"], "SEEDS", ["--seeds"]),
    ("tr", "[m2g]\ntr = {}", ["1.5", "2.5", "3.5", "4.5"], "TR", ["--tr"]),
    ("mem_gb", "m2g.mem_gb = {}", ["1.0", "2.0", "3.0", "4.0"], "MEM_GB", ["--mem-gb"]),
    ("n_cpus", "m2g.n_cpus = {}", ["1", "2", "3", "4"], "N_CPUS", ["--n-cpus"]),
    ("voxelsize", "m2g.voxelsize = {}", ["'1mm'", "'4mm'", "'1mm'", "'4mm'"], "VOXELSIZE", ["--voxelsize"]),
    ("diffusion_model", "m2g.model = {}", ["'csd'", "'csa'", "'csd'", "'csa'"], "DIFFUSION_MODEL", ["--model"]),
    ("pipeline", "m2g.pipeline = {}", ["'func'", "'both'", "'func'", "'both'"], "PIPELINE", ["--pipeline"]),
    ("mod", "m2g.mod = {}", ["'prob'", "'det'", "'prob'", "'det'"], "MOD", ["--mod"]),
    ("track_type", "m2g.track-type = {}", ["'particle'", "'local'"] * 2, "TRACK_TYPE", ["--track-type"]),
    ("acquisition", "m2g.acquisition = {}", ["'alt-z'", "'seqplus'"] * 2, "ACQUISITION", ["--acquisition"]),
    ("skull", "m2g.skull = {}", ["'eye'", "'below'"] * 2, "SKULL", ["--skull"]),
    ("max_spend_usd", "max_spend = {}", ["1.5", "2.5", "3.5", "4.5"], "MAX_SPEND", ["--max-spend"]),
    ("memory_mib", "memory = {}", ["2001", "2002", "2003", "2004"], "MEMORY", ["--memory"]),
]


@pytest.mark.parametrize(("name", "line", "values", "variable", "option"), ORDERS, ids=[one[0] for one in ORDERS])
def test_each_layer_wins_over_the_one_before(
    world: World, opsctl: Opsctl, name: str, line: str, values: list[str], variable: str, option: list[str]
) -> None:
    world.stop_at("opsctl.commands.runs.request.RunRequest")
    folder, user, environment, typed = [*values, *values][:4]
    plain = [one.strip("'") for one in (folder, user, environment, typed)]
    layers: dict[str, str] = {}
    for number, added in enumerate(
        [{"folder": line.format(folder)}, {"user": line.format(user)}, {variable: plain[2]}, None]
    ):
        layers |= added or {}
        world.say(**layers)
        said = opsctl("run", "HNU1", *([] if added else [*option, plain[3]]))
        assert said.err == "Reached.\n"
        asked = {**world.asked["options"].as_dict(), **world.asked}
        assert str(asked[name]) == plain[number]


def test_lists_and_switches_too(world: World, opsctl: Opsctl) -> None:
    world.stop_at("opsctl.commands.runs.request.RunRequest")

    def asked(*words: str) -> tuple[Any, bool]:
        opsctl("run", "HNU1", *words)
        options = world.asked["options"]
        return options.parcellation, options.reuse_registration

    atlases, reuses = asked()
    assert (len(atlases), reuses) == (45, False)
    world.say(folder="[m2g]\nparcellation = ['AAL_', 'JHU']\nreuse_registration = true")
    assert asked() == (("AAL", "JHU"), True)
    assert asked("--no-reuse", "--parcellation", "Glasser") == (("Glasser",), False)
    settings = "[m2g]\nparcellation = ['AAL_', 'JHU']\nreuse_registration = true"
    world.say(folder=settings, PARCELLATION="Desikan", REUSE_REGISTRATION="no")
    assert asked() == (("Desikan", "DesikanKlein"), False)


def test_the_platform_that_is_meant(world: World, opsctl: Opsctl) -> None:
    world.stop_at("opsctl.aws.clients.Clients.of")

    def asked(*words: str) -> str:
        opsctl("status", *words)
        name: str = world.asked["words"][0].name
        return name

    assert asked() == "m2g"
    world.say(folder="platform = 'lab'")
    assert asked() == "lab"
    world.say(folder="platform = 'lab'", user="platform = 'm2g'")
    assert asked() == "m2g"
    world.say(folder="platform = 'lab'", user="platform = 'm2g'", PLATFORM="lab")
    assert asked() == "lab"
    assert asked("--platform", "m2g") == "m2g"


@pytest.mark.parametrize("verb", [["up"], ["status", "--platform", "far"]])
def test_region_and_profile_also_of_verbs_without_these_options(world: World, opsctl: Opsctl, verb: list[str]) -> None:
    world.stop_at("opsctl.aws.clients.Clients.__init__")
    world.replace("opsctl.terraform.binary.find_binary", lambda _, own: Binary("terraform", "1.11.4"))
    world.replace("opsctl.terraform.provider.find_mirror", lambda _: None)

    def asked(*words: str) -> tuple[Any, Any]:
        opsctl(*verb, *words)
        return world.asked["region"], world.asked["profile"]

    assert asked() == (None, None)
    world.say(folder="region = 'eu-west-1'\nprofile = 'a'")
    assert asked() == ("eu-west-1", "a")
    world.say(folder="region = 'eu-west-1'\nprofile = 'a'", user="region = 'eu-west-2'\nprofile = 'b'")
    assert asked() == ("eu-west-2", "b")
    world.say(user="region = 'eu-west-2'\nprofile = 'b'", REGION="eu-west-3", PROFILE="c")
    assert asked() == ("eu-west-3", "c")
    assert asked("--profile", "d") == ("eu-west-3", "d")
    if verb == ["up"]:
        assert asked("--region", "eu-north-1") == ("eu-north-1", "c")


def test_local_is_typed_and_wins_over_everything_configured(world: World, opsctl: Opsctl, home: Path) -> None:
    world.stop_at("opsctl.cli.verbs.up.endpoint")
    world.replace("opsctl.terraform.binary.find_binary", lambda _, own: Binary("terraform", "1.11.4"))
    world.replace("opsctl.terraform.provider.find_mirror", lambda _: None)
    world.say(folder="platform = 'lab'\nregion = 'eu-west-1'", PROFILE="c")
    opsctl("up", "--local")
    assert world.asked["words"][1] == "local"
    assert "no --region" in opsctl("up", "--local", "--region", "x").err
    opsctl("up", "--local", "--name", "mine")
    assert world.asked["words"][1] == "mine"
    opsctl("up")
    assert world.asked["words"][1] == "lab"
    assert "nothing of it is up: nothing to remove." in opsctl("down", "--local").err
    assert Home(home).recall("lab") is not None


def test_up_says_that_the_verbs_after_it_would_go_elsewhere(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    platform_options = PlatformOptions(name="local", region="us-east-1", account_id="1", is_local=True)
    made = platform(name="local", endpoint_url="http://127.0.0.1:1")

    def said() -> str:
        context, nobody = Context(platform_name="local"), Clients(endpoint_url="http://127.0.0.1:1")
        up._say_platform_is_up(context, nobody, platform_options, made, containers=None, is_new=True)
        return capsys.readouterr().err

    assert "names the platform" not in said()
    world.say(folder="platform = 'lab'")
    assert f"! {world.folder_file}:1 names the platform lab: for this one, add --platform local.\n" in said()
    world.say(folder="platform = 'local'")
    assert "names the platform" not in said()


def test_what_asks_without_options_is_configured_too(world: World) -> None:
    world.stop_at("opsctl.aws.clients.Clients.__init__")
    world.say(user="region = 'eu-west-2'\nprofile = 'b'")
    with pytest.raises(Problem, match="Reached"):
        _ = Context(platform_name="far").platform
    assert (world.asked["region"], world.asked["profile"]) == ("eu-west-2", "b")


NAMED = "datasets.HNU1 = 's3://fcp-indi/data/HNU_1'\n"


@pytest.mark.parametrize("verb", ["run", "scans", "check", "audit"])
def test_a_configured_dataset_works_wherever_one_is_typed(world: World, opsctl: Opsctl, verb: str) -> None:
    world.stop_at("opsctl.cli.context.Context.storage_of")

    def read(*words: str) -> tuple[str, str]:
        said = opsctl(verb, *words)
        return world.asked["words"][1].uri, said.err

    assert read("HNU1")[0] == "s3://data/HNU1"
    world.say(folder=NAMED)
    uri, words = read("HNU1")
    assert uri == "s3://fcp-indi/data/HNU_1"
    assert words.startswith(f"HNU1 is {uri} ({world.folder_file}:1)\n")
    assert read("HNU1", "--bucket", "other")[0] == "s3://other/HNU1"
    assert read("HNU2")[0] == "s3://data/HNU2"
    assert read("s3://data/HNU1")[0] == "s3://data/HNU1"
    world.say(folder=NAMED, user="datasets.HNU1 = 's3://mine/HNU1'")
    assert read("HNU1")[0] == "s3://mine/HNU1"


def test_a_folder_that_a_configured_name_hides_is_said(world: World, opsctl: Opsctl) -> None:
    world.stop_at("opsctl.cli.context.Context.storage_of")
    world.replace("opsctl.aws.s3.storage.Storage.folders", lambda *_: ["HNU1"])
    world.say(folder=NAMED)
    assert ", not s3://data/HNU1, which is there too." in opsctl("scans", "HNU1").err

    def forbidden(*_: Any) -> None:
        raise Problem("You may not list data.", code=ErrorCode.AWS_DENIED)

    world.replace("opsctl.aws.s3.storage.Storage.folders", forbidden)
    assert opsctl("scans", "HNU1").err.endswith(":1)\nReached.\n")


def test_an_upload_says_that_the_name_means_something_else(world: World, opsctl: Opsctl, tmp_path: Path) -> None:
    (tmp_path / "HNU1").mkdir()
    here = Location("data", "HNU1")
    nothing = Upload(
        folder=tmp_path,
        location=here,
        files={},
        sizes={},
        unchanged=3,
        left_out={},
        faults=(),
        annexed=(),
        pipeline="dwi",
    )
    world.replace("opsctl.commands.dataset.upload.compare", lambda *_: nothing)
    world.replace("opsctl.commands.dataset.upload.send", lambda *_, **__: None)
    assert "opsctl run HNU1 " in opsctl("upload", str(tmp_path / "HNU1")).err
    world.say(folder=NAMED)
    said = opsctl("upload", str(tmp_path / "HNU1"))
    assert f"`opsctl run HNU1` means s3://fcp-indi/data/HNU_1 ({world.folder_file}:1)." in said.err
    assert "opsctl run s3://data/HNU1 " in said.err
