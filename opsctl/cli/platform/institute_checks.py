"""Checks an existing network and a key before `up` plans anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, Problem

if TYPE_CHECKING:
    from opsctl.aws.clients import Clients
    from opsctl.cli.context import Context
    from opsctl.core.platform.options import PlatformOptions


def settle_institute_options(context: Context, clients: Clients, options: PlatformOptions) -> PlatformOptions:
    """Check the network and the key, say what is doubtful, and return the options with the key's ARN.

    Raises
    ------
    UsageProblem
        If options do not go together.
    Problem
        If no job could start in the network (`network_unusable`), or the key cannot be used (`key_unusable`).
    """
    from opsctl.core.platform.institute import check_together

    check_together(options)
    if options.kms_key:
        options = replace(options, kms_key=_usable_key(context, clients, options, options.kms_key))
    if options.vpc_id:
        _check_network(context, clients, options, options.vpc_id)
    return options


def _usable_key(context: Context, clients: Clients, options: PlatformOptions, name: str) -> str:
    from opsctl.aws.platform.key import is_key_arn, read_key, repository_key
    from opsctl.core.platform.key import key_problem, policy_gaps

    key = read_key(clients.kms, name)
    if key is None:
        if not is_key_arn(name):
            raise Problem(
                f"{name} could not be looked up: kms:DescribeKey is not permitted.",
                "Name the key by its ARN (arn:aws:kms:REGION:ACCOUNT:key/ID).",
                code=ErrorCode.KEY_UNUSABLE,
            )
        context.screen.warn(f"{name} is not checked: kms:DescribeKey is not permitted.")
        return name
    problem = key_problem(key, region=options.region)
    if problem:
        raise Problem(problem, "docs/institute.md says what the key needs.", code=ErrorCode.KEY_UNUSABLE)
    if key.policy is None:
        context.screen.warn(f"The policy of {key.arn} is not checked: kms:GetKeyPolicy is not permitted.")
    for gap in policy_gaps(key, region=options.region):
        context.screen.warn(gap)
    has_key = repository_key(clients.ecr, options.repository_url.rpartition("/")[2])
    if has_key is not None and has_key != key.arn:
        context.screen.warn(
            f"The image repository keeps the key that it was made with ({has_key or 'of ECR'}): ECR cannot change it."
        )
    return key.arn


def _check_network(context: Context, clients: Clients, options: PlatformOptions, vpc_id: str) -> None:
    from opsctl.aws.ecr.image import is_in_ecr
    from opsctl.aws.platform.network import read_network
    from opsctl.core.platform.institute import network_needs
    from opsctl.core.platform.network import check_network

    needs = network_needs(options, is_image_on_ecr=is_in_ecr(options.job_image))
    with context.screen.waiting(f"looking at {vpc_id}"):
        facts = read_network(
            clients,
            vpc_id=vpc_id,
            subnet_ids=options.subnet_ids,
            instance_types=needs.instance_types,
            platform=options.name,
        )
    report = check_network(facts, needs)
    if not report.usable:
        raise Problem(
            f"No job could start in {vpc_id}. {' '.join(report.problems)}",
            "docs/institute.md lists what a network needs. Nothing was made.",
            code=ErrorCode.NETWORK_UNUSABLE,
        )
    for sentence in (*report.problems, *report.doubts):
        context.screen.warn(sentence)
    if report.problems:
        context.screen.warn(f"Jobs can start in {', '.join(report.usable)} only.")
