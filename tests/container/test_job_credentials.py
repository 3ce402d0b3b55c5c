"""The runner's own credentials are its job role's: without them it fails, and does not go on with its instance's."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import NoCredentialsError
from m2g_job.s3 import make_client


def test_the_runner_never_takes_its_instances_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Metadata(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_GET = do_PUT  # noqa: N815 the name is http.server's

    server = HTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED"):
            monkeypatch.delenv(name, raising=False)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(NoCredentialsError):
            make_client().list_buckets()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []
