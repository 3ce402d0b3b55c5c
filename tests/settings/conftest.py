"""One applied platform for all settings. Its first `up` meets a Batch that does not see the new role yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from settings_world import Lab
from support.institute_account import Account
from unseen_roles import UnseenRoles, unseen_roles

from opsctl.local import control


@pytest.fixture(scope="module")
def batch_and_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[UnseenRoles, Lab, str]]:
    """The proxy's record, the lab, and the output of its first `up`."""
    server = control.start(tmp_path_factory.mktemp("aws"), entrypoint=["env"])
    try:
        with unseen_roles(server.endpoint_url) as (endpoint, batch):
            folder = tmp_path_factory.mktemp("lab")
            institute = Account(folder / "home", folder, server)
            lab = Lab(folder / "home", endpoint, server, institute)
            lab.client("s3").create_bucket(Bucket="lab-raw")
            lab.client("ec2").create_key_pair(KeyName="lab-key")
            yield batch, lab, lab.up("--yes")
    finally:
        control.stop(server)


@pytest.fixture(scope="module")
def lab(batch_and_lab: tuple[UnseenRoles, Lab, str]) -> Lab:
    return batch_and_lab[1]
