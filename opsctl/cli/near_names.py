"""What people type out of habit: other tools' names of verbs, and the platform before the verb."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: Other tools' words for what opsctl's verbs do.
_OTHER_NAMES = {
    "cat": ("logs",),
    "clean": ("delete", "down"),
    "cp": ("upload", "results"),
    "create": ("up",),
    "del": ("delete",),
    "deploy": ("up",),
    "destroy": ("down",),
    "download": ("results",),
    "explain": ("why",),
    "fetch": ("results",),
    "get": ("results",),
    "init": ("up",),
    "jobs": ("status",),
    "kill": ("cancel",),
    "list": ("runs", "datasets"),
    "ls": ("runs", "datasets"),
    "price": ("cost",),
    "ps": ("status",),
    "pull": ("results",),
    "push": ("upload",),
    "queue": ("status",),
    "remove": ("delete", "down"),
    "rm": ("delete", "down"),
    "start": ("up", "run"),
    "stop": ("cancel", "down"),
    "submit": ("run",),
    "sync": ("upload", "results"),
    "tail": ("logs",),
    "terminate": ("cancel", "down"),
    "validate": ("check",),
    "version": ("--version",),
}
#: A transposed letter in a short word still counts as near; `scan` and `cancel` do not.
_LEAST_LIKENESS = 0.7
#: Options of verbs that name a platform, each with a value.
_PLATFORM_OPTIONS = ("--platform", "--profile", "--region")


def no_such_verb(typed: str, verbs: Iterable[str]) -> str:
    """The sentence for a verb that does not exist, with the verbs that may be meant."""
    from difflib import get_close_matches

    known = list(verbs)
    near = [name for name in _OTHER_NAMES.get(typed.lower(), ()) if name in known or name.startswith("--")]
    near = near or get_close_matches(typed.lower(), known, cutoff=_LEAST_LIKENESS)
    if not near:
        return f"There is no command '{typed}'. `opsctl --help` lists all commands."
    return f"There is no command '{typed}'. Did you mean {' or '.join(f'`opsctl {name}`' for name in near)}?"


def platform_options_last(arguments: Sequence[str]) -> list[str]:
    """A command line on which the options that name a platform follow the verb, as each verb has them."""
    rest, options = list(arguments), []
    while rest and rest[0].partition("=")[0] in _PLATFORM_OPTIONS:
        count = 1 if "=" in rest[0] else 2
        options += rest[:count]
        rest = rest[count:]
    if not rest:
        return list(arguments)
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *options, *rest[end:]]
