"""`doctor` needs only what the policies for people allow, and learns it from IAM's simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import pytest
from botocore.awsrequest import AWSResponse
from support.policy_files import ACCOUNT, NAME, PLATFORM, REGION, document

from opsctl.aws.clients import Clients
from opsctl.aws.identity import permissions
from opsctl.core.diagnosis.doctor_facts import Login
from opsctl.core.platform.platform import Platform
from opsctl.local.rights.evaluator import Request, decide

USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
RUN, UP = ("run",), ("up", "up-network")


def platform() -> Platform:
    batch = f"arn:aws:batch:{REGION}:{ACCOUNT}"
    models = {
        model: {
            "job_queue": f"{batch}:job-queue/opsctl-{NAME}-{model}",
            "compute_environment": f"{batch}:compute-environment/opsctl-{NAME}-{model}-{'2' * 26}",
            "job_definition": f"{batch}:job-definition/opsctl-{NAME}-{model}:1",
            "instance_type": "r5.large",
            "vcpus": 2,
            "memory_mib": 15200,
            "max_vcpus": 512,
        }
        for model in ("csd", "csa")
    }
    return Platform.from_record(
        {
            "schema_version": 1,
            "name": NAME,
            "region": REGION,
            "account_id": ACCOUNT,
            "data_bucket": f"opsctl-{NAME}-{ACCOUNT}-{REGION}",
            "repository_url": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/opsctl-{NAME}",
            "image": "m2g:1",
            "m2g_image": "m2g:1",
            "log_group": f"/opsctl/{NAME}",
            "spot": False,
            "root_volume_gib": 100,
            "opsctl_version": "0.1.0",
            "models": models,
        }
    )


def simulation(documents: list[dict[str, Any]]) -> Callable[..., AWSResponse]:
    """Return a handler that answers SimulatePrincipalPolicy as the evaluator decides."""

    def members(form: dict[str, list[str]], name: str) -> list[str]:
        return [values[0] for key, values in form.items() if key.startswith(f"{name}.member.") and key.count(".") == 2]

    def answer(request: Any, **_: Any) -> AWSResponse:
        form = parse_qs(request.body if isinstance(request.body, str) else request.body.decode())
        context = {
            form[key][0]: form[key.replace("ContextKeyName", "ContextKeyValues.member.1")][0]
            for key in form
            if key.endswith(".ContextKeyName")
        }
        results = ""
        for action in members(form, "ActionNames"):
            for resource in members(form, "ResourceArns"):
                allowed = decide(Request(action, resource, context), identity=documents) == "allow"
                decision = "allowed" if allowed else "implicitDeny"
                results += (
                    f"<member><EvalActionName>{action}</EvalActionName>"
                    f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>"
                )
        result = f"<EvaluationResults>{results}</EvaluationResults>"
        body = f"<R><SimulatePrincipalPolicyResult>{result}</SimulatePrincipalPolicyResult></R>"
        response = AWSResponse(request.url, 200, {}, None)
        response._content = body.encode()
        return response

    return answer


@pytest.mark.parametrize(
    ("files", "denied"),
    [(RUN, {"up"}), (UP, {"run"}), ((*RUN, *UP), set()), ((), {"run", "up"})],
)
def test_doctor_reports_what_the_policies_allow(monkeypatch, files, denied):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    clients = Clients(region=REGION)
    documents = [document(file, **PLATFORM) for file in files]
    clients.iam.meta.events.register("before-send", simulation(documents))
    login = Login(arn=USER, account_id=ACCOUNT, minutes_left=None, skew_seconds=0)
    results = permissions(clients, login, platform(), name=NAME)
    assert {result.purpose for result in results} == {"run", "up"}
    assert {result.purpose for result in results if result.state == "denied"} == denied
