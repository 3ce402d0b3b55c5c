"""Commands in sentences are about the platform that the user named."""

from __future__ import annotations

import pytest

from opsctl.core.printed_command import TypedPlatform


@pytest.mark.parametrize(
    ("typed", "sentence", "printed"),
    [
        (TypedPlatform(), "`opsctl why` explains it.", "`opsctl why` explains it."),
        (TypedPlatform("lab"), "`opsctl why` explains it.", "`opsctl why --platform lab` explains it."),
        (
            TypedPlatform("lab", "my profile"),
            "`opsctl why x`, then `opsctl runs`.",
            "`opsctl why x --platform lab --profile 'my profile'`, then `opsctl runs --platform lab --profile"
            " 'my profile'`.",
        ),
        # What names a platform already, or needs none, stays as it is; so does what is no command.
        (TypedPlatform("lab"), "`opsctl up --name other`", "`opsctl up --name other`"),
        (TypedPlatform("lab"), "`opsctl upload D --name X`", "`opsctl upload D --name X --platform lab`"),
        (TypedPlatform("lab"), "`opsctl run X --platform b`", "`opsctl run X --platform b`"),
        (TypedPlatform("lab"), "`opsctl sample DIR`", "`opsctl sample DIR`"),
        (TypedPlatform("lab"), "`opsctl image build`", "`opsctl image build`"),
        (TypedPlatform("lab"), "`opsctl image push`", "`opsctl image push --platform lab`"),
        # After `--local`, `up` and `down` are about this machine, whatever was brought up last.
        (TypedPlatform(is_local=True), "`opsctl up`, `opsctl why`", "`opsctl up --local`, `opsctl why`"),
        (TypedPlatform("local", is_local=True), "`opsctl down`", "`opsctl down --local`"),
        (TypedPlatform("local", is_local=True), "`opsctl why`", "`opsctl why --platform local`"),
        (TypedPlatform("lab", is_local=True), "`opsctl down`", "`opsctl down --local --platform lab`"),
        (TypedPlatform(is_local=True), "`opsctl up --name m2g`", "`opsctl up --name m2g`"),
        (TypedPlatform("lab", "p"), "`opsctl up --local`", "`opsctl up --local --platform lab`"),
        (TypedPlatform("lab"), "opsctl is `opsctl`, `podman run`", "opsctl is `opsctl`, `podman run`"),
    ],
)
def test_a_command_in_a_sentence(typed: TypedPlatform, sentence: str, printed: str) -> None:
    assert typed.sentence(sentence) == printed
