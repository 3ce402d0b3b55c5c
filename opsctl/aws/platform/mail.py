"""Who is told by mail, and who has confirmed it."""

from __future__ import annotations

from typing import Any

from opsctl.aws.errors import translated

#: In place of an ARN, until the owner of the address has opened the link in AWS's mail.
_PENDING = "PendingConfirmation"


def unconfirmed_emails(client: Any, topic_arn: str) -> tuple[str, ...]:
    """The addresses whose owners have not confirmed yet that they want the mail.

    Raises
    ------
    Problem
        When AWS does not answer, or does not permit it (`sns:ListSubscriptionsByTopic`).
    """
    with translated("reading who is told by mail"):
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        subscriptions = [subscription for page in pages for subscription in page["Subscriptions"]]
    return tuple(
        sorted(
            subscription["Endpoint"]
            for subscription in subscriptions
            if subscription["Protocol"] == "email" and subscription["SubscriptionArn"] == _PENDING
        )
    )
