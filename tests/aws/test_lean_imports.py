"""The first request's imports: what is left out stays out, and what was replaced for them is the real thing again."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from opsctl.aws import lean_imports

#: The replaced modules, and what only they import.
LEFT_OUT = ["botocore.docs", "html.parser", "ast", "dis", "dateutil.parser._parser", "zipfile"]

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
    replaced = {*lean_imports._MODULES, *lean_imports._FUNCTIONS, *lean_imports._DOCUMENTATION, lean_imports._NEVER}
    assert {"botocore.session", "msgspec"} <= modules
    assert modules & {*replaced, *LEFT_OUT} == set()


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


def test_what_was_replaced_works_where_it_is_used() -> None:
    code = f"""{LEAN}
import email._parseaddr, json, dateutil, urllib3.http2
import botocore.compat, botocore.paginate, botocore.session, botocore.utils
print(json.dumps([
    urllib3.http2.version("botocore") == botocore.session.__version__,
    dateutil.parser.parse("2026-01-02").day,
    botocore.utils.parse_timestamp("2026-01-02T03:04:05Z").year,
    email._parseaddr.mktime_tz((2026, 1, 2, 0, 0, 0, 0, 0, 0, 0)),
    botocore.paginate.jmespath.compile("a").search({{"a": 1}}),
    botocore.compat.accepts_kwargs(lambda **_: None),
    botocore.compat.compat_shell_split("a 'b c'"),
    isinstance(botocore.session.monitoring.Monitor, type),
]))"""
    assert printed(code) == [True, 2, 2026, 1767312000, 1, "_", ["a", "b c"], True]


def test_everything_is_the_real_thing_afterwards() -> None:
    code = f"""
import re
compiled = re.compile
{LEAN}
import importlib, json, sys
from opsctl.aws import lean_imports
names = [*lean_imports._MODULES, *lean_imports._FUNCTIONS, *lean_imports._DOCUMENTATION, lean_imports._NEVER]
for name in names:
    importlib.import_module(name)
real = [sys.modules[name].__spec__ is not None for name in names]
import botocore, botocore.docs, dateutil, importlib.metadata, msgspec
real += [module.__spec__ is not None for module in (botocore.monitoring, dateutil.parser, importlib.metadata)]
real += [re.compile is compiled, botocore.docs.utils.AutoPopulatedParam("a").name == "a"]
real += [isinstance(msgspec.json.schema(int), dict)]
print(json.dumps(real))"""
    assert set(printed(code)) == {True}


def test_modules_that_are_imported_already_stay() -> None:
    code = f"""
import importlib.metadata, inspect, typing_extensions, sys, json
before = importlib.metadata, inspect, typing_extensions
{LEAN}
import botocore.compat, urllib3.http2
print(json.dumps([
    (sys.modules["importlib.metadata"], sys.modules["inspect"], sys.modules["typing_extensions"]) == before,
    urllib3.http2.version is importlib.metadata.version,
    botocore.compat.inspect is inspect,
]))"""
    assert printed(code) == [True, True, True]


@pytest.mark.parametrize("name", ["random", "botocore.docs.docstring", "xml.etree.ElementTree"])
def test_if_something_else_is_asked_for_the_next_import_is_an_ordinary_one(name: str) -> None:
    """These are used while modules are imported, or other names of them are."""
    code = f"""
import json, re, sys
from opsctl.aws import lean_imports
lean_imports._DOCUMENTATION = ()
lean_imports._MODULES = ({name!r},)
compiled = re.compile
lean_imports.import_lean()
is_missing = "botocore.session" not in sys.modules
from opsctl.aws.clients import Clients
Clients(region="us-east-1").s3
print(json.dumps([is_missing, sys.modules[{name!r}].__spec__ is not None, re.compile is compiled]))"""
    assert printed(code) == [True, True, True]
