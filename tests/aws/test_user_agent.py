"""Each call says that it is opsctl's and what it is for, which CloudTrail shows an administrator."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import click
import pytest
from click.testing import CliRunner

from opsctl import __version__
from opsctl.aws.clients import Clients
from opsctl.cli.context import verb


@pytest.fixture
def said(request):
    """The user agents that a server has seen, and its address."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.headers["User-Agent"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 http.server's own name

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield heard, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("verb", "expected"), [("run", "opsctl/{} md/verb#run"), ("", "opsctl/{}")])
def test_a_call_carries_version_and_verb(said, verb, expected):
    heard, url = said
    Clients(endpoint_url=url, verb=verb).s3.head_bucket(Bucket="data")
    assert heard[0].endswith(expected.format(__version__))


def test_a_job_is_told_from_a_person(said, monkeypatch):
    from m2g_job.s3 import make_client

    heard, url = said
    for name, value in (("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    make_client().head_bucket(Bucket="data")
    assert heard[0].endswith("opsctl-job")


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
