"""From the listing to a run that is ready to be submitted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bench.dataset import PREFIX
from bench.rows import Row, seconds, spread
from bench.s3_server import bucket_of
from opsctl.assets import bids_config
from opsctl.aws.batch import Batch
from opsctl.aws.clients import Clients
from opsctl.aws.s3 import Storage
from opsctl.commands.order import Order
from opsctl.commands.plan import output_of, plan
from opsctl.commands.records import Records
from opsctl.commands.survey import Surveyor
from opsctl.core.bids import SUFFIXES
from opsctl.core.entities import EntityPatterns
from opsctl.core.location import Location
from opsctl.core.m2g import M2gOptions
from opsctl.core.platform import ModelResources, Platform

_PREPARE_SECONDS = 2

#: How many scans are prepared, two a subject.
SCANS = 300


def preparation(url: str, *, runs: int) -> Row:
    """(e) From the listing to a run that is ready to be submitted."""

    dataset = Location(bucket_of(SCANS // 2), PREFIX.rstrip("/"))

    class Listed(Storage):
        """The listing is (a)'s."""

        def dataset(self, _: Location, **_options: Any) -> Any:
            return objects

    clients = Clients(endpoint_url=url)
    objects = Storage(clients.s3).dataset(dataset)
    storage = Listed(clients.s3)
    resources = ModelResources(
        job_queue="queue",
        compute_environment="environment",
        job_definition="definition:1",
        instance_type="r5.large",
        vcpus=2,
        memory_mib=15200,
        max_vcpus=512,
    )
    platform = Platform(
        name="bench",
        region="us-east-1",
        account_id="123456789012",
        data_bucket=dataset.bucket,
        repository_url="repository",
        image="repository:1",
        log_group="/opsctl/bench",
        spot=False,
        root_volume_gib=100,
        opsctl_version="0",
        models={"csd": resources, "csa": resources},
        endpoint_url=url,
    )

    order = Order(dataset=dataset, options=M2gOptions())
    surveyor = Surveyor(
        output_of(order, platform),
        platform,
        dataset_name=dataset.name,
        records=Records(storage, data_bucket=dataset.bucket),
        storage=storage,
        batch=Batch(clients.batch, submit_client=clients.batch_once),
    )

    def ready() -> Any:
        made = plan(
            order,
            platform,
            storage,
            surveyor,
            patterns=EntityPatterns(bids_config(), suffixes=SUFFIXES),
            moment=datetime(2026, 1, 2, tzinfo=UTC),
            token="0000",
        )
        return made.documents(made.run(made.standings))

    measured: list[float] = []
    for _ in range(runs):
        took, documents = seconds(ready)
        if len(documents) != SCANS:
            raise SystemExit(f"{len(documents)} scans were prepared instead of {SCANS}.")
        measured.append(took)
    return Row(
        what=f"prepare {SCANS} scans after the listing ({len(objects):,} keys)",
        measured=spread(measured, " s"),
        beside="",
        bar=f"< {_PREPARE_SECONDS} s",
        met=max(measured) < _PREPARE_SECONDS,
        runs={"seconds": measured},
    )
