"""`python -m manual`: write the generated pages of docs/ and the table of completion again."""

from __future__ import annotations

from manual.completion_table import text
from manual.pages import write
from opsctl.completion.option_table import TABLE

if __name__ == "__main__":
    write()
    TABLE.write_text(text(), encoding="utf-8")
