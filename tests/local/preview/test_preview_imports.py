"""What the preview does without: packages that DIPY imports where they are installed."""

from __future__ import annotations

import subprocess
import sys

from opsctl.local.preview.__main__ import _UNUSED

CODE = """
import sys
from opsctl.local.preview import __main__ as preview
preview._import_less()
from opsctl.local.preview import dwi, func
print(*(name for name in sys.modules if name in preview._UNUSED and sys.modules[name] is not None))
"""


def test_both_pipelines_do_without_them() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    # In this process, which imports the preview as other tests do, nothing is taken away.
    assert all(sys.modules.get(name, True) for name in _UNUSED)
