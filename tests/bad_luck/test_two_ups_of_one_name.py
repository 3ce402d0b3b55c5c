"""Two people make a platform of one name in one account, each with a Terraform state of their own, at the same time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.local_servers import client
from terraform_home import TerraformHome, end

from opsctl.local import control

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1800)]


def test_the_second_makes_and_removes_nothing(tmp_path: Path) -> None:
    ada, bob = TerraformHome(tmp_path / "ada"), TerraformHome(tmp_path / "bob")
    server = control.start(ada.path)
    try:
        # The last `down` ends a server that holds nothing more.
        client(server, "logs").create_log_group(logGroupName="/opsctl/anchor")
        # The same account for both.
        theirs, files = control.Files(bob.path), control.Files(ada.path)
        theirs.folder.mkdir(mode=0o700, parents=True)
        for source, target in ((files.record, theirs.record), (files.key, theirs.key)):
            shutil.copy(source, target)
        up = ("up", "--local", "--yes")
        started = [home.start(*up) for home in (ada, bob)]
        ended = [end(process) for process in started]
        texts = [outcome.text for outcome in ended]
        assert sorted(outcome.code for outcome in ended) == [0, 1], texts
        winner, loser = (ada, bob) if ended[0].code == 0 else (bob, ada)
        refused = texts[1] if winner is ada else texts[0]
        assert "The platform local was begun with another Terraform state, by " in refused, refused
        assert "`opsctl down --name local`" in refused
        assert "done" not in refused and not (loser.root / "terraform.tfstate").exists(), refused
        plan = winner.run("up", "--local", "--plan")
        assert (plan.code, "nothing to do" in plan.text) == (0, True), plan.text
        again = loser.run(*up)
        assert again.code == 1, again.text
        assert "is up already" in again.text and "--platform local" in again.text, again.text
        # What was advised, by whoever has no state of it, and at the same time by the other one.
        downs = [end(process) for process in [home.start("down", "--name", "local", "--yes") for home in (ada, bob)]]
        assert all(outcome.is_sentence for outcome in downs), [outcome.text for outcome in downs]
        last = loser.run("down", "--name", "local", "--yes")
        assert (last.code, "nothing to remove" in last.text or "left     0" in last.text) == (0, True), last.text
        assert client(server, "ssm").describe_parameters()["Parameters"] == []
        assert client(server, "ec2").describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["false"]}])["Vpcs"] == []
    finally:
        bob.close()
        ada.close()
