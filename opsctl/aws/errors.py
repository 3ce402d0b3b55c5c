"""Turns botocore's errors into a `Problem`; what each means (`opsctl.aws.failures`) is imported with the first one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into a `Problem` with its hint.

    Parameters
    ----------
    what
        What was being done, to follow "while" (`listing the dataset`).

    Raises
    ------
    Problem
        For every error that botocore raises inside the block.
    """
    try:
        yield
    except _translatable() as error:
        from opsctl.aws.failures import failure

        raise failure(error, what) from error


def _translatable() -> tuple[type[Exception], ...]:
    return (BotoCoreError, ClientError, ResponseParserError, *transfer_errors())


def transfer_errors() -> tuple[type[Exception], ...]:
    """boto3's errors of the transfer of a large file; none before the first, because boto3 takes 20 ms to import."""
    boto3_exceptions = sys.modules.get("boto3.exceptions")
    return () if boto3_exceptions is None else (boto3_exceptions.Boto3Error,)
