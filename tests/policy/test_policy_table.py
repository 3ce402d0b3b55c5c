"""Who may do what: policy_table.tsv, decided by docs/policies and by the roles' policies as Terraform renders them.

Two evaluators decide: the project's own, and one that others make (tests/policy/second_evaluator). The latter's data
also tell which actions and resources exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from support import second_evaluator
from support.policy_files import FILES, PLATFORM, Policy, document
from support.policy_table import Row, identity_policies, resource_policies, rows
from support.rendered_policies import Policies

from opsctl.local.rights.evaluator import decide, glob

#: Rows that the second evaluator decides otherwise, and why the table is right all the same.
EXPECTED_DIFFERENCES = {
    ("instance", "logs:CreateLogStream", "arn:aws:logs:eu-central-1:123456789012:log-group:/opsctl/m2g"): (
        "AWS's reference has this action on log streams only; some of AWS's refusals name the group"
    ),
    ("administrator", "kms:DescribeKey", "arn:aws:kms:eu-central-1:123456789012:key/1234"): (
        "KMS also asks the key's own policy, and the row has none"
    ),
}
needs_second_evaluator = pytest.mark.skipif(
    bool(second_evaluator.why_not_here()), reason=f"the second evaluator: {second_evaluator.why_not_here()}"
)


@pytest.mark.parametrize("row", rows(), ids=str)
def test_who_may_do_what(row: Row, policies):
    identity = identity_policies(policies).get(row.who, [])
    assert decide(row.request, identity=identity, resource=resource_policies(row, policies)) == row.decision, row.why


def test_the_table_asks_enough():
    counts = Counter((row.who, row.decision) for row in rows())
    assert len(rows()) >= 250
    for who in ("job", "instance", "service", "runner", "administrator", "stater", "bounded", "deleter"):
        assert counts[who, "allow"] >= 4, who
        assert counts[who, "deny"] >= 4, who
    assert all(row.why and row.decision in ("allow", "deny") for row in rows())
    asked = [(row.who, row.action, row.resource, *sorted(row.context.items())) for row in rows()]
    assert len(set(asked)) == len(asked)


@needs_second_evaluator
def test_a_second_evaluator_decides_the_same(policies):
    table = rows()
    answers = second_evaluator.decisions(
        table, identity=identity_policies(policies), resource=[resource_policies(row, policies) for row in table]
    )
    print(f"The second evaluator decided {len(answers)} requests.")
    differences = {
        (row.who, row.action, row.resource): answer
        for row, answer in zip(table, answers, strict=True)
        if answer != row.decision
    }
    assert differences.keys() == EXPECTED_DIFFERENCES.keys(), differences


def statements(policies: Policies) -> Iterator[tuple[str, Policy]]:
    """Every statement of docs/policies and of the roles' and the bucket's policies, with where it stands."""
    documents = {f"docs/policies/{file}.json": [document(file, **PLATFORM)] for file in FILES}
    documents |= {f"role {role}": attached for role, attached in policies.attached.items()}
    documents |= {f"trust of {role}": [trust] for role, trust in policies.trust.items()}
    documents["the data bucket"] = [policies.bucket]
    for place, of_place in documents.items():
        for policy in of_place:
            yield from ((f"{place}, {statement.get('Sid', '')}", statement) for statement in policy["Statement"])


def listed(statement: Policy, *elements: str) -> list[str]:
    values = [statement[element] for element in elements if element in statement]
    return [value for group in values for value in ([group] if isinstance(group, str) else group)]


@pytest.fixture(scope="module")
def reference(policies) -> dict:
    every = [action for _, statement in statements(policies) for action in listed(statement, "Action", "NotAction")]
    every += [row.action for row in rows()]
    return second_evaluator.reference(sorted({action.partition(":")[0] for action in every if action != "*"}))


def known(reference: dict, pattern: str) -> dict[str, dict]:
    """The actions of AWS's reference that a pattern matches, with what the reference says of each."""
    service, _, name = pattern.partition(":")
    actions = reference[service]["actions"]
    return {action: said for action, said in actions.items() if glob(name.lower(), action.lower())}


@needs_second_evaluator
def test_every_action_exists(policies, reference):
    missing = [
        f"{place}: {action}"
        for place, statement in statements(policies)
        for action in listed(statement, "Action", "NotAction")
        if not known(reference, action)
    ]
    assert missing == []
    assert [str(row) for row in rows() if row.action.partition(":")[2] not in known(reference, row.action)] == []


@needs_second_evaluator
def test_people_are_given_no_patterns_of_actions(policies):
    # A pattern hides an action that does not exist, as `batch:TerminateJob*` hid TerminateJobs.
    assert [
        action for file in FILES for s in document(file)["Statement"] for action in listed(s, "Action") if "*" in action
    ] == []


@needs_second_evaluator
def test_every_resource_is_of_a_kind_that_its_actions_take(policies, reference):
    wrong = []
    for place, statement in statements(policies):
        arns = [arn for arn in listed(statement, "Resource", "NotResource") if arn != "*"]
        forms = set()
        for action in listed(statement, "Action"):
            service = action.partition(":")[0]
            types = {name for said in known(reference, action).values() for name in said["resources"]}
            forms |= {reference[service]["resources"][name] for name in types}
        wrong += [
            f"{place}: {arn}" for arn in arns if not any(second_evaluator.is_of_form(arn, form) for form in forms)
        ]
    assert wrong == []
