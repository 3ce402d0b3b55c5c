"""Whether `--json` was typed, also where the command line is wrong and no verb has read it."""

from __future__ import annotations

from collections.abc import Sequence

import click

_JSON = click.Option(["--json", "as_json"], is_flag=True)


def is_json_asked(command: click.Command, arguments: Sequence[str], *, parent: click.Context | None = None) -> bool:
    """Read a command line as click does, but past its mistakes, and tell whether `--json` is one of its options.

    `--json` that is the value of another option, or that follows `--`, is none.

    Parameters
    ----------
    command
        opsctl, or the verb that the arguments are of.
    arguments
        What was typed after the command's name.
    parent
        The context of the command above.
    """
    settings = {**command.context_settings, "ignore_unknown_options": True, "resilient_parsing": True}
    context = command.context_class(command, parent=parent, **settings)
    parser = command.make_parser(context)
    _JSON.add_to_parser(parser, context)
    values, rest, _ = parser.parse_args(_without_values_of_flags(command, arguments))
    if values.get("as_json"):
        return True
    if not isinstance(command, click.Group):
        return False
    for number, name in enumerate(rest):
        verb = command.get_command(context, name)
        if verb is not None:
            return is_json_asked(verb, rest[number + 1 :], parent=context)
    return is_json_asked(click.Command(None), rest, parent=context)


def _without_values_of_flags(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """The arguments, `--yes=1` as `--yes`: click would not read on."""
    options = [_JSON, *(option for option in command.params if isinstance(option, click.Option))]
    flags = {name for option in options if option.is_flag for name in (*option.opts, *option.secondary_opts)}
    return [argument.partition("=")[0] if argument.partition("=")[0] in flags else argument for argument in arguments]
