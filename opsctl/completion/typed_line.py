"""Which parameter of which verb is being typed, by the table of all options, as click would tell it.

Only lines of the usual form are read: each option by one of its whole names, its value in the next word. Whatever else
is typed (`--run=…`, `-wv`, `--`, a verb that does not exist) is read by click.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Of the table: a verb's parameter.
Parameter = Mapping[str, Any]


class NotReadHere(Exception):
    """The line is not of the usual form."""


class TypedLine:
    """What was typed before the word that is being typed.

    Attributes
    ----------
    command
        Of the table: the verb that was typed, or the group of all verbs.
    params
        The values by the names of the verb's parameters, None for those that were not typed.
    args
        The words that belong to no parameter.
    typed
        The names of the parameters that were typed.
    expected
        The option whose value is being typed; None where there is none.
    """

    def __init__(self, command: Mapping[str, Any]) -> None:
        self.command = command
        self.params: dict[str, Any] = {}
        self.args: list[str] = []
        self.typed: set[str] = set()
        self.expected: Parameter | None = None

    @classmethod
    def read(cls, table: Mapping[str, Any], words: Sequence[str], environment: Mapping[str, str]) -> TypedLine:
        """Read the words after the program's name.

        Parameters
        ----------
        table
            The group of all verbs.
        environment
            Some options have their values from variables.

        Raises
        ------
        NotReadHere
            If click must read them.
        """
        command, rest = table, list(words)
        while "commands" in command and rest:
            if rest[0] not in command["commands"]:
                raise NotReadHere
            command = command["commands"][rest.pop(0)]
        if "parameters" not in command:
            raise NotReadHere
        line = cls(command)
        line._read_parameters(rest, environment)
        return line

    def argument(self) -> Parameter | None:
        """The first argument that takes another value."""
        for parameter in self.command["parameters"]:
            if "names" not in parameter and (parameter.get("many") or parameter["name"] not in self.typed):
                return parameter  # type: ignore[no-any-return]
        return None

    def _read_parameters(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        parameters: Sequence[Parameter] = self.command["parameters"]
        by_option = {name: parameter for parameter in parameters for name in parameter.get("names", ())}
        values = self._options_read(words, by_option)
        if self.expected is not None:
            # click parses no arguments if the last option has no value.
            self.args = values
        else:
            self._take(values, [parameter for parameter in parameters if "names" not in parameter])
        for parameter in parameters:
            given = next((environment[name] for name in parameter.get("variables", ()) if environment.get(name)), None)
            self.params.setdefault(parameter["name"], given)

    def _options_read(self, words: Sequence[str], by_option: Mapping[str, Parameter]) -> list[str]:
        """Take the options; returns the other words."""
        others, rest = [], list(words)
        while rest:
            word = rest.pop(0)
            if not word.startswith("-"):
                others.append(word)
                continue
            option = by_option.get(word)
            if option is None:
                raise NotReadHere
            if option.get("flag"):
                self.typed.add(option["name"])
                continue
            if not rest:
                self.expected = option
                break
            value = rest.pop(0)
            if value.startswith("-"):
                raise NotReadHere
            self.typed.add(option["name"])
            self.params[option["name"]] = value
        return others

    def _take(self, values: list[str], arguments: Sequence[Parameter]) -> None:
        for argument in arguments:
            if argument.get("many"):
                taken, values = values, []
            else:
                taken, values = values[:1], values[1:]
            if taken:
                self.typed.add(argument["name"])
                self.params[argument["name"]] = taken if argument.get("many") else taken[0]
        self.args = values
