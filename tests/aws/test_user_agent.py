"""Each call says that it is opsctl's and what it is for, which CloudTrail shows an administrator."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from support.scripted_http import Reply, ScriptedServer

from opsctl import __version__
from opsctl.aws.clients import Clients
from opsctl.cli.context import verb


@pytest.fixture
def server():
    with ScriptedServer(lambda _: Reply()) as made:
        yield made


@pytest.mark.parametrize(("verb", "expected"), [("run", "opsctl/{} md/verb#run"), ("", "opsctl/{}")])
def test_a_call_carries_version_and_verb(server, verb, expected):
    Clients(endpoint_url=server.url, verb=verb).s3.head_bucket(Bucket="data")
    assert server.requests[0].headers["User-Agent"].endswith(expected.format(__version__))


def test_a_job_is_told_from_a_person(server, monkeypatch):
    from m2g_job.s3 import make_client

    for name, value in (("AWS_ENDPOINT_URL", server.url), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    make_client().head_bucket(Bucket="data")
    assert server.requests[0].headers["User-Agent"].endswith("opsctl-job")


def test_the_verb_is_the_outermost():
    @click.group()
    def opsctl() -> None:
        """Stands for the program."""

    @opsctl.group()
    def image() -> None:
        """A verb of two words."""

    @image.command()
    def push() -> None:
        click.echo(verb())

    @opsctl.command()
    def run() -> None:
        click.echo(verb())

    assert CliRunner().invoke(opsctl, ["image", "push"], prog_name="python -m opsctl").output == "image\n"
    assert CliRunner().invoke(opsctl, ["run"]).output == "run\n"
    assert verb() == ""
