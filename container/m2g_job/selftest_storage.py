"""What a job may do with the data bucket, and what it may not."""

from __future__ import annotations

from typing import Any

from m2g_job.faults import ConditionFailed, ConditionsUnsupported
from m2g_job.s3 import S3, bucket_and_key
from m2g_job.selftest_check import Check, Failed, NotChecked
from m2g_job.selftest_refusals import must_be_refused
from m2g_job.selftest_settings import Settings

_GROUP = "storage"


class Storage:
    """The checks of the storage; each makes its own request.

    Parameters
    ----------
    client
        From `s3.make_client`, for what a scan does too.
    refused_client
        For what must be refused.
    """

    def __init__(self, settings: Settings, client: Any, *, refused_client: Any) -> None:
        self._settings = settings
        self._s3 = S3(client)
        self._client = refused_client
        #: The object that opsctl has put there.
        self.input_uri = f"{settings.uri}/input.json"
        # An earlier attempt's object would fail the conditional write.
        self._written_uri = f"{settings.uri}/attempt-{settings.attempt}/written.json"

    def checks(self) -> list[Check]:
        """The checks, in the order in which they are made: the later ones need what the earlier ones wrote."""
        looks = {
            "s3_list": self._list,
            "s3_read": self._read,
            "s3_write": self._write,
            "s3_conditional_write": self._write_conditionally,
            "raw_data": self._write_raw_data,
            "other_buckets": self._other_buckets,
            "s3_acl": self._acl,
            "s3_delete": self._delete,
        }
        return [Check(name, _GROUP, self._on_a_platform(look)) for name, look in looks.items()]

    def document(self) -> dict[str, Any]:
        """The object that opsctl has put there; empty where there is none."""
        if not self._settings.uri:
            return {}
        document = self._s3.read(self.input_uri)
        return (document.value if document else None) or {}

    def _on_a_platform(self, look: Any) -> Any:
        def look_there() -> str:
            if not self._settings.uri:
                raise NotChecked("No platform: this is not a job of `opsctl selftest`.")
            return str(look())

        return look_there

    def _list(self) -> str:
        listed = self._s3.list_objects(f"{self._settings.uri}/")
        if self.input_uri not in listed:
            raise Failed(f"the listing of {self._settings.uri}/ lacks the object that opsctl put there")
        return f"The job lists {self._settings.bucket}."

    def _read(self) -> str:
        if self.document().get("selftest_id") != self._settings.selftest_id:
            raise Failed(f"{self.input_uri} is not the object that opsctl put there")
        return "The job reads an object that opsctl put there."

    def _write(self) -> str:
        value = {"schema_version": 1, "selftest_id": self._settings.selftest_id}
        self._s3.write(self._written_uri, value)
        document = self._s3.read(self._written_uri)
        if document is None or document.value != value:
            raise Failed(f"{self._written_uri} does not hold what the job wrote")
        return "The job writes an object with a checksum, and reads it back."

    def _write_conditionally(self) -> str:
        try:
            self._s3.write(self._written_uri, {"schema_version": 1}, if_none=True)
        except ConditionFailed:
            return "A second write with If-None-Match is refused."
        except ConditionsUnsupported as error:
            raise Failed("this S3 has no conditional writes: two jobs of a scan could both publish") from error
        raise Failed("a second write with If-None-Match was carried out: two jobs of a scan could both publish")

    def _write_raw_data(self) -> str:
        uri = self._settings.raw_uri
        if not uri:
            raise NotChecked("No place of raw data was named.")
        must_be_refused(
            lambda: self._client.put_object(Body=b"written by opsctl selftest\n", **bucket_and_key(uri)),
            f"writing {uri}, where raw data would be,",
        )
        return "A job cannot write where raw data is."

    def _other_buckets(self) -> str:
        must_be_refused(self._client.list_buckets, "listing the account's buckets")
        bucket = self._settings.other_bucket
        if not bucket:
            return "A job cannot list the account's buckets."
        must_be_refused(lambda: self._client.list_objects_v2(Bucket=bucket, MaxKeys=1), f"listing the bucket {bucket}")
        return f"A job can list neither the account's buckets nor {bucket}."

    def _delete(self) -> str:
        must_be_refused(
            lambda: self._client.delete_object(**bucket_and_key(self._written_uri)),
            "deleting an object that the job wrote",
        )
        return "A job cannot delete an object, not even its own."

    def _acl(self) -> str:
        # A bucket without ACLs refuses them to everybody.
        must_be_refused(
            lambda: self._client.put_object_acl(ACL="private", **bucket_and_key(self._written_uri)),
            "changing an object's ACL",
            also=("AccessControlListNotSupported",),
        )
        return "A job cannot share an object by an ACL."
