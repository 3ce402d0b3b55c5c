"""Buckets and objects between the index and moto's memory: after a restart, and when the disk did not take a change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import moto.s3.models as models

from opsctl.local.s3.keys import Bucket
from opsctl.local.s3.objects import Key, NotStored, backend_of
from opsctl.local.s3.store import Blob, Record, Store

_SETTINGS = ("versioning_status", "encryption", "ownership_rule", "rules_as_put")


def save_bucket(store: Store, backend: Any, name: str) -> None:
    """Write a bucket with its settings into the index, or remove it there when moto has it no more.

    Raises
    ------
    OSError, sqlite3.Error
        When the disk does not take it.
    """
    with store.transaction():
        bucket = backend.buckets.get(name)
        if bucket is None:
            store.forget_bucket(name)
            return
        facts = {setting: getattr(bucket, setting) for setting in _SETTINGS}
        block = bucket.public_access_block
        facts |= {
            "region": bucket.region_name,
            "account": bucket.account_id,
            "created_at": bucket.creation_date.isoformat(),
            "policy": bucket.policy.decode() if bucket.policy else None,
            "public_access_block": vars(block) if block else None,
            "tags": backend.tagger.get_tag_dict_for_resource(bucket.arn),
        }
        store.save_bucket(name, facts)


def restore(store: Store) -> int:
    """Restore the buckets and all versions of the objects, without reading blobs; return the number of versions."""
    missing = store.sweep()
    buckets: dict[str, Any] = {name: _restored_bucket(name, facts) for name, facts in store.buckets()}
    templates = {name: _template(store, bucket) for name, bucket in buckets.items()}
    count = 0
    for record in store.records():
        # An object whose blob someone has removed is left out, since it cannot be read.
        if record.blob is not None and record.blob.path.name in missing:
            continue
        version = _restored_version(record, templates[record.bucket])
        buckets[record.bucket].keys.restore(version)
        count += isinstance(version, Key)
    return count


def put_keys_back(store: Store, failure: NotStored) -> None:
    """Let objects be again what the index says, and remove the blobs that it does not name."""
    unnamed = {blob.path for blob in failure.blobs}
    for bucket_name, name in failure.keys:
        backend = backend_of(bucket_name)
        bucket = backend.buckets.get(bucket_name) if backend else None
        if bucket is None:
            continue
        versions = [version for version in bucket.keys.getlist(name, []) if isinstance(version, Key)]
        for version in versions:
            backend.tagger.delete_all_tags_for_resource(version.arn)
        records = store.versions(bucket_name, name)
        template = _template(store, bucket)
        bucket.keys.put_back(name, [_restored_version(record, template) for record in records])
        unnamed |= {version.blob.path for version in versions}
        unnamed -= {record.blob.path for record in records if record.blob is not None}
    for path in unnamed:
        path.unlink(missing_ok=True)


def put_bucket_back(store: Store, backend: Any, name: str) -> None:
    """Let a bucket's settings be again what the index says; its objects stay."""
    facts = dict(store.buckets()).get(name)
    bucket = backend.buckets.pop(name, None)
    models.s3_backends.bucket_accounts.pop(name, None)
    if bucket is not None:
        backend.tagger.delete_all_tags_for_resource(bucket.arn)
    if facts is not None:
        restored = _restored_bucket(name, facts)
        if bucket is not None:
            restored.keys, restored.multiparts = bucket.keys, bucket.multiparts


def _restored_bucket(name: str, facts: dict[str, Any]) -> Any:
    backend = models.s3_backends[facts["account"]]["aws"]
    bucket: Any = Bucket(name, facts["account"], facts["region"])  # type: ignore[abstract]
    for setting in _SETTINGS:
        setattr(bucket, setting, facts[setting])
    if facts["rules_as_put"]:
        bucket.set_lifecycle(facts["rules_as_put"])
    bucket.creation_date = datetime.fromisoformat(facts["created_at"])
    bucket.policy = facts["policy"].encode() if facts["policy"] else None
    if facts["public_access_block"]:
        bucket.public_access_block = models.PublicAccessBlock(None, None, None, None)
        vars(bucket.public_access_block).update(facts["public_access_block"])
    backend.tagger.tag_resource(bucket.arn, backend.tagger.convert_dict_to_tags_input(facts["tags"]))
    backend.buckets[name] = bucket
    return bucket


def _restored_version(record: Record, template: Key) -> Key | models.FakeDeleteMarker:
    version = template.restored(record)
    if isinstance(version, Key) and record.facts["tags"]:
        tagger = models.s3_backends[template.account_id]["aws"].tagger
        tagger.tag_resource(version.arn, tagger.convert_dict_to_tags_input(record.facts["tags"]))
    return version


def _template(store: Store, bucket: Any) -> Key:
    no_bytes: Any = Blob(store.root, 0)
    return Key("", no_bytes, account_id=bucket.account_id, region_name=bucket.region_name, bucket_name=bucket.name)
