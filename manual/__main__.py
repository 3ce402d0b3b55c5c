"""`python -m manual`: write the generated pages of docs/ again."""

from __future__ import annotations

from manual.pages import write

if __name__ == "__main__":
    write()
