"""No test sees the developer's own opsctl home, configuration or AWS credentials, or reaches AWS by accident."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts its background jobs so, and every program that a test starts would inherit it and ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An environment of the tests' own, which the programs that they start inherit."""
    folder = tmp_path_factory.mktemp("environment")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "OPSCTL_")) and name != "AWS_CA_BUNDLE"]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", str(folder / "aws-config"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "aws-credentials"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        # A test that needs a home makes one of its own: what lands here was meant for nobody.
        patch.setenv("OPSCTL_HOME", str(folder / "opsctl-home"))
        # Neither the developer's own file nor one above the working folder.
        patch.setenv("OPSCTL_CONFIG", os.devnull)
        yield


#: The files that take minutes: begun first, so that none of them is what everybody waits for at the end.
_LONG = (
    "e2e/test_journey.py",
    "terraform/test_terraform_apply.py",
    "recovery/test_half_made.py",
    "chaos/test_campaign.py",
    # Of the campaign.
    "shared_platform/test_shared_platform.py",
    "recovery/test_up_recovers.py",
    "refusals/test_refused_platforms.py",
    "recovery/test_down_everything.py",
    "commands/runs/test_view_histories.py",
    "interruptions/test_interruption_campaign.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; `--no-loadscope-reorder` keeps that order for the workers."""
    rank = {f"tests/{name}": number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.location[0], len(rank)))
