"""AWS's own prices: its price list and its Spot history, asked at most once a day and for a few seconds."""

from __future__ import annotations

import json
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
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.manifest import timestamp
from opsctl.home import Home

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_pricing import PricingClient

#: How long a person waits for one price before the table stands for it.
PATIENCE_SECONDS = 3.0
_CACHED_FOR = timedelta(days=1)


def rates(
    clients: Clients,
    platform: Platform,
    resources: ModelResources,
    *,
    home: Home | None = None,
    now: datetime | None = None,
    timeout_seconds: float = PATIENCE_SECONDS,
) -> Rates:
    """What an instance of a model costs: from AWS where it answers, else from the dated table; `source` says which.

    Never fails: a permission that is missing, a network that is down or an odd reply mean the table.

    Parameters
    ----------
    home
        The home whose cache keeps AWS's answers for a day; None: they are not kept.
    now
        The present, with its time zone.
    timeout_seconds
        For each of the two questions: the Spot price and, where that is not told, the on-demand price.
    """
    live, why = None, ""
    if not platform.is_local:
        now = now or datetime.now(UTC)
        cache = Cache(home.cache if home else None)
        why = "AWS's price list could not be asked"
        if platform.spot:
            live = _cached_or_asked(
                cache,
                platform,
                resources.instance_type,
                is_spot=True,
                now=now,
                ask=lambda: _within(
                    timeout_seconds, lambda: clients.ec2, lambda ec2: _spot_price(ec2, resources.instance_type)
                ),
            )
        live = live or _cached_or_asked(
            cache,
            platform,
            resources.instance_type,
            is_spot=False,
            now=now,
            ask=lambda: _within(
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
        live=live,
        why_table=why,
    )


def _list_price(client: PricingClient, instance_type: str, *, region: str) -> float | None:
    """On demand, Linux, shared tenancy, nothing installed beforehand; None where the list does not say one price."""
    wanted = {
        "regionCode": region,
        "instanceType": instance_type,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
    reply = client.get_products(
        ServiceCode="AmazonEC2",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
        FormatVersion="aws_v1",
    )
    prices = {
        float(dimension["pricePerUnit"]["USD"])
        for text in reply["PriceList"]
        for term in json.loads(text)["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
        if dimension["unit"] == "Hrs"
    }
    # Reserved capacity and the like stand in the list at 0.
    found = {price for price in prices if price > 0}
    return found.pop() if len(found) == 1 else None


def _spot_price(client: EC2Client, instance_type: str) -> float | None:
    """The mean over the region's zones of the newest price in each."""
    reply = client.describe_spot_price_history(
        InstanceTypes=[instance_type],  # type: ignore[list-item]  # the stubs list the types that they know
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.now(UTC),  # from now on: the prices that hold now
    )
    newest: dict[str, tuple[datetime, float]] = {}
    for one in reply["SpotPriceHistory"]:
        told = (one["Timestamp"], float(one["SpotPrice"]))
        zone = one["AvailabilityZone"]
        if zone not in newest or newest[zone][0] < told[0]:
            newest[zone] = told
    return sum(price for _, price in newest.values()) / len(newest) if newest else None


def _within(seconds: float, client: Callable[[], Any], ask: Callable[[Any], float | None]) -> float | None:
    """What AWS says, or None when it does not say it in time, or at all."""
    try:
        made = client()
    except Problem:
        return None
    answers: queue.SimpleQueue[float | None] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put(ask(made))
        except Exception:  # whatever went wrong, the answer is the same: AWS did not tell a price
            answers.put(None)

    # A thread, because no setting of the SDK bounds a call's whole time; a daemon, so that none holds the end.
    threading.Thread(target=answer, name="price", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return None


def _cached_or_asked(
    cache: Cache,
    platform: Platform,
    instance_type: str,
    *,
    is_spot: bool,
    now: datetime,
    ask: Callable[[], float | None],
) -> LivePrice | None:
    """The price that AWS told within the last day, else the one that it tells now, which is then cached."""
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
