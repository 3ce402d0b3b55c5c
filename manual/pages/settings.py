"""The page of the settings, from the program's own table."""

from __future__ import annotations

from manual.pages.markdown import GENERATED, code, escaped, table
from opsctl.core.config import OTHER_VARIABLES
from opsctl.core.settings import SETTINGS, Setting


def page() -> str:
    """The page."""
    rows = [
        [
            "<br>".join(code(name) for name in _keys(setting)),
            setting.kind,
            _default(setting),
            "<br>".join(code(f"OPSCTL_{name.upper()}") for name in setting.names),
        ]
        for setting in SETTINGS
    ]
    return "\n".join(
        [
            "# Settings\n",
            GENERATED,
            "Every key of `opsctl.toml` and every variable. [Configuration](../configuration.md) says which place "
            "takes precedence and shows a file; `opsctl config` shows the values in force.\n",
            "## Keys\n",
            table(["key", "is", "default", "variable"], rows),
            "`m2g.` means the table `[m2g]`. The table `[datasets]` gives names to addresses: "
            '`HNU1 = "s3://bucket/path"`.\n',
            "## Other variables\n",
            "These variables are no settings: places of opsctl's files, and what opsctl sets for jobs. "
            "[Configuration](../configuration.md#variables) describes them.\n",
            "".join(f"- {code(name)}\n" for name in OTHER_VARIABLES),
        ]
    )


def _keys(setting: Setting) -> list[str]:
    table_name, _, _ = setting.key.rpartition(".")
    return [f"{table_name}.{name}" if table_name else name for name in setting.names]


def _default(setting: Setting) -> str:
    if setting.default is None or setting.default == ():
        return escaped(setting.otherwise)
    return code(str(setting.default).lower() if isinstance(setting.default, bool) else setting.default)
