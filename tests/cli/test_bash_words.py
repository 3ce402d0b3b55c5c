"""bash's words are joined again, and only what bash replaces is answered."""

from __future__ import annotations

import pytest

from opsctl.completion.bash_words import whole_words


@pytest.mark.parametrize(
    ("line", "current", "expected"),
    [
        ("opsctl scans s3", 2, (["scans"], "s3", 0)),
        ("opsctl scans s3 :", 3, (["scans"], "s3:", 3)),
        ("opsctl scans s3 : //b/x", 4, (["scans"], "s3://b/x", 3)),
        ("opsctl scans s3 : //b/x : y", 6, (["scans"], "s3://b/x:y", 9)),
        ("opsctl scans s3 : //b/x", 5, (["scans", "s3://b/x"], "", 0)),
        ("opsctl scans s3 : //b/x --sub", 5, (["scans", "s3://b/x"], "--sub", 0)),
        ("opsctl scans s3:", 2, (["scans"], "s3:", 0)),
        ("opsctl", 1, ([], "", 0)),
    ],
)
def test_words_are_joined_at_colons(line: str, current: int, expected: tuple[list[str], str, int]) -> None:
    assert whole_words(line.split(), current) == expected
