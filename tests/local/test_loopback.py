"""A machine whose loopback interface has IPv6 only: the local platform says so, in one sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IPV6_ONLY = ["unshare", "--map-root-user", "--net", "sh", "-c"]
WITHOUT_IPV4 = "ip link set lo up && ip addr del 127.0.0.1/8 dev lo && ip -6 addr show dev lo | grep -q ::1"


def is_possible() -> bool:
    if not shutil.which("unshare") or not shutil.which("ip"):
        return False
    return subprocess.run([*IPV6_ONLY, WITHOUT_IPV4], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(("verb", "code"), [("up --local --yes", 1), ("doctor", 0)])
def test_without_ipv4_on_the_loopback_interface(verb: str, code: int, tmp_path: Path) -> None:
    if not is_possible():
        pytest.skip("needs Linux, and the right to make a network namespace")
    environment = {**os.environ, "OPSCTL_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = f"{WITHOUT_IPV4} && exec '{sys.executable}' -m opsctl {verb}"
    said = subprocess.run(
        [*IPV6_ONLY, command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    words = " ".join((said.stdout + said.stderr).split())
    assert said.returncode == code, words
    assert "cannot listen on 127.0.0.1 (Cannot assign requested address): it needs IPv4" in words
    assert "`sudo ip addr add 127.0.0.1/8 dev lo`" in words
    assert "Traceback" not in words and "Errno" not in words
