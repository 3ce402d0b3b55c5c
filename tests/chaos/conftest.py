"""Rehearsals: real local servers behind a proxy that lets requests go wrong."""

from __future__ import annotations

import sys
from pathlib import Path

# The same servers as the local platform's own tests use.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "local")]
