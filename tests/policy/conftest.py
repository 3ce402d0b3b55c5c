"""The roles' policies, rendered once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.local_aws import Aws, running
from support.real_terraform import copied_configuration
from support.rendered_policies import Policies, render


@pytest.fixture(scope="session")
def policy_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running(tmp_path_factory.mktemp("policy-aws")) as server:
        yield server


@pytest.fixture(scope="session")
def policies(policy_aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Policies:
    with copied_configuration(tmp_path_factory.mktemp("policies"), settings=policy_aws.settings) as terraform:
        return render(policy_aws, terraform)
