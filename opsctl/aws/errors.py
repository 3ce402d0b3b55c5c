"""AWS's errors, by code, in words for a person who does not know AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error, S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from opsctl.core.errors import Problem

_LOGIN = "Log in again (`aws sso login`, or `aws configure`), then type the same command."

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "AllAccessDisabled"}
_UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded"}
_CLOCK = {"RequestTimeTooSkewed", "InvalidSignatureException"}


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into a `Problem` with its mend.

    Parameters
    ----------
    what
        What was being done, to be read after "while" (`listing the dataset`).

    Raises
    ------
    Problem
        For every error that botocore raises inside.
    """
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Problem(
            "There are no AWS credentials.",
            "Log in (`aws configure`, or `aws sso login` with --profile), or try it all here with `opsctl up --local`.",
        ) from error
    except ProfileNotFound as error:
        raise Problem(f"{error}.", "`aws configure list-profiles` shows those that there are.") from error
    except NoRegionError as error:
        raise Problem("No AWS region is set.", "Name one with --region, or set AWS_REGION.") from error
    except (TokenRetrievalError, UnauthorizedSSOTokenError) as error:
        raise Problem("The AWS login has expired.", _LOGIN) from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise Problem(
            f"{error.kwargs.get('endpoint_url', 'AWS')} cannot be reached.",
            "Is the network up? For a local platform: `opsctl up --local` starts it again.",
        ) from error
    except ClientError as error:
        raise _by_code(error, what) from error
    except S3UploadFailedError as error:
        # boto3 wraps what happened, and would be read as a bug.
        cause = error.__context__
        raise (_by_code(cause, what) if isinstance(cause, ClientError) else _unasked(error, what)) from error
    except (BotoCoreError, Boto3Error) as error:
        raise _unasked(error, what) from error


def _unasked(error: Exception, what: str) -> Problem:
    return Problem(f"AWS could not be asked while {what}: {error}")


def _by_code(error: ClientError, what: str) -> Problem:
    code = code_of(error)
    operation = error.operation_name
    message = str(error.response.get("Error", {}).get("Message", "")).rstrip(".")
    if code in _EXPIRED:
        return Problem("The AWS login has expired.", _LOGIN)
    if code in _UNKNOWN_KEY:
        return Problem("AWS does not know these credentials.", _LOGIN)
    if code in _CLOCK:
        return Problem("This machine's clock differs from AWS's, or the credentials are wrong.", "Set the clock.")
    if code in _DENIED:
        return Problem(
            f"AWS does not permit {operation} while {what}: {message}.",
            "Ask the account's administrator for this permission.",
        )
    if code in THROTTLED:
        return Problem(f"AWS asks to slow down ({operation}) while {what}.", "Wait a minute and type it again.")
    if code == "NoSuchBucket":
        bucket = error.response["Error"].get("BucketName", "")
        return Problem(f"The bucket {bucket} does not exist.".replace("  ", " "), "Is its name right?")
    if code in ("PermanentRedirect", "301", "IllegalLocationConstraintException"):
        return Problem(f"The bucket lies in another region ({message}).", "Name its region with --region.")
    return Problem(f"AWS refused {operation} while {what}: {message or code} ({code}).")
