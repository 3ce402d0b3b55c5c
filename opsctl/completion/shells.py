"""The shells' protocols of completion, which typer's scripts for them speak."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opsctl.completion.bash_words import whole_words
from opsctl.completion.offers import OFFERS, is_offered
from opsctl.completion.option_table import option_table
from opsctl.completion.typed_line import NotReadHere, TypedLine

#: A shell's quotes: click takes them apart.
_QUOTES = ("'", '"', "\\")
_NUMBER = re.compile(r"[0-9]{1,5}")
_FISH_ACTIONS = ("get-args", "is-args")
_READ_BY = {"complete_bash": "bash", "complete_zsh": "zsh", "complete_fish": "fish"}


class Offer(NamedTuple):
    """A word for the shell, and what it is."""

    value: str
    help: str | None = None


def answered(instruction: str, environment: Mapping[str, str]) -> bool:
    """Write what a shell asks for; False where only click can tell, and nothing was written.

    Parameters
    ----------
    instruction
        What the shell's script asks for: `complete_bash`.
    environment
        With the words that were typed.

    Raises
    ------
    SystemExit
        With 1 where fish asks whether there is anything to offer, and there is nothing.
    """
    try:
        text = _answer(instruction, environment)
    except Exception:  # only click can tell, or the error boundary says what is wrong
        return False
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args" and instruction == "complete_fish":
        sys.exit(0 if text else 1)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would print another error when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _answer(instruction: str, environment: Mapping[str, str]) -> str:
    shell = _READ_BY.get(instruction)
    if shell is None:
        raise NotReadHere
    if shell == "bash":
        words = _words(environment.get("COMP_WORDS", ""))
        number = environment.get("COMP_CWORD", "")
        if not _NUMBER.fullmatch(number):
            raise NotReadHere
        words, incomplete, kept = whole_words(words, int(number))
        return "\n".join(offer.value[kept:] for offer in offers(words, incomplete, environment))
    typed = environment.get("_TYPER_COMPLETE_ARGS", "")
    words = _words(typed)[1:]
    incomplete = words.pop() if words and not typed.endswith(" ") else ""
    matching = offers(words, incomplete, environment)
    if shell == "fish":
        if environment.get("_TYPER_COMPLETE_FISH_ACTION") not in _FISH_ACTIONS:
            raise NotReadHere
        return "\n".join(f"{offer.value}\t{_one_line(offer.help)}" if offer.help else offer.value for offer in matching)
    lines = "\n".join(_for_zsh(offer) for offer in matching)
    return f"_arguments '*: :(({lines}))'" if matching else "_files"


def offers(words: Sequence[str], incomplete: str, environment: Mapping[str, str]) -> list[Offer]:
    """What can stand in the place of a word that is being typed.

    Parameters
    ----------
    words
        Those between the program's name and the word.

    Raises
    ------
    NotReadHere
        If only click can tell.
    """
    line = TypedLine.read(option_table(), words, environment)
    if "=" in incomplete and (incomplete.startswith("-") or incomplete == "="):
        raise NotReadHere
    if incomplete.startswith("-"):
        matching = _option_names(line, incomplete)
    elif (parameter := line.expected or line.argument()) is not None:
        matching = [Offer(value) for value in _values(parameter, line) if value.startswith(incomplete)]
    else:
        commands = line.command.get("commands", {}).items()
        matching = [Offer(name, verb["help"]) for name, verb in commands if name.startswith(incomplete)]
    return [offer for offer in matching if is_offered(offer.value, incomplete=incomplete)]


def _option_names(line: TypedLine, incomplete: str) -> list[Offer]:
    return [
        Offer(name, parameter.get("help"))
        for parameter in line.command["parameters"]
        if not parameter.get("hidden") and (parameter.get("many") or parameter["name"] not in line.typed)
        for name in parameter.get("names", ())
        if name.startswith(incomplete)
    ]


def _values(parameter: Mapping[str, Any], line: TypedLine) -> Sequence[str]:
    if parameter.get("by_click"):
        raise NotReadHere
    values: str | Sequence[str] = parameter.get("values", ())
    return OFFERS[values](line) if isinstance(values, str) else values


def _words(line: str) -> list[str]:
    if any(quote in line for quote in _QUOTES) or not line.isascii() or not line.isprintable():
        raise NotReadHere
    return line.split()


def _one_line(text: str) -> str:
    return "".join(" " if character.isspace() else character for character in text)


def _for_zsh(offer: Offer) -> str:
    return f'"{_escaped(offer.value)}":"{_escaped(offer.help)}"' if offer.help else f'"{_escaped(offer.value)}"'


def _escaped(text: str) -> str:
    return text.replace('"', '""').replace("'", "''").replace("$", "\\$").replace("`", "\\`").replace(":", r"\\:")
