"""The table from which the Tab key is answered: every verb's options and arguments, as typer has made them.

A test compares the file with the program (`python -m manual` writes it again), and the answers with click's.
"""

from __future__ import annotations

import json
from typing import Any

import click
import typer.main

from opsctl.cli import app
from opsctl.completion.offers import OFFERS

#: Types whose values click does not complete.
_PLAIN = (
    *(click.types.StringParamType, click.types.IntParamType, click.types.FloatParamType, click.types.BoolParamType),
    *(click.types.UUIDParameterType, click.types.DateTime, click.types.FuncParamType),
)


def text() -> str:
    """The file's text, a parameter a line."""
    return f"{_lines(table())}\n"


def _lines(command: dict[str, Any]) -> str:
    parts = [f'"help": {json.dumps(command["help"])}']
    if "parameters" in command:
        parts.append('"parameters": [\n' + ",\n".join(map(json.dumps, command["parameters"])) + "\n]")
    if "commands" in command:
        verbs = (f"{json.dumps(name)}: {_lines(verb)}" for name, verb in command["commands"].items())
        parts.append('"commands": {\n' + ",\n".join(verbs) + "\n}")
    return "{" + ", ".join(parts) + "}"


def table() -> dict[str, Any]:
    """The group of all verbs."""
    root = typer.main.get_command(app)
    return _command(root, click.Context(root, info_name="opsctl", **root.context_settings))


def _command(command: click.Command, context: click.Context) -> dict[str, Any]:
    described: dict[str, Any] = {"help": command.get_short_help_str()}
    if isinstance(command, click.Group):
        # The group of all verbs lists their whole sentences: what it offers is asked, not what it holds.
        listed = {item.value: item.help for item in command.shell_complete(context, "")}
        described["commands"] = {}
        for name, help_text in listed.items():
            verb = command.get_command(context, name)
            assert verb is not None  # noqa: S101 it is listed
            within = _command(verb, click.Context(verb, info_name=name, parent=context))
            described["commands"][name] = {**within, "help": help_text}
    parameters = [_parameter(parameter, context) for parameter in command.get_params(context)]
    if None not in parameters:
        described["parameters"] = parameters
    return described


def _parameter(parameter: click.Parameter, context: click.Context) -> dict[str, Any] | None:
    """A parameter; None where only click can tell what its command line means."""
    described: dict[str, Any] = {"name": parameter.name}
    if isinstance(parameter, click.Option):
        if parameter.count or (parameter.is_flag and not parameter.is_bool_flag) or parameter._flag_needs_value:
            return None
        described["names"] = [*parameter.opts, *parameter.secondary_opts]
        described |= {key: True for key, is_so in (("flag", parameter.is_flag), ("hidden", parameter.hidden)) if is_so}
        if parameter.help:
            described["help"] = parameter.help
    if parameter.nargs not in (1, -1) or (isinstance(parameter, click.Option) and parameter.nargs != 1):
        return None
    if parameter.nargs == -1 or parameter.multiple:
        described["many"] = True
    if parameter.envvar:
        described["variables"] = [parameter.envvar] if isinstance(parameter.envvar, str) else [*parameter.envvar]
    if "flag" in described:
        return described
    values = _values(parameter, context)
    if values is None:
        return {**described, "by_click": True}
    return {**described, "values": values} if values else described


def _values(parameter: click.Parameter, context: click.Context) -> str | list[str] | None:
    """The name of what is offered, or the words of a choice; None where only click can tell."""
    if parameter._custom_shell_complete is not None:
        return _offer(parameter._custom_shell_complete)
    if isinstance(parameter.type, click.Choice):
        return [item.value for item in parameter.type.shell_complete(context, parameter, "")]
    return [] if isinstance(parameter.type, _PLAIN) else None


def _offer(complete: Any) -> str | None:
    """The name of the function of `opsctl.cli.completion` that typer has wrapped twice."""
    for cell in complete.__closure__ or ():
        within = cell.cell_contents
        name = getattr(within, "__name__", "")
        if name in OFFERS and getattr(within, "__module__", "") == "opsctl.cli.completion":
            return str(name)
        if callable(within) and getattr(within, "__closure__", None) and (found := _offer(within)):
            return found
    return None
