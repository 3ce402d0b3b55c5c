"""The permissions that S3's operations need, from the Service Authorization Reference and each operation's own page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from opsctl.local.rights.permission import Needs, UnknownCall

#: Operations whose action has another name.
_RENAMED = {
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
}
#: Operations whose action has their own name.
_OWN_NAME = frozenset((
    *("AbortMultipartUpload", "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteBucketWebsite"),
    *("DeleteObject", "DeleteObjectTagging", "GetBucketAcl", "GetBucketLocation", "GetBucketLogging"),
    *("GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketRequestPayment"),
    *("GetBucketTagging", "GetBucketVersioning", "GetBucketWebsite", "GetObject", "GetObjectAcl"),
    *("GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent"),
    *("PutBucketAcl", "PutBucketLogging", "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketRequestPayment"),
    *("PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite", "PutObject", "PutObjectAcl"),
    *("PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject"),
))  # fmt: skip
#: The actions on a named version, by the action on the current one.
_OF_VERSION = {
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "GetObjectTorrent": "GetObjectVersionTorrent",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
}
#: What the headers of a write need beside `s3:PutObject`.
_HEADERS = {
    "x-amz-acl": "PutObjectAcl",
    "x-amz-grant-": "PutObjectAcl",
    "x-amz-tagging": "PutObjectTagging",
    "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
    "x-amz-object-lock-mode": "PutObjectRetention",
}
_WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload")
_COPIES = ("CopyObject", "UploadPartCopy")
_CONTEXT_OF_QUERY = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}


def s3_needs(operation: str, parameters: Mapping[str, Any]) -> Needs:
    """Yield the permissions that a call of S3 needs.

    Raises
    ------
    UnknownCall
        When the operation is not in this module's tables.
    """
    if operation == "ListBuckets":
        yield "s3:ListAllMyBuckets", "*", {}
        return
    bucket = f"arn:aws:s3:::{parameters.get('Bucket', '')}"
    if operation == "DeleteObjects":
        yield from _deletions(bucket, parameters)
        return
    if operation not in _RENAMED and operation not in _OWN_NAME:
        raise UnknownCall(operation)
    resource = f"{bucket}/{parameters['Key']}" if "Key" in parameters else bucket
    headers = parameters.get("headers", {})
    version = parameters.get("versionId")
    context = {key: parameters[name] for name, key in _CONTEXT_OF_QUERY.items() if name in parameters}
    context |= {f"s3:{name}": value for name, value in headers.items()}
    context |= {"s3:VersionId": version} if version else {}
    action = _RENAMED.get(operation, operation)
    if version:
        action = _OF_VERSION.get(action, action)
    yield f"s3:{action}", resource, context
    if operation == "GetObjectAttributes":
        yield f"s3:{'GetObjectVersion' if version else 'GetObject'}", resource, context
    if operation in _COPIES:
        yield from _source(headers.get("x-amz-copy-source", ""))
    if operation in _WRITES:
        needed = {needs for name in headers for start, needs in _HEADERS.items() if name.startswith(start)}
        for further in sorted(needed):
            yield f"s3:{further}", resource, context


def _deletions(bucket: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for entry in parameters["Objects"]:
        version = entry.get("VersionId")
        context = {"s3:VersionId": version} if version else {}
        action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
        yield action, f"{bucket}/{entry.get('Key', '')}", context


def _source(header: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What reading the source of a copy needs; the header is `/BUCKET/KEY?versionId=VERSION`, encoded."""
    path, _, query = header.partition("?")
    version = parse_qs(query).get("versionId", [""])[0]
    context = {"s3:VersionId": version} if version else {}
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    yield action, f"arn:aws:s3:::{unquote(path).lstrip('/')}", context
