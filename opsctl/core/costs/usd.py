"""Dollars for people."""

from __future__ import annotations

_CENT = 0.01


def usd_text(usd: float) -> str:
    """`$12.30`, `$1,234.50`, `under $0.01`."""
    return "under $0.01" if 0 < usd < _CENT else f"${usd:,.2f}"


def about_text(usd: float) -> str:
    """`about $12.30`, `under $0.01`: no figure of opsctl's is exact."""
    return usd_text(usd) if 0 < usd < _CENT else f"about {usd_text(usd)}"
