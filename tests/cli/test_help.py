"""Help: an example for every verb, at once, and m2g's own spelling understood."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer.main
from support.repository import ROOT
from typer.testing import CliRunner

from opsctl.cli import app
from opsctl.cli.verb_table import SUMMARIES

VERBS = [
    *("up", "sample", "upload", "scans", "check", "run", "status", "cost", "why", "logs", "cancel"),
    *("results", "report", "reliability", "audit", "config", "doctor", "selftest", "down", "runs", "datasets"),
    *("parcellations", "simulate", "size"),
    *("platforms", "use", "compare"),
    *("image build", "image push", "image status", "image archive", "image sbom"),
    *("delete dataset", "delete outputs", "delete run"),
]

#: All that help may import beside Python's own library: each costs every command its time.
MAY_IMPORT = {"annotated_doc", "opsctl", "click", "typer", "typing_extensions", "shellingham", "platformdirs"}
#: And of opsctl itself beside the verbs: a dataclass takes a millisecond to make.
OUR_OWN = {
    "opsctl._version",
    "opsctl.__main__",
    "opsctl.aws.call_log",
    "opsctl.boundary",
    "opsctl.completion.bash_words",
    "opsctl.completion.offers",
    "opsctl.config",
    "opsctl.config_files",
    "opsctl.core.atlases.atlas",
    "opsctl.core.bounded",
    "opsctl.core.config",
    "opsctl.core.dataset.selection",
    "opsctl.core.dataset_argument",
    "opsctl.core.errors",
    "opsctl.core.foreign_json",
    "opsctl.core.harmless",
    "opsctl.core.location",
    "opsctl.core.openneuro.accession",
    "opsctl.core.openneuro.endpoint",
    "opsctl.core.platform.absent",
    "opsctl.core.platform.platform",
    "opsctl.core.platform.platform_name",
    "opsctl.core.platform.terraform_release",
    "opsctl.core.preview",
    "opsctl.core.printed_command",
    "opsctl.core.record",
    "opsctl.core.record_body",
    "opsctl.core.runs.files_digest",
    "opsctl.core.runs.output_kinds",
    "opsctl.core.runs.output_texts",
    "opsctl.core.runs.m2g_options",
    "opsctl.core.runs.names",
    "opsctl.core.runs.result",
    "opsctl.core.settings",
    "opsctl.core.size_limits",
    "opsctl.first_request",
    "opsctl.home",
    "opsctl.log_file",
    "opsctl.log_format",
    "opsctl.logged_calls",
    "opsctl.private_folder",
    "opsctl.early_stop",
    "opsctl.process_start",
    "opsctl.real_runs",
    "opsctl.render.json_document",
    "opsctl.render.typed_platform",
    "opsctl.small_file",
    "opsctl.user_name",
    "opsctl.user_path",
    "opsctl.whole_file",
}
#: Of Python's own library, what takes long.
SLOW = {"asyncio", "concurrent", "email", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}

ALL_HELP = f"""
import io, json, sys
before = set(sys.modules)
from contextlib import redirect_stdout
from opsctl.__main__ import main
shown = {{}}
for words in ([], *(verb.split() for verb in {VERBS!r})):
    sys.argv = ["opsctl", *words, "--help"]
    with redirect_stdout(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            shown[" ".join(words)] = [end.code or 0, said.getvalue()]
print(json.dumps([shown, sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def helped() -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Every help page as a new process shows it, and the modules that it imported for them."""
    ended = subprocess.run([sys.executable, "-c", ALL_HELP], capture_output=True, text=True, timeout=120, check=True)
    shown, imported = json.loads(ended.stdout)
    return shown, imported


def test_help_imports_nothing_else(helped: tuple[Any, list[str]]) -> None:
    packages = {name.partition(".")[0] for name in helped[1]}
    others = packages - sys.stdlib_module_names
    assert {name for name in others if not name.startswith("__editable__")} <= MAY_IMPORT
    assert SLOW & packages == set()
    own = {name for name in helped[1] if name.startswith("opsctl.") and not name.startswith("opsctl.cli")}
    folders = {module.rpartition(".")[0] for module in OUR_OWN}
    assert own - OUR_OWN - folders == set()


@functools.cache
def commands() -> dict[str, Any]:
    """Every command by the words that are typed for it."""
    group: Any = typer.main.get_command(app)
    found = {}
    for verb, command in group.commands.items():
        under = getattr(command, "commands", None)
        found |= {verb: command} if under is None else {f"{verb} {name}": one for name, one in under.items()}
    return found


def read(words: list[str]) -> None:
    """Read a command line as the program would, without carrying it out."""
    context: Any = typer.main.get_command(app).make_context("opsctl", list(words))
    while hasattr(context.command, "commands"):
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def test_the_list_of_verbs_is_whole() -> None:
    assert sorted(commands()) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verbs_help_ends_its_words_with_an_example_of_its_own(helped: tuple[Any, Any], verb: str) -> None:
    code, page = helped[0][verb]
    assert code == 0
    examples = [line.strip() for line in page.splitlines() if "Example:" in line]
    assert len(examples) == 1
    assert examples[0].startswith(f"Example: opsctl {verb}")
    assert "--help" in page
    assert "\x1b" not in page


@pytest.mark.parametrize("verb", VERBS)
def test_every_example_is_a_command_line_that_opsctl_reads(helped: tuple[Any, Any], verb: str) -> None:
    (example,) = [line.split("Example:")[1] for line in helped[0][verb][1].splitlines() if "Example:" in line]
    assert example.split()[0] == "opsctl"
    read(example.split()[1:])


def test_the_first_page_names_every_verb_and_where_to_begin(helped: tuple[Any, Any]) -> None:
    code, page = helped[0][""]
    assert code == 0
    assert [verb for verb in VERBS if f"  {verb.split()[0]} " not in page] == []
    assert "opsctl up --local" in page


def test_the_first_page_says_of_a_verb_what_its_own_page_says() -> None:
    group: Any = typer.main.get_command(app)
    assert {name: command.get_short_help_str(1000) for name, command in group.commands.items()} == SUMMARIES


def test_the_first_page_cuts_no_sentence_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(app, ["--help"]).output.splitlines()
    shown = dict(line.split(None, 1) for line in lines if line.startswith("  ") and len(line.split()) > 1)
    assert {name: shown.get(name) for name in SUMMARIES} == SUMMARIES


@pytest.mark.parametrize("verb", ["", "run", "image build"])
def test_help_and_a_verb_show_the_help_of_that_verb(
    helped: tuple[Any, Any], opsctl: Callable[..., Any], verb: str
) -> None:
    # The first line begins with how this process was started.
    shown, own = (page.partition("\n")[2].split() for page in (opsctl("help", *verb.split()).out, helped[0][verb][1]))
    assert shown == own != []


def test_help_of_what_is_no_verb_is_wrong_usage(opsctl: Callable[..., Any]) -> None:
    said = opsctl("help", "stauts")
    assert said.code == 2
    assert "Did you mean `opsctl status`?" in said.err


def test_the_options_of_run_are_under_headings() -> None:
    page = CliRunner().invoke(app, ["run", "--help"]).output
    headings = ["Arguments:", "m2g options:", "Which scans:", "How to run:", "Simulation:", "Options:"]
    assert [line for line in page.splitlines() if line.endswith(":") and not line.startswith(" ")] == headings
    first = ["DATASET", "--sp,", "--participant-label", "--modif", "--scans", "-v,"]
    parts = re.split("|".join(rf"^{re.escape(heading)}$" for heading in headings), page, flags=re.MULTILINE)[1:]
    assert [part.split()[0] for part in parts] == first


#: Prints the verbs that were imported, whatever the program does.
IMPORTED = """
import atexit, sys
atexit.register(lambda: print(sorted(name for name in sys.modules if "opsctl.cli.verbs." in name), file=sys.stderr))
from opsctl.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("words", "code", "verbs"),
    [
        (["--help"], 0, []),
        (["stauts"], 2, []),
        (["parcellations", "--help"], 0, ["opsctl.cli.verbs.parcellations"]),
    ],
)
def test_only_the_typed_verb_is_imported(words: list[str], code: int, verbs: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (code, str(verbs))
    assert "Did you mean" in ended.stderr or words != ["stauts"]


def test_nothing_typed_shows_the_help(opsctl: Callable[..., Any]) -> None:
    said = opsctl()
    assert "Usage: " in said.out + said.err


def params(*words: str) -> dict[str, Any]:
    """What `opsctl run` reads from a command line, options as functions get them."""
    group: Any = typer.main.get_command(app)
    parent = group.make_context("opsctl", ["run", *words])
    context = group.commands["run"].make_context("run", list(words), parent=parent)
    found: dict[str, Any] = context.params
    return found


def test_m2gs_own_spelling_is_understood() -> None:
    ours = params(
        *("HNU1", "--participant-label", "01", "--participant-label", "02", "--session-label", "1"),
        *("--diffusion-model", "csd", "--track-type", "particle", "--mem-gb", "10", "--n-cpus", "2"),
    )
    theirs = params(
        *("HNU1", "--participant_label", "01", "--participant_label", "02", "--session_label", "1"),
        *("--diffusion_model", "csd", "--track_type", "particle", "--mem_gb", "10", "--n_cpus", "2"),
    )
    assert ours == theirs
    assert list(theirs["participant_label"]) == ["01", "02"]
    assert (theirs["model"], theirs["mem_gb"]) == ("csd", 10.0)


def test_values_stay_as_they_are_typed() -> None:
    found = params(
        *("my_data", "--sp", "native_dsn", "--modif", "n_cpus", "--parcellation", "mem_gb", "--parcellation", "AAL_")
    )
    assert (found["dataset"], found["space"], found["modif"]) == ("my_data", "native_dsn", "n_cpus")
    assert list(found["parcellation"]) == ["mem_gb", "AAL_"]


def test_every_option_of_m2g_has_its_name_here() -> None:
    from dataclasses import fields

    from opsctl.core.runs.m2g_options import M2gOptions

    group: Any = typer.main.get_command(app)
    known = {option for one in group.commands["run"].params for option in one.opts}
    wanted = {f"--{one.name.replace('_', '-')}" for one in fields(M2gOptions)}
    assert wanted - known == set()


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_and_option_says_what_it_is(helped: tuple[Any, Any], verb: str) -> None:
    # The page breaks lines at blanks and behind hyphens.
    page = "".join(helped[0][verb][1].split())
    for parameter in commands()[verb].params:
        if not getattr(parameter, "hidden", False):
            assert parameter.help, parameter.name
            assert "".join(parameter.help.split()) in page


#: Options of one name that mean the same, each said in its verb's own words.
IN_OWN_WORDS = {
    *(
        "--all",
        "--dataset",
        "--dry-run",
        "--follow",
        "-f",
        "--modif",
        "--parcellation",
        "--participant-label",
        "--scan",
    ),
}
#: Of another thing in this verb: the dataset's name, where `up` and `down` have the platform's; the queue that is
#: tested, where `run` has m2g's model; the platform's tags, where `image` has the image's; files, where
#: `run` has scans; the one parcellation that `report` pictures or `compare` compares, where `run` takes
#: several.
ANOTHER_THING = {
    ("upload", "--name"),
    ("upload", "--exclude"),
    ("selftest", "--model"),
    ("up", "--tag"),
    ("report", "--parcellation"),
    ("compare", "--parcellation"),
    ("up", "--spot"),
    ("simulate", "--pack"),
    # The usual number of scans on an instance, which one run may change.
    ("up", "--pack"),
    # Which figures; of `sample`, which sample.
    ("report", "--reliability"),
}
WITHOUT_DATA = {"up", "sample"}
WITHOUT_A_PLATFORM = {"sample", "config", "image sbom", "parcellations", "platforms", "use"}
ABOUT_A_RUN = {"status", "cost", "size", "why", "logs", "cancel", "results", "report", "reliability"}


def options(verb: str) -> dict[str, Any]:
    """A verb's options, by each of their names."""
    return {name: one for one in commands()[verb].params for name in one.opts if one.param_type_name == "option"}


def test_an_option_is_the_same_in_every_verb() -> None:
    seen: dict[str, dict[Any, list[str]]] = {}
    for verb in VERBS:
        for name, one in options(verb).items():
            if name == "--platform" and "--name" in one.opts:
                traits: Any = options("status")["--platform"].envvar, str(one.type), one.is_flag
                assert traits == (one.envvar, "STRING", False)
            elif (verb, name) not in ANOTHER_THING:
                words = (one.metavar,) if name in IN_OWN_WORDS else (one.metavar, one.help)
                traits = (*sorted(one.opts), str(one.type), one.is_flag, one.multiple, one.envvar, *words)
                seen.setdefault(name, {}).setdefault(traits, []).append(verb)
    assert {name: list(ways.values()) for name, ways in seen.items() if len(ways) > 1} == {}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_the_options_that_make_sense(verb: str) -> None:
    has = set(options(verb))
    assert ("--json" in has) is (verb not in WITHOUT_DATA)
    assert ("--platform" in has) is (verb not in WITHOUT_A_PLATFORM)
    assert ("--profile" in has) is (verb not in WITHOUT_A_PLATFORM)
    assert ("--run" in has) is (verb in ABOUT_A_RUN)


#: The pages for a user's first steps, which show whole commands only.
PAGES = [ROOT / "README.md", ROOT / "docs/running.md"]
COMMANDS = sorted(
    {command for page in PAGES for command in re.findall(r"`opsctl ([a-z]+(?:\s[^`]*)?)`", page.read_text())}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_pages_say_to_type_is_read_by_opsctl(command: str) -> None:
    """Those in sentences; whole blocks are carried out (tests/e2e)."""
    read(shlex.split(command))


def test_an_institutes_options_have_a_heading_of_their_own() -> None:
    page = CliRunner().invoke(app, ["up", "--help"]).output
    usual, institute = page.split("\nWhere an institute sets rules (docs/institute.md):\n")
    assert "--region" in usual.split("\nOptions:\n")[1]
    for option in ("--vpc-id", "--subnet-id", "--kms-key", "--role-path", "--permissions-boundary", "--tag"):
        assert option in institute
        assert option not in usual
