"""The first request's imports: what is left out stays out, and what was replaced for them is the real thing again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

LEFT_OUT = ["importlib.metadata", "botocore.docs", "botocore.docs.utils", "html.parser", "typing_extensions"]

LEAN = "from opsctl.aws.lean_imports import import_lean; import_lean()\n"
ORDINARY = "import botocore.session, msgspec\n"

ADDRESSES = [
    "https://s3.eu-west-1.amazonaws.com:443/data?list-type=2",
    "http://127.0.0.1:4566/",
    "http://[::1]:4566/a",
    "https://[fd00:ec2::254]/",
    "http://[fe80::1%25eth0]:80/",
    "http://[fe80::1%eth0]/",
    "http://[1:2:3:4:5:6:7:8]/",
    "http://[1:2:3:4:5:6:192.168.0.1]/",
    "http://[::1/",
    "http://[12345::1]/",
    "http://[1::2::3]/",
    "http://data_bucket.example:99999/",
    "no address",
]
READ = f"""
import json
from botocore.utils import is_valid_ipv6_endpoint_url
from urllib3.util import parse_url
from urllib3.util.ssl_ import is_ipaddress

def answer(function, *arguments):
    try:
        return str(function(*arguments))
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

print(json.dumps([
    [answer(parse_url, address), answer(is_valid_ipv6_endpoint_url, address),
     answer(lambda: is_ipaddress(parse_url(address).host))]
    for address in {ADDRESSES!r}
]))
"""


def printed(code: str) -> Any:
    """The JSON that a process of its own prints: here everything is imported already."""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_what_is_not_needed_is_not_imported() -> None:
    """A botocore, urllib3 or msgspec that imports it in another way costs time: this test says so."""
    modules = set(printed(f"{LEAN}import json, sys; print(json.dumps(sorted(sys.modules)))"))
    assert {"botocore.session", "msgspec"} <= modules
    assert modules & set(LEFT_OUT) == set()


def test_the_patterns_of_ipv6_addresses_and_no_others_are_compiled_later() -> None:
    code = f"""{LEAN}
import json, sys
from opsctl.aws.lean_imports import _LaterPattern
print(json.dumps(sorted(
    f"{{module.__name__}}.{{name}}"
    for module in list(sys.modules.values())
    for name, value in list(vars(module).items())
    if isinstance(value, _LaterPattern) and module.__name__ in ("urllib3.util.url", "botocore.compat")
)))"""
    own = ["_BRACELESS_IPV6_ADDRZ_RE", "_HOST_PORT_RE", "_IPV6_ADDRZ_RE", "_IPV6_RE"]
    assert printed(code) == ["botocore.compat.IPV6_ADDRZ_RE", *(f"urllib3.util.url.{name}" for name in own)]


def test_addresses_are_read_as_after_an_ordinary_import() -> None:
    lean = printed(LEAN + READ)
    assert lean == printed(ORDINARY + READ)
    assert [is_ipv6 for _, is_ipv6, _ in lean].count("True") >= 4


def test_everything_is_the_real_thing_afterwards() -> None:
    code = f"""
import re
compiled = re.compile
{LEAN}
import json, importlib.metadata, typing_extensions, botocore.docs.docstring, botocore.docs.utils, urllib3.http2, msgspec
print(json.dumps([
    re.compile is compiled,
    urllib3.http2.version("botocore") == importlib.metadata.version("botocore"),
    hasattr(importlib.metadata, "entry_points"),
    hasattr(typing_extensions, "Annotated"),
    isinstance(botocore.docs.docstring.LazyLoadedDocstring, type),
    botocore.docs.utils.AutoPopulatedParam("a").name == "a",
    isinstance(msgspec.json.schema(int), dict),
]))"""
    assert printed(code) == [True] * 7


def test_modules_that_are_imported_already_stay() -> None:
    code = f"""
import importlib.metadata, typing_extensions, sys, json
before = importlib.metadata, typing_extensions
{LEAN}
import urllib3.http2
print(json.dumps([
    (sys.modules["importlib.metadata"], sys.modules["typing_extensions"]) == before,
    urllib3.http2.version is importlib.metadata.version,
]))"""
    assert printed(code) == [True, True]


@pytest.mark.parametrize("failing", ["ImportError", "AttributeError"])
def test_if_it_is_not_possible_the_next_import_is_an_ordinary_one(failing: str) -> None:
    """As when botocore asks one of the replaced modules for something else."""
    code = f"""
import json, re, sys
from types import ModuleType
from opsctl.aws import lean_imports
def other(**_):
    module = ModuleType("other")
    def fail(name):
        raise {failing}(name)
    vars(module)["__getattr__"] = fail
    return module
lean_imports._module = other
compiled = re.compile
lean_imports.import_lean()
is_missing = "botocore.session" not in sys.modules
from opsctl.aws.clients import Clients
Clients(region="us-east-1").s3
print(json.dumps([is_missing, "botocore.docs.docstring" in sys.modules, re.compile is compiled]))"""
    assert printed(code) == [True, True, True]
