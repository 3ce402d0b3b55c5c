"""The page of Terraform's variables, from the `variable` blocks of both roots."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from manual.pages.markdown import GENERATED, code, escaped

_ROOTS = {
    "platform": "The platform comes and goes: network, roles, queues, job definitions, logs.",
    "storage": "The storage outlives the platform: the data bucket and the image repository.",
}
#: `terraform fmt` writes every block in this form, and `make check` holds it.
_BLOCK = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.M | re.S)
_ATTRIBUTE = re.compile(r"^  (\w+) += (.*(?:\n(?:    .*|  [\]})].*|))*)", re.M)


@dataclass(frozen=True)
class Variable:
    """One variable; `default` is None where it must be set."""

    name: str
    type: str
    description: str
    default: str | None


def variables(root: Path) -> list[Variable]:
    """The variables of a root, in the order of its file."""
    found = []
    for name, body in _BLOCK.findall((root / "variables.tf").read_text()):
        attributes = {key: " ".join(value.split()) for key, value in _ATTRIBUTE.findall(body)}
        words = attributes["description"].strip('"').replace('\\"', '"')
        found.append(Variable(name, attributes["type"], words, attributes.get("default")))
    return found


def page(terraform: Path) -> str:
    """The page."""
    parts = [
        "# Terraform variables\n",
        GENERATED,
        "`opsctl up` sets these variables. Those that have no option of their own are set with "
        "`opsctl up --set NAME=VALUE` ([the platform](../platform.md#settings-of-the-platform) explains them). If you "
        "apply the roots without opsctl, they are the input of `terraform apply`.\n",
    ]
    for root, words in _ROOTS.items():
        parts += [f"## terraform/{root}\n", f"{words}\n"]
        parts.append("".join(_entry(variable) for variable in variables(terraform / root)))
    return "\n".join(parts)


def _entry(variable: Variable) -> str:
    default = "required" if variable.default is None else f"default {code(variable.default)}"
    return f"- {code(variable.name)} ({code(variable.type)}, {default})  \n  {escaped(variable.description)}\n"
