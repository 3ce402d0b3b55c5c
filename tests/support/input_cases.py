"""The table of inputs that `check`, the job runner and the preview are held to."""

from __future__ import annotations

from support.gradient_cases import gradient_cases
from support.image_cases import image_cases
from support.input_case import fine
from support.scan_files import Inputs

CASES = {case.name: case for case in (fine("sound", Inputs), *gradient_cases(), *image_cases())}
