"""No test sees the developer's own opsctl home, configuration or AWS credentials, or reaches AWS by accident."""

from __future__ import annotations

import functools
import gc
import os
import pickle
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader
from support.repository import ROOT

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
        # Where there is no Terraform, none is downloaded: nobody listens there.
        patch.setenv("OPSCTL_TERRAFORM_RELEASES", "http://127.0.0.1:1")
        # Only for speed. Programs that are started thousands of times keep their compiled code;
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        # Terraform and its provider live for seconds: with less garbage collection they work a sixth less;
        patch.setenv("GOGC", "400")
        # moto makes a thousand machine images for each test of EC2, and nobody asks for them.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        yield


@pytest.fixture(autouse=True, scope="session")
def models_are_parsed_once() -> Iterator[None]:
    """Each boto3 session of its own would parse AWS's models again: more work than most tests of an adapter do."""
    load_file = JSONFileLoader.load_file

    @functools.cache
    def parsed(file_path: str) -> bytes:
        return pickle.dumps(load_file(JSONFileLoader(), file_path))

    with pytest.MonkeyPatch.context() as patch:
        # Each gets its own copy: moto adds operations to what it has loaded.
        patch.setattr(JSONFileLoader, "load_file", lambda _loader, file_path: pickle.loads(parsed(file_path)))
        yield


#: The files that take minutes: begun first, so that none of them is what everybody waits for at the end.
_LONG = (
    "e2e/test_journey.py",
    "test_lowest_versions.py",
    "terraform/test_terraform_apply.py",
    "image/test_image_base.py",
    "image/test_image_archive.py",
    "advice/test_advice_followed.py",
    "refusals/test_refused_daily.py",
    "terraform/test_terraform_source.py",
    "terraform/test_upgrade.py",
    "terraform/test_budget_module.py",
    # Seconds, and what is most often forgotten.
    "test_house.py",
    "test_docs.py",
    "bad_luck/test_full_home.py",
    "terminal/test_screens.py",
    "recovery/test_half_made.py",
    "terraform/test_desired_vcpus.py",
    "shared_platform/test_killed_moves.py",
    "terraform/test_checkov.py",
    "render/test_report_page.py",
    # Of the campaign.
    "shared_platform/test_shared_platform.py",
    "refusals/test_refused_platforms.py",
    "recovery/test_up_recovers.py",
    "recovery/test_down_everything.py",
    "bad_luck/test_full_disk_in_up.py",
    "commands/runs/test_view_histories.py",
    "chaos/test_campaign.py",
    "bad_luck/test_server_killed.py",
    "bad_luck/test_server_killed_in_up.py",
    "interruptions/test_up_interrupted.py",
    "shared_platform/test_drift_applied.py",
    "bad_luck/test_two_ups_of_one_name.py",
    "cli/test_completion_shells.py",
    "container_jobs/test_journey_in_containers.py",
    "image/test_image_platform.py",
    "bad_luck/test_stopped_processes.py",
    # Of the long ones.
    "interruptions/test_interruption_campaign.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage in what stays until the end: thousands of tests and their modules."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file without a campaign for `make test-campaign` and `make test-long`: each worker would import 400."""
    asked_for = re.findall(r"(?<!not )\b(?:campaign|long)\b", config.option.markexpr)
    if not asked_for or not collection_path.is_file() or not collection_path.name.startswith("test_"):
        return None
    text = collection_path.read_text()
    return True if not any(f"mark.{marker}" in text for marker in asked_for) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; `--no-loadscope-reorder` keeps that order for the workers."""
    rank = {ROOT / "tests" / name: number for number, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
