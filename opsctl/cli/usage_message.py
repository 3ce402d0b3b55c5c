"""The sentence for a command line that cannot be read: what is wrong with it, and what was probably meant."""

from __future__ import annotations

import re

import click

#: What people type for an option that a verb may have: other tools' names, and names of opsctl's other verbs.
_OTHER_NAMES = {
    "atlas": ("parcellation",),
    "atlases": ("parcellation",),
    "debug": ("verbose",),
    "diffusion-model": ("modif",),
    "dryrun": ("dry-run", "plan"),
    "dry-run": ("plan",),
    "follow": ("watch",),
    "force": ("yes",),
    "last": ("tail", "first"),
    "lines": ("tail",),
    "local": ("platform",),
    "model": ("modif",),
    "name": ("platform",),
    "participant": ("participant-label",),
    "run-id": ("run",),
    "session": ("session-label",),
    "sp": ("modif",),
    "space": ("modif",),
    "subject": ("participant-label",),
    "wait": ("follow",),
    "watch": ("follow",),
}
#: What people call a file or folder that is written, where it is an argument.
_PLACES = ("out", "output", "dest", "destination", "dir", "directory", "file", "to")
#: Below it, `--atlas` would be near to `--dataset`.
_LEAST_LIKENESS = 0.7
_NUMBERS = (
    (re.compile(r"is not a valid integer(?: range)?\."), "is not a whole number."),
    (re.compile(r"is not a valid float(?: range)?\."), "is not a number."),
    (re.compile(r"is not in the range x>=([\d.]+)\."), r"is too small: it must be at least \1."),
    (re.compile(r"is not in the range ([\d.]+)<=x<=([\d.]+)\."), r"is not allowed: it must be from \1 to \2."),
    (re.compile(r"is not in the range x>([\d.]+)\."), r"is too small: it must be more than \1."),
)


def usage_message(error: click.UsageError) -> str:
    """What is wrong with a command line, as a sentence, with what was probably meant."""
    context = error.ctx
    if isinstance(error, click.NoSuchOption) and context is not None:
        return _no_such_option(error.option_name, context)
    message = error.format_message()
    if context is not None and message.startswith("Got unexpected extra argument"):
        return _extra_argument(message.partition("(")[2].rstrip(")"), context)
    if context is not None and message.startswith("No such command") and isinstance(context.command, click.Group):
        return _no_such_command(message.split("'")[1], context, context.command)
    for pattern, words in _NUMBERS:
        message = pattern.sub(words, message)
    return message


def _no_such_option(typed: str, context: click.Context) -> str:
    sentence = f"{context.command_path} has no option {typed}."
    name = typed.lstrip("-").replace("_", "-").lower()
    for argument in _arguments(context):
        if name in (argument.lower(), f"{argument.lower()}s") or (name in _PLACES and argument.lower() in _PLACES):
            return f"{sentence} Type {argument} without an option: `{context.command_path} {argument}`."
    near = [f"--{other}" for other in _OTHER_NAMES.get(name, ()) if f"--{other}" in _options(context)]
    near = near or _near_options(name, context)
    return f"{sentence} Did you mean {' or '.join(near)}?" if near else sentence


def _near_options(name: str, context: click.Context) -> list[str]:
    from difflib import get_close_matches

    options = {option.lstrip("-"): option for option in _options(context) if option.startswith("--")}
    return [options[near] for near in get_close_matches(name, options, cutoff=_LEAST_LIKENESS)]


def _extra_argument(typed: str, context: click.Context) -> str:
    arguments, options = _arguments(context), _options(context)
    takes = f"only {' '.join(arguments)}" if arguments else "no argument"
    sentence = f"{context.command_path} takes {takes}, not '{typed}'."
    if "--participant-label" in options:
        return f"{sentence} Choose scans with --participant-label or --scan."
    if "--run" in options and not arguments:
        of_dataset = ", or a dataset with --dataset" if "--dataset" in options else ""
        return f"{sentence} Name a run with --run{of_dataset}; `opsctl runs` lists the runs."
    return sentence


def _no_such_command(typed: str, context: click.Context, group: click.Group) -> str:
    verb = context.command_path.partition(" ")[2]
    known = [f"{verb} {name}" for name in group.list_commands(context)]
    return f"There is no command '{verb} {typed}'. There are {', '.join(known[:-1])} and {known[-1]}."


def _options(context: click.Context) -> list[str]:
    return [
        name
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
    ]


def _arguments(context: click.Context) -> list[str]:
    """The arguments of a command as its help names them: `DATASET`, `SCAN`."""
    return [
        parameter.make_metavar(context).strip("[].")
        for parameter in context.command.params
        if isinstance(parameter, click.Argument)
    ]
