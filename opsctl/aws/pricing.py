"""AWS's own prices: its price list and Spot price history, asked at most once a day, for a few seconds."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.aws.clients import Clients
from opsctl.core.costs.estimate import Rates
from opsctl.core.costs.prices import LivePrice, rates_of
from opsctl.core.errors import Problem
from opsctl.core.platform.platform import ModelResources, Platform
from opsctl.core.runs.manifest import timestamp
from opsctl.home import Home

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_pricing import PricingClient

#: How long the user waits for one price before the built-in table is used.
TIMEOUT_SECONDS = 3.0
_VALID_FOR = timedelta(days=1)
_SCHEMA_VERSION = 1


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
        Where AWS's answers are cached for a day; None: they are not cached.
    now
        The current time, with its time zone.
    timeout_seconds
        For each of two calls: the Spot price and, where AWS has none, the on-demand price.
    """
    live, why_table = None, ""
    if not platform.is_local:
        cache = _PriceCache(home, platform.name, now=now or datetime.now(UTC))
        why_table = "AWS's price list could not be asked"
        if platform.spot:
            live = cache.get_or_ask(
                platform.region,
                resources.instance_type,
                is_spot=True,
                ask=lambda: _ask_within(
                    timeout_seconds, lambda: clients.ec2, lambda ec2: _spot_price(ec2, resources.instance_type)
                ),
            )
        live = live or cache.get_or_ask(
            platform.region,
            resources.instance_type,
            is_spot=False,
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
        live=live,
        why_table=why_table,
    )


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
    prices = {
        float(dimension["pricePerUnit"]["USD"])
        for text in reply["PriceList"]
        for term in json.loads(text)["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
        if dimension["unit"] == "Hrs"
    }
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


class _PriceCache:
    """AWS's answers of the last day, in a file in the platform's folder."""

    def __init__(self, home: Home | None, platform_name: str, *, now: datetime) -> None:
        self._home = home
        self._folder = home.platform_dir(platform_name) if home else Path()
        self._now = now

    def get_or_ask(
        self, region: str, instance_type: str, *, is_spot: bool, ask: Callable[[], float | None]
    ) -> LivePrice | None:
        """The cached price, or else the one that `ask` returns, which is then cached."""
        name = f"{region} {instance_type} {'Spot' if is_spot else 'on-demand'}"
        prices = self._read()
        entry = prices.get(name)
        if entry is None:
            price = ask()
            if price is None:
                return None
            entry = {"usd_per_hour": price, "asked_at": timestamp(self._now)}
            self._write({**prices, name: entry})
        return LivePrice(entry["usd_per_hour"], asked_on=entry["asked_at"][:10], is_spot=is_spot)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._home is None:
            return {}
        try:
            prices = json.loads((self._folder / "prices.json").read_text())["prices"]
            return {
                name: {"usd_per_hour": float(entry["usd_per_hour"]), "asked_at": str(entry["asked_at"])}
                for name, entry in prices.items()
                if timedelta(0) <= self._now - datetime.fromisoformat(entry["asked_at"]) < _VALID_FOR
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _write(self, prices: dict[str, dict[str, Any]]) -> None:
        if self._home is None:
            return
        try:
            path = self._home.make(self._folder) / "prices.json"
            partial = path.with_name(f"{path.name}.part")
            partial.write_text(json.dumps({"schema_version": _SCHEMA_VERSION, "prices": prices}, indent=1))
            partial.replace(path)
        except (OSError, Problem):
            return  # the cache only saves time
