"""The commands that complete an installation, for each tool that installs Python programs."""

from __future__ import annotations

import shlex

import pytest

from opsctl.core.errors import ErrorCode
from opsctl.core.installation import EXTRAS, Installation, Installer, missing_module

PYTHON = "/home/ada/lab/bin/python"
WHEEL = "file:///home/ada/opsctl-0.1.0-py3-none-any.whl"

#: An installation; the commands that install the extra, a package, and everything again.
COMMANDS = [
    (
        Installation(Installer.PIP, PYTHON),
        f'{PYTHON} -m pip install "opsctl[local]"',
        f'{PYTHON} -m pip install "botocore[crt]"',
        f'{PYTHON} -m pip install --force-reinstall "opsctl"',
    ),
    (
        Installation(Installer.PIP, "/home/ada/my lab/bin/python", source="/home/ada/my opsctl", is_editable=True),
        '"/home/ada/my lab/bin/python" -m pip install -e "/home/ada/my opsctl[local]"',
        '"/home/ada/my lab/bin/python" -m pip install "botocore[crt]"',
        '"/home/ada/my lab/bin/python" -m pip install --force-reinstall -e "/home/ada/my opsctl"',
    ),
    (
        Installation(Installer.UV, PYTHON, source=WHEEL),
        f'uv pip install --python {PYTHON} "opsctl[local] @ {WHEEL}"',
        f'uv pip install --python {PYTHON} "botocore[crt]"',
        f'uv pip install --reinstall --python {PYTHON} "opsctl @ {WHEEL}"',
    ),
    (
        Installation(Installer.UV_TOOL, PYTHON),
        'uv tool install --force "opsctl[local]"',
        'uv tool install --force --with "botocore[crt]" "opsctl"',
        "uv tool upgrade --reinstall opsctl",
    ),
    (
        Installation(Installer.UV_TOOL, PYTHON, extras=("local",), others=("ipython",)),
        'uv tool install --force --with "ipython" "opsctl[local]"',
        'uv tool install --force --with "ipython" --with "botocore[crt]" "opsctl[local]"',
        "uv tool upgrade --reinstall opsctl",
    ),
    (
        Installation(Installer.UVX, PYTHON),
        'uvx --from "opsctl[local]" opsctl',
        'uvx --with "botocore[crt]" --from "opsctl" opsctl',
        'uvx --refresh --from "opsctl" opsctl',
    ),
    (
        Installation(Installer.PIPX, PYTHON, suffix="-next"),
        'pipx install --force --suffix -next "opsctl[local]"',
        'pipx inject opsctl-next "botocore[crt]"',
        "pipx reinstall opsctl-next",
    ),
    (
        Installation(Installer.PIPX_RUN, PYTHON, source=WHEEL),
        f'pipx run --spec "opsctl[local] @ {WHEEL}" opsctl',
        f'pipx run --spec "opsctl @ {WHEEL}" --with "botocore[crt]" opsctl',
        f'pipx run --no-cache --spec "opsctl @ {WHEEL}" opsctl',
    ),
]


@pytest.mark.parametrize(("installation", "extra", "package", "again"), COMMANDS, ids=lambda value: str(value)[:60])
def test_each_tool_has_its_commands(installation: Installation, extra: str, package: str, again: str) -> None:
    assert installation.with_extra("local") == extra
    assert installation.with_package("botocore[crt]") == package
    assert installation.again() == again


def test_a_path_reaches_the_shell_as_it_is() -> None:
    python = "/home/a$da/`lab`/bin/python"
    command = Installation(Installer.PIP, python, source="/home/a$da/opsctl", is_editable=True).with_extra("local")
    assert shlex.split(command) == [python, "-m", "pip", "install", "-e", "/home/a$da/opsctl[local]"]


@pytest.mark.parametrize(("extra", "module"), [(extra.name, module) for extra in EXTRAS for module in extra.modules])
def test_a_module_of_an_extra_asks_for_the_extra(extra: str, module: str) -> None:
    problem = missing_module(f"{module}.data", Installation(Installer.PIPX, PYTHON), is_pythons=False)
    assert problem.code is ErrorCode.INSTALLATION_INCOMPLETE
    assert f'extra "{extra}", which is not installed' in problem.what
    assert problem.hint == f'Install it: `pipx install --force "opsctl[{extra}]"`.'


@pytest.mark.parametrize("module", ["pandas", "dipy"])
def test_another_module_asks_for_opsctl_again(module: str) -> None:
    problem = missing_module(module, Installation(Installer.PIPX, PYTHON, extras=("local",)), is_pythons=False)
    assert problem.what == f"The Python module {module}, which opsctl needs, is not installed."
    assert problem.hint == "Install opsctl again: `pipx reinstall opsctl`."


def test_a_module_of_python_asks_for_another_python() -> None:
    problem = missing_module("_sqlite3", Installation(Installer.PIP, PYTHON), is_pythons=True)
    assert problem.what == f"{PYTHON} was built without its module _sqlite3."
