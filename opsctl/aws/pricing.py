"""AWS's own prices: its price list and Spot price history, asked at most once a day, for a few seconds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsctl.aws.clients import Clients
from opsctl.aws.s3.cache import Cache
from opsctl.core.costs.estimate import Rates
from opsctl.core.costs.prices import LivePrice, rates_of
from opsctl.core.errors import Problem
from opsctl.core.foreign_json import parse
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.manifest import timestamp
from opsctl.home import Home

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_pricing import PricingClient

#: How long the user waits for one price before the built-in table is used.
TIMEOUT_SECONDS = 3.0
_CACHED_FOR = timedelta(days=1)


def rates(
    clients: Clients,
    platform: Platform,
    resources: ModelResources,
    *,
    home: Home | None = None,
    now: datetime | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Rates:
    """What an instance of a model costs: from AWS if it answers, else from the built-in table; `source` says which.

    Never fails: without permission, without a network, or after an unexpected reply the table is used.

    Parameters
    ----------
    home
        The home whose cache holds AWS's answers for a day; None: they are not cached.
    now
        The current time, with its time zone.
    timeout_seconds
        For each of two calls: the Spot price and, where AWS has none, the on-demand price.
    """
    live, why_table = None, ""
    now = now or _now()
    if not platform.is_local:
        cache = Cache(home.cache if home else None)
        why_table = "AWS's price list could not be asked"
        if platform.spot:
            live = _get_or_ask(
                cache,
                platform,
                resources.instance_type,
                is_spot=True,
                now=now,
                ask=lambda: _ask_within(
                    timeout_seconds, lambda: clients.ec2, lambda ec2: _spot_price(ec2, resources.instance_type)
                ),
            )
        live = live or _get_or_ask(
            cache,
            platform,
            resources.instance_type,
            is_spot=False,
            now=now,
            ask=lambda: _ask_within(
                timeout_seconds,
                lambda: clients.pricing,
                lambda pricing: _list_price(pricing, resources.instance_type, region=platform.region),
            ),
        )
    return rates_of(
        resources.instance_type,
        region=platform.region,
        spot=platform.spot,
        root_volume_gib=platform.root_volume_gib,
        vcpus=resources.whole_vcpus,
        live=live,
        why_table=why_table,
        # Where nothing is charged, nobody decides about money.
        today=None if platform.is_local else now.date(),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _list_price(client: PricingClient, instance_type: str, *, region: str) -> float | None:
    """The on-demand price of Linux on shared tenancy, in USD per hour; None unless the list has exactly one."""
    criteria = {
        "regionCode": region,
        "instanceType": instance_type,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
    reply = client.get_products(
        ServiceCode="AmazonEC2",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in criteria.items()],
        FormatVersion="aws_v1",
    )
    try:
        prices = {
            float(dimension["pricePerUnit"]["USD"])
            for text in reply["PriceList"]
            for term in parse(text)["terms"]["OnDemand"].values()
            for dimension in term["priceDimensions"].values()
            if dimension["unit"] == "Hrs"
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    # The list has reserved capacity at a price of 0.
    prices.discard(0.0)
    return prices.pop() if len(prices) == 1 else None


def _spot_price(client: EC2Client, instance_type: str) -> float | None:
    """The mean over the region's zones of the newest price in each."""
    reply = client.describe_spot_price_history(
        InstanceTypes=[instance_type],  # type: ignore[list-item]  # the stubs list the types that they know
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(UTC),  # AWS returns the prices that are valid now
    )
    newest: dict[str, tuple[datetime, float]] = {}
    for entry in reply["SpotPriceHistory"]:
        zone, moment = entry["AvailabilityZone"], entry["Timestamp"]
        if zone not in newest or newest[zone][0] < moment:
            newest[zone] = (moment, float(entry["SpotPrice"]))
    return sum(price for _, price in newest.values()) / len(newest) if newest else None


def _ask_within(seconds: float, client: Callable[[], Any], ask: Callable[[Any], float | None]) -> float | None:
    """AWS's answer; None without an answer in time."""
    try:
        made_client = client()
    except Problem:
        return None
    answers: queue.SimpleQueue[float | None] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put(ask(made_client))
        except Exception:  # whatever went wrong: there is no price
            answers.put(None)

    # A thread, because no setting of the SDK limits a call's whole time; a daemon, so that it never delays the exit.
    threading.Thread(target=answer, name="price", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return None


def _get_or_ask(
    cache: Cache,
    platform: Platform,
    instance_type: str,
    *,
    is_spot: bool,
    now: datetime,
    ask: Callable[[], float | None],
) -> LivePrice | None:
    """The price cached within the last day, or else the one that `ask` returns, which is then cached."""
    name = f"price/{platform.region}/{instance_type}/{'spot' if is_spot else 'on-demand'}"
    price = _valid_price(cache.get_value(platform.data_bucket, name), is_spot=is_spot, now=now)
    if price is not None:
        return price
    usd_per_hour = ask()
    if usd_per_hour is None:
        return None
    asked_at = timestamp(now)
    cache.put_value(platform.data_bucket, name, {"usd_per_hour": usd_per_hour, "asked_at": asked_at})
    return LivePrice(usd_per_hour, asked_on=asked_at[:10], is_spot=is_spot)


def _valid_price(value: Any, *, is_spot: bool, now: datetime) -> LivePrice | None:
    try:
        asked_at = str(value["asked_at"])
        if not timedelta(0) <= now - datetime.fromisoformat(asked_at) < _CACHED_FOR:
            return None
        return LivePrice(float(value["usd_per_hour"]), asked_on=asked_at[:10], is_spot=is_spot)
    except (ValueError, KeyError, TypeError):
        return None
