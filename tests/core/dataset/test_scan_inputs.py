"""A scan's files in their packed form."""

from __future__ import annotations

import pytest

from opsctl.core.dataset.scan import Input, Inputs


def an_input(uri: str, etag: str = "5f" * 16) -> Input:
    return Input(uri=uri, role="dwi", size_bytes=10**40, etag=etag)


@pytest.mark.parametrize("text", ["", "a", "é", "日本", "a\x00b", "a\nb", "\udce9", "a\tb'\"\\"])
def test_packed_files_are_what_they_were(text: str) -> None:
    files = (an_input(f"s3://data/{text}"), an_input("s3://data/b", etag=text))
    packed = Inputs(files)
    assert (tuple(packed), len(packed), packed[0], packed[-1], packed[:1]) == (files, 2, *files, files[:1])
    assert packed == Inputs(files)
    assert packed == files
    assert hash(packed) == hash(Inputs(files))
    assert packed != Inputs(files[:1])
    with pytest.raises(IndexError):
        packed[2]
