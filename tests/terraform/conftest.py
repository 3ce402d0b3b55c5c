"""Fixtures for the tests of the infrastructure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.local_aws import Aws, running
from support.real_terraform import Terraform, copied_configuration


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Terraform]:
    """Terraform for one module's tests: with the server if the module sets NEEDS_AWS, otherwise without AWS."""
    settings = request.getfixturevalue("aws").settings if getattr(request.module, "NEEDS_AWS", False) else {}
    with copied_configuration(tmp_path_factory.mktemp("terraform"), settings=settings) as terraform:
        yield terraform
