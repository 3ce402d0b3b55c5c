"""Describe each change by hand in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from opsctl.core.platform.drift import Drift, drifts

_MOST_CHARACTERS = 60

#: A resource's name in sentences; a template with `key`, `name` and attributes of the resource.
_SUBJECTS: Mapping[str, str] = {
    "aws_batch_job_queue": "the {key} queue",
    "aws_batch_compute_environment": "the {key} environment",
    "aws_batch_job_definition": "the job definition {key}",
    "aws_launch_template": "the instances' launch template",
    "aws_cloudwatch_log_group": "the log group",
    "aws_iam_role": "the role {name}",
    "aws_iam_role_policy": "the policy {name} of the role {role}",
    "aws_iam_role_policy_attachment": "the policy {policy_arn} of the role {role}",
    "aws_iam_instance_profile": "the instance profile {name}",
    "aws_ssm_parameter": "the platform's record {name}",
    "aws_sns_topic": "the topic of the mail",
    "aws_sns_topic_policy": "who may send to the topic of the mail",
    "aws_sns_topic_subscription": "the mail address {key}",
    "aws_cloudwatch_event_rule": "the rule {name} of the mail",
    "aws_cloudwatch_event_target": "where the rule {rule} of the mail sends to",
    "aws_budgets_budget": "the monthly budget",
    "aws_vpc": "the network",
    "aws_subnet": "the subnet {key}",
    "aws_internet_gateway": "the internet gateway",
    "aws_route_table": "the route table",
    "aws_route_table_association": "the route of the subnet {key}",
    "aws_vpc_endpoint": "the network's S3 endpoint",
    "aws_security_group": "the security group",
    "aws_default_security_group": "the network's default security group",
    "aws_s3_bucket": "the data bucket",
    "aws_s3_bucket_public_access_block": "the data bucket's public access block",
    "aws_s3_bucket_ownership_controls": "the data bucket's rule against ACLs",
    "aws_s3_bucket_server_side_encryption_configuration": "the data bucket's encryption",
    "aws_s3_bucket_versioning": "versioning of the data bucket",
    "aws_s3_bucket_policy": "the data bucket's policy (TLS only)",
    "aws_s3_bucket_lifecycle_configuration": "the data bucket's lifecycle",
    "aws_ecr_repository": "the image repository",
    "aws_ecr_repository_policy": "the image repository's policy",
    "aws_ecr_lifecycle_policy": "the image repository's lifecycle",
}

#: The sentence for a deleted resource, where it is not "… is gone".
_GONE: Mapping[str, str] = {
    "aws_batch_job_definition": "{subject} was deregistered",
    "aws_iam_role_policy_attachment": "{subject} was detached",
    "aws_s3_bucket_public_access_block": "the data bucket's public access is not blocked any more",
    "aws_s3_bucket_server_side_encryption_configuration": "the data bucket's encryption was taken away",
    "aws_s3_bucket_versioning": "versioning of the data bucket was taken away",
}


def drift_sentences(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Every change by hand as a sentence without a full stop, in Terraform's order, without repetitions.

    Parameters
    ----------
    plan
        The output of `terraform show -json PLANFILE`.
    """
    return tuple(dict.fromkeys(sentence for drift in drifts(plan) for sentence in _sentences(drift)))


def _sentences(drift: Drift) -> list[str]:
    subject = _subject(drift)
    if drift.is_gone:
        return [_GONE.get(drift.resource_type, "{subject} is gone").format(subject=subject)]
    if drift.path.startswith("tags_all"):
        return [_tag(drift, subject)]
    special = _SPECIAL.get((drift.resource_type, drift.path)) or _SPECIAL.get((drift.resource_type, "*"))
    if special is not None and not drift.is_secret:
        return special(drift, subject)
    attribute = drift.path.split(".")[-1].replace("_", " ")
    was, now = _value(drift.was), _value(drift.now)
    if drift.is_secret or was is None or now is None:
        return [f"the {attribute} of {subject} was changed by hand"]
    return [f"the {attribute} of {subject} is {now} instead of {was}"]


def _subject(drift: Drift) -> str:
    names = {"key": drift.key or drift.name, "name": drift.facts.get("name") or drift.name}
    template = _SUBJECTS.get(drift.resource_type)
    if template is None:
        kind = drift.resource_type.removeprefix("aws_").replace("_", " ")
        return f"the {kind} {drift.key or names['name']}"
    role, policy = drift.facts.get("role") or "?", str(drift.facts.get("policy_arn") or "?").rsplit("/", 1)[-1]
    return template.format(**names, role=role, policy_arn=policy)


def _tag(drift: Drift, subject: str) -> str:
    tag = drift.path.removeprefix("tags_all.")
    if drift.path == "tags_all" or drift.is_secret:
        return f"the tags of {subject} were changed by hand"
    if drift.was is None:
        return f"{subject} has the tag {tag} ({drift.now}), which is not opsctl's"
    if drift.now is None:
        return f"{subject} has lost the tag {tag}"
    return f"the tag {tag} of {subject} is {drift.now} instead of {drift.was}"


def _value(value: Any) -> str | None:
    """A short simple value as text; None for a policy, a list or an empty value."""
    if value is None or value == "" or isinstance(value, (list, dict)):
        return None
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    return text if len(text) <= _MOST_CHARACTERS and not text.startswith("{") else None


def _by_value(sentences: Mapping[Any, str]) -> Callable[[Drift, str], list[str]]:
    """A sentence for each value that the attribute may have now; for others, that it was changed."""
    return lambda drift, subject: [sentences.get(drift.now, "{subject} was changed by hand").format(subject=subject)]


def _changed(drift: Drift, subject: str) -> list[str]:  # noqa: ARG001  # signature of _SPECIAL
    return [f"{subject} was changed by hand"]


def _retention(drift: Drift, subject: str) -> list[str]:
    now = f"{drift.now} days" if drift.now else "for ever"
    return [f"{subject} keeps lines {f'for {now}' if drift.now else now} instead of {drift.was} days"]


def _max_vcpus(drift: Drift, subject: str) -> list[str]:
    return [f"{subject}'s most vCPUs are {drift.now} instead of {drift.was}"]


def _ingress(drift: Drift, subject: str) -> list[str]:
    return [f"{subject} lets {ports} in from {source}" for ports, source in _rules(drift.now, drift.was)] + [
        f"{subject} does not let {ports} in from {source} any more" for ports, source in _rules(drift.was, drift.now)
    ]


def _egress(drift: Drift, subject: str) -> list[str]:
    return [f"{subject} lets {ports} out to {target}" for ports, target in _rules(drift.now, drift.was)] + [
        f"{subject} does not let {ports} out to {target} any more" for ports, target in _rules(drift.was, drift.now)
    ]


def _rules(rules: Any, without: Any) -> list[tuple[str, str]]:
    """Ports and peers of each security group rule that is not in the other list."""
    return [(_ports(rule), _peers(rule)) for rule in rules or () if rule not in (without or ())]


def _ports(rule: Mapping[str, Any]) -> str:
    if rule["protocol"] in ("-1", "all"):
        return "everything"
    first, last = rule["from_port"], rule["to_port"]
    ports = f"port {first}" if first == last else f"ports {first} to {last}"
    return ports if rule["protocol"] == "tcp" else f"{rule['protocol']} {ports}"


def _peers(rule: Mapping[str, Any]) -> str:
    lists = ("cidr_blocks", "ipv6_cidr_blocks", "security_groups", "prefix_list_ids")
    peers = [str(peer) for name in lists for peer in rule.get(name) or ()]
    return ", ".join([*peers, *(["itself"] if rule.get("self") else [])]) or "nowhere"


def _routes(drift: Drift, subject: str) -> list[str]:
    def targets(routes: Any) -> set[str]:
        return {route["cidr_block"] or route["ipv6_cidr_block"] for route in routes or ()}

    gone, new = targets(drift.was) - targets(drift.now), targets(drift.now) - targets(drift.was)
    return [
        *(f"{subject} has lost its way to {target}" for target in sorted(gone)),
        *(f"{subject} has a way to {target}, which is not opsctl's" for target in sorted(new)),
    ] or _changed(drift, subject)


_QUEUE = "aws_batch_job_queue"
_ENVIRONMENT = "aws_batch_compute_environment"
_SWITCH = _by_value({"DISABLED": "{subject} was disabled by hand", "ENABLED": "{subject} was enabled by hand"})
_SPECIAL: Mapping[tuple[str, str], Callable[[Drift, str], list[str]]] = {
    (_QUEUE, "state"): _SWITCH,
    (_QUEUE, "job_state_time_limit_action"): lambda _, subject: [
        f"{subject}'s rule for jobs that cannot start was changed by hand"
    ],
    (_ENVIRONMENT, "state"): _SWITCH,
    (_ENVIRONMENT, "compute_resources.max_vcpus"): _max_vcpus,
    ("aws_cloudwatch_log_group", "retention_in_days"): _retention,
    ("aws_security_group", "ingress"): _ingress,
    ("aws_security_group", "egress"): _egress,
    ("aws_default_security_group", "ingress"): _ingress,
    ("aws_default_security_group", "egress"): _egress,
    ("aws_route_table", "route"): _routes,
    ("aws_subnet", "map_public_ip_on_launch"): _by_value(
        {False: "{subject} gives its instances no public address any more"}
    ),
    ("aws_vpc", "enable_dns_support"): _by_value({False: "{subject} finds no names any more (DNS is off)"}),
    ("aws_launch_template", "*"): _changed,
    ("aws_iam_role", "assume_role_policy"): lambda _, subject: [f"who may take {subject} was changed by hand"],
    ("aws_iam_role_policy", "policy"): _changed,
    ("aws_ssm_parameter", "*"): _changed,
    ("aws_s3_bucket_policy", "policy"): _changed,
    ("aws_s3_bucket_lifecycle_configuration", "*"): _changed,
    ("aws_ecr_repository_policy", "policy"): _changed,
    ("aws_ecr_lifecycle_policy", "policy"): _changed,
    ("aws_s3_bucket_versioning", "versioning_configuration.status"): _by_value({"Suspended": "{subject} is suspended"}),
    ("aws_s3_bucket_ownership_controls", "rule.object_ownership"): lambda *_: ["the data bucket lets ACLs in again"],
    ("aws_s3_bucket_server_side_encryption_configuration", "*"): _changed,
    **{
        ("aws_s3_bucket_public_access_block", setting): lambda *_: [
            "the data bucket's public access is not wholly blocked any more"
        ]
        for setting in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    },
    ("aws_ecr_repository", "image_tag_mutability"): _by_value(
        {"MUTABLE": "the image repository lets a tag move to another image"}
    ),
}
