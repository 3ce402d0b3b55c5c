"""The calls of AWS's services that opsctl's code makes, as its syntax tree has them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

#: The services of `opsctl/aws/clients.py` that every version of botocore is asked for.
SERVICES = (
    "s3",
    "batch",
    "logs",
    "ssm",
    "sts",
    "ec2",
    "iam",
    "ecr",
    "service-quotas",
    "pricing",
    "autoscaling",
    "freetier",
)


@dataclass(frozen=True)
class Models:
    """The models of a botocore.

    Attributes
    ----------
    parameters
        The parameters of each operation, of all services that have it; by its name as a method, `submit_job`.
    """

    parameters: Mapping[str, Collection[str]]

    @classmethod
    def of(cls, data: Path | None = None) -> Models:
        """Read a botocore's data folder; None: the installed one's."""
        loader = Loader() if data is None else Loader([str(data)], include_default_search_paths=False)
        parameters: dict[str, set[str]] = defaultdict(set)
        available = loader.list_available_services("service-2")
        for service in SERVICES:
            if service not in available:
                continue
            model = ServiceModel(loader.load_service_model(service, "service-2"), service)
            for name in model.operation_names:
                shape = model.operation_model(name).input_shape
                parameters[xform_name(name)] |= set(shape.members) if shape is not None else set()
        return cls(parameters)


@cache
def _method_calls(source: Path) -> list[ast.Call]:
    nodes = ast.walk(ast.parse(source.read_text()))
    return [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


def calls(sources: Collection[Path], models: Models) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where each operation is called: the file and line, the method's name, the names of its parameters."""
    for source in sources:
        for node in _method_calls(source):
            if not isinstance(node.func, ast.Attribute):
                continue
            name = node.func.attr
            if name in ("get_paginator", "get_waiter") and node.args and isinstance(node.args[0], ast.Constant):
                name = str(node.args[0].value)
            # The parameters of AWS begin with a capital, or are Batch's and ECR's in camel case.
            keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
            if name in models.parameters and set(keywords) <= set(models.parameters[name]):
                yield f"{source.name}:{node.lineno}", name, keywords


def missing(sources: Collection[Path], *, new: Models, old: Models) -> list[str]:
    """The calls that the newer models know and the older ones do not, a line each."""
    found = []
    for place, name, keywords in calls(sources, new):
        unknown = [keyword for keyword in keywords if keyword not in old.parameters.get(name, ())]
        if name not in old.parameters or unknown:
            found.append(f"{place}: {name}({', '.join(unknown)})")
    return found
