"""Who has not confirmed yet, by a topic on a server that answers like AWS."""

from __future__ import annotations

from typing import Any

import boto3
from moto import mock_aws

from opsctl.aws.platform.mail import unconfirmed_emails


class Unconfirmed:
    """A client whose topic has two addresses and a queue; moto confirms all of them at once, AWS does not."""

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_subscriptions_by_topic"
        return self

    def paginate(self, *, TopicArn: str) -> Any:
        confirmed = {"Endpoint": "a@lab.org", "Protocol": "email", "SubscriptionArn": f"{TopicArn}:1"}
        yield {
            "Subscriptions": [
                confirmed,
                {**confirmed, "Endpoint": "b@lab.org", "SubscriptionArn": "PendingConfirmation"},
            ]
        }
        yield {"Subscriptions": [{**confirmed, "Protocol": "sqs", "SubscriptionArn": "PendingConfirmation"}]}


def test_addresses_that_aws_still_waits_for() -> None:
    assert unconfirmed_emails(Unconfirmed(), "arn:topic") == ("b@lab.org",)


def test_the_call_is_one_that_sns_takes() -> None:
    with mock_aws():
        client = boto3.client("sns", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        topic = client.create_topic(Name="opsctl-m2g-notices")["TopicArn"]
        client.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@lab.org")
        assert unconfirmed_emails(client, topic) in ((), ("a@lab.org",))
