"""AWS's own prices: its price list and its Spot history, asked at most once a day and for a few seconds."""

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

#: How long a person waits for one price before the table stands for it.
PATIENCE_SECONDS = 3.0
_KEPT_FOR = timedelta(days=1)
_SCHEMA_VERSION = 1


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
        Where AWS's answers are kept for a day; None: they are not.
    now
        The present, with its time zone.
    patience_seconds
        For each of the two questions: the Spot price and, where that is not told, the on-demand price.
    """
    live, why = None, ""
    if not platform.is_local:
        kept = _Kept(home, platform.name, now=now or datetime.now(UTC))
        why = "AWS's price list could not be asked"
        if platform.spot:
            live = kept.or_ask(
                platform.region,
                resources.instance_type,
                is_spot=True,
                ask=lambda: _within(
                    timeout_seconds, lambda: clients.ec2, lambda ec2: _spot_price(ec2, resources.instance_type)
                ),
            )
        live = live or kept.or_ask(
            platform.region,
            resources.instance_type,
            is_spot=False,
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


class _Kept:
    """AWS's answers of the last day, in the platform's folder."""

    def __init__(self, home: Home | None, platform_name: str, *, now: datetime) -> None:
        self._home = home
        self._folder = home.platform_dir(platform_name) if home else Path()
        self._now = now

    def or_ask(
        self, region: str, instance_type: str, *, is_spot: bool, ask: Callable[[], float | None]
    ) -> LivePrice | None:
        """The price that is kept, else the one that is asked for, which is then kept."""
        name = f"{region} {instance_type} {'Spot' if is_spot else 'on-demand'}"
        prices = self._read()
        found = prices.get(name)
        if found is None:
            told = ask()
            if told is None:
                return None
            found = {"usd_per_hour": told, "asked_at": timestamp(self._now)}
            self._write({**prices, name: found})
        return LivePrice(found["usd_per_hour"], asked_on=found["asked_at"][:10], is_spot=is_spot)

    def _read(self) -> dict[str, dict[str, Any]]:
        if self._home is None:
            return {}
        try:
            prices = json.loads((self._folder / "prices.json").read_text())["prices"]
            return {
                name: {"usd_per_hour": float(one["usd_per_hour"]), "asked_at": str(one["asked_at"])}
                for name, one in prices.items()
                if timedelta(0) <= self._now - datetime.fromisoformat(one["asked_at"]) < _KEPT_FOR
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
            return  # it would only have saved the next question
