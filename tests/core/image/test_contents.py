"""What an image prints about itself is read as far as it has the inventory's form."""

from __future__ import annotations

import pytest

from opsctl.core.image.contents import Copied, ImageContents, Package, parse_contents


def test_each_line_is_an_entry() -> None:
    contents = parse_contents(
        [
            '{"system": ["ubuntu", "18.04", "Ubuntu 18.04.6 LTS"]}',
            '{"python": "3.7.17"}',
            '{"package": ["fsl-core", "5.0.9", "amd64", "fsl"]}',
            '{"module": ["boto3", "1.33.13", "Apache-2.0", "/opt/opsctl/lib"]}',
            '{"copied": ["AFNI", "/opt/afni"]}',
        ]
    )
    assert contents == ImageContents(
        system="ubuntu 18.04",
        system_name="Ubuntu 18.04.6 LTS",
        python="3.7.17",
        packages=[Package("fsl-core", "5.0.9", architecture="amd64", source="fsl")],
        modules=[Package("boto3", "1.33.13", licence="Apache-2.0", place="/opt/opsctl/lib")],
        copied=[Copied("AFNI", "/opt/afni")],
    )


@pytest.mark.parametrize(
    "line",
    [
        "WARN: the engine says something",
        "[]",
        '{"package": ["name"]}',
        '{"package": [1, 2, 3, 4]}',
        '{"python": 3}',
        '{"system": null}',
        '{"other": ["a", "b"]}',
        "[" * 100_000,
    ],
)
def test_what_is_something_else_is_passed_over(line: str) -> None:
    assert parse_contents([line]) == ImageContents()
