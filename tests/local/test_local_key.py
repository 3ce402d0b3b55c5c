"""The key's file: made once, whole, and this user's alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsctl.core.errors import Problem
from opsctl.local import control
from opsctl.local.key import make_key, read_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    before = os.umask(0)
    try:
        make_key(file)
    finally:
        os.umask(before)
    return file


def test_a_key_is_random_private_and_stays(file: Path, tmp_path: Path) -> None:
    key = read_key(file)
    assert set(key) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert all(len(bytes.fromhex(value)) >= 16 for value in key.values())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    make_key(file)
    assert read_key(file) == key
    make_key(tmp_path / "other")
    assert read_key(tmp_path / "other") != key
    assert sorted(path.name for path in tmp_path.iterdir()) == ["credentials", "other"]


def test_the_aws_sdks_read_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    credentials = botocore.session.Session().get_credentials()
    assert credentials is not None
    assert credentials.access_key == read_key(file)["AWS_ACCESS_KEY_ID"]


def test_many_that_make_it_at_once_have_one_key(tmp_path: Path) -> None:
    file = tmp_path / "credentials"

    def make(_: int) -> str:
        make_key(file)
        return read_key(file)["AWS_ACCESS_KEY_ID"]

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(make, range(64)))) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620, 0o777, 0o601])
def test_a_file_that_others_can_read_or_change_is_refused_as_by_ssh(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(Problem, match="can be read or changed by others") as caught:
        read_key(file)
    assert f"chmod 600 '{file}'" in caught.value.hint
    file.chmod(0o600)
    read_key(file)


def test_a_link_is_refused_also_to_a_good_key(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(Problem, match="is a link"):
        read_key(link)
    link.unlink()
    link.symlink_to(tmp_path / "nothing")
    # A link is not written through either.
    make_key(link)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(file: Path) -> None:
    os.chown(file, 65534, 65534)
    with pytest.raises(Problem, match="belongs to another user"):
        read_key(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "[default]",
        "[default]\naws_access_key_id = \naws_secret_access_key = \n",
        "[default]\naws_access_key_id = local\naws_secret_access_key = local\n",
        f"[other]\naws_access_key_id = {'0' * 40}\n",
        "aws_access_key_id = x",
        "x" * 10_000,
    ],
)
def test_a_file_without_a_key_is_a_sentence(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Problem, match="holds no key"):
        read_key(file)


def test_a_pipe_or_a_folder_in_its_place_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(Problem, match="is not a file"):
            read_key(tmp_path / name)


def test_no_key_is_a_sentence_that_names_the_verb(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="cannot be read") as caught:
        control.credentials(tmp_path)
    assert "`opsctl up --local`" in caught.value.hint
