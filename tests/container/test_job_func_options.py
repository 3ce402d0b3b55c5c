"""A func job tells m2g the repetition time and the slice order of its data."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import nibabel
import numpy as np
import pytest
from support.job_world import OUTPUT, World

AT = "HNU1/sub-0025427/ses-1"
BOLD = f"{AT}/func/sub-0025427_ses-1_task-rest_bold"
SLICES = 4


def series(tr: float, unit: str = "sec") -> bytes:
    header = nibabel.Nifti1Header()
    header.set_xyzt_units("mm", unit)
    image = nibabel.Nifti1Image(np.ones((3, 3, SLICES, 5), dtype=np.int16), np.eye(4), header)
    image.header["pixdim"][4] = tr
    stream = io.BytesIO()
    image.to_stream(stream)
    return gzip.compress(stream.getvalue(), mtime=0)


def func_scan(
    world: World, image: bytes, *sidecars: dict[str, Any] | bytes, typed: dict[str, Any] | None = None
) -> None:
    t1w = next(entry for entry in world.scan["inputs"] if entry["role"] == "T1w")
    world.scan["inputs"] = [t1w]
    world.input("bold", f"{BOLD}.nii.gz", image)
    for number, sidecar in enumerate(sidecars):
        data = sidecar if isinstance(sidecar, bytes) else json.dumps(sidecar).encode()
        key = "HNU1/task-rest_bold.json" if number == 0 else f"{BOLD}.json"
        world.scan["inputs"].append({"role": "bold_json", **world.put(key, data)})
    world.scan["m2g"] = {"pipeline": "func", "parcellation": ["Desikan"], **(typed or {})}
    world.submit()


def option(output: str, name: str) -> str:
    (line,) = (line for line in output.splitlines() if "running:" in line)
    words = line.split()
    assert words.count(name) == 1
    return words[words.index(name) + 1]


@pytest.mark.parametrize(
    ("image", "sidecars", "typed", "tr", "order"),
    [
        (series(2.0), ({"RepetitionTime": 2.0, "SliceTiming": [0, 1, 0.5, 1.5]},), {}, "2", "alt+z"),
        (series(800.0, "msec"), (), {}, "0.8", "alt+z"),
        (series(2.0), ({"RepetitionTime": 1.4}, {"SliceTiming": [1.2, 0.8, 0.4, 0]}), {}, "1.4", "seqminus"),
        (series(2.0), ({"RepetitionTime": 1.4},), {"tr": 0.72, "acquisition": "seqplus"}, "0.72", "seqplus"),
    ],
    ids=["sidecar", "header", "inherited", "typed"],
)
def test_m2g_gets_the_timing_of_the_data(
    world: World, image: bytes, sidecars: tuple[dict[str, Any], ...], typed: tuple[str, ...], tr: str, order: str
) -> None:
    func_scan(world, image, *sidecars, typed=typed)

    code, output = world.run()

    assert code == 0, output
    assert (option(output, "--tr"), option(output, "--acquisition")) == (tr, order)
    assert not [path for path in world.seen_input() if path.endswith("bold.json")]
    provenance = json.loads(world.get(f"{OUTPUT}/sub-0025427_ses-1_provenance.json"))
    assert provenance["argv"][provenance["argv"].index("--tr") + 1] == tr


def test_a_difference_is_said_in_the_log(world: World) -> None:
    func_scan(world, series(2.0), {"RepetitionTime": 0.8})
    _, output = world.run()
    assert "its sidecar says a repetition time of 0.8 s and its header 2 s: the sidecar's is taken" in output


@pytest.mark.parametrize(
    ("image", "sidecars", "cause_code", "cause"),
    [
        (series(0.0), ({},), "repetition_time_unknown", "has no repetition time"),
        (series(2.0), (b"{",), "sidecar_invalid", "its JSON sidecar is not JSON"),
        (series(2.0), (b"[]",), "sidecar_invalid", "its JSON sidecar is not a JSON object"),
    ],
    ids=["no time", "broken", "a list"],
)
def test_without_a_timing_m2g_is_not_started(
    world: World, image: bytes, sidecars: tuple[Any, ...], cause_code: str, cause: str
) -> None:
    func_scan(world, image, *sidecars)

    code, output = world.run()

    assert code == 2, output
    assert world.result()["cause_code"] == cause_code
    assert cause in world.result()["cause"]
    assert "m2g runs" not in output


def test_a_sidecar_that_has_changed_since_the_submission_is_refused(world: World) -> None:
    func_scan(world, series(2.0), {"RepetitionTime": 2.0})
    world.put("HNU1/task-rest_bold.json", b'{"RepetitionTime": 3.0}')

    code, output = world.run()

    assert code == 2, output
    assert world.result()["cause_code"] == "input_changed"
