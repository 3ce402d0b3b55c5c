"""Translates botocore's errors into one sentence and one thing to do, for users who do not know AWS.

An error that AWS returned is translated by its code (`opsctl.aws.refusals`); any other error by its class, here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore import exceptions as kinds
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from opsctl.aws.errors import transfer_errors
from opsctl.aws.refusals import CREATE_LOGIN, LOGIN_AGAIN, refusal
from opsctl.core.errors import ErrorCode, Problem
from opsctl.core.platform.absent import local_platform_ended

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_REPEAT = "Type the same command again: nothing is lost or done twice."

# Classes of errors that mean the same to a user. The first group that matches counts.
_MISSING = (kinds.NoCredentialsError, kinds.NoAuthTokenError)
_EXPIRED = (
    kinds.TokenRetrievalError,
    kinds.SSOError,  # UnauthorizedSSOTokenError and SSOTokenLoadError are of this kind
    kinds.LoginRefreshRequired,
    kinds.LoginTokenLoadError,
    kinds.LoginAuthorizationCodeError,
    kinds.RefreshWithMFAUnsupportedError,
)
_REGION = (
    kinds.InvalidRegionError,
    kinds.UnknownRegionError,
    kinds.ServiceNotInRegionError,
    kinds.UnknownEndpointError,
    kinds.EndpointVariantError,
)
_CONFIGURATION = (
    kinds.ConfigParseError,
    kinds.ConfigNotFound,
    kinds.InvalidConfigError,
    kinds.InfiniteLoopConfigError,
    kinds.UnknownCredentialError,
    kinds.InvalidRetryConfigurationError,
    kinds.InvalidMaxRetryAttemptsError,
    kinds.InvalidRetryModeError,
    kinds.InvalidDefaultsMode,
    kinds.InvalidIMDSEndpointError,
    kinds.InvalidIMDSEndpointModeError,
    kinds.InvalidSTSRegionalEndpointsConfigError,
    kinds.InvalidS3UsEast1RegionalEndpointConfigError,
)
_DAMAGED = (kinds.FlexibleChecksumError, kinds.ChecksumError, kinds.IncompleteReadError, ResponseParserError)
_BROKEN = (
    kinds.ConnectionClosedError,
    kinds.ReadTimeoutError,
    kinds.ResponseStreamingError,
    kinds.EventStreamError,
    kinds.HTTPClientError,
    kinds.ConnectionError,
)


def failure(error: BaseException, what: str) -> Problem:
    """What an error means.

    Parameters
    ----------
    what
        What was being done, to follow "while".
    """
    if isinstance(error, ClientError):
        return refusal(error, what)
    # boto3 and botocore wrap some errors; the wrapper alone would look like a bug.
    inner = _wrapped_error(error)
    if inner is not None:
        return failure(inner, what)
    return _login(error) or _configuration(error) or _network(error, what) or _other(error, what)


def _wrapped_error(error: BaseException) -> BaseException | None:
    if not isinstance(error, transfer_errors()):
        return None
    from boto3.exceptions import RetriesExceededError, S3UploadFailedError

    if isinstance(error, RetriesExceededError):
        inner: BaseException | None = getattr(error, "last_exception", None)
    elif isinstance(error, S3UploadFailedError):
        inner = error.__context__
    else:
        return None
    return inner if isinstance(inner, (BotoCoreError, ClientError)) else None


def _login(error: BaseException) -> Problem | None:
    if isinstance(error, _MISSING):
        return Problem("There are no AWS credentials.", CREATE_LOGIN, code=ErrorCode.CREDENTIALS_MISSING)
    if isinstance(error, kinds.PartialCredentialsError):
        missing = error.kwargs.get("cred_var", "a part")
        return Problem(
            f"The AWS credentials are not whole: {missing} is missing.",
            CREATE_LOGIN,
            code=ErrorCode.CREDENTIALS_INVALID,
        )
    if isinstance(error, kinds.LoginInsufficientPermissions):
        return Problem(
            "Your AWS user may not log in this way.",
            "Ask the account's administrator for signin:CreateOAuth2Token.",
            code=ErrorCode.AWS_DENIED,
        )
    if isinstance(error, _EXPIRED):
        return Problem("The AWS login has expired.", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_EXPIRED)
    if isinstance(error, (kinds.CredentialRetrievalError, kinds.MetadataRetrievalError)):
        return Problem(
            f"AWS credentials could not be fetched: {_message(error)}", LOGIN_AGAIN, code=ErrorCode.CREDENTIALS_INVALID
        )
    return None


def _configuration(error: BaseException) -> Problem | None:
    if isinstance(error, kinds.ProfileNotFound):
        return Problem(
            _message(error),
            "`aws configure list-profiles` shows those that there are.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if isinstance(error, kinds.NoRegionError):
        return Problem("No AWS region is set.", "Set AWS_REGION to your region.", code=ErrorCode.CONFIGURATION_INVALID)
    if isinstance(error, _REGION):
        region = error.kwargs.get("region_name")
        return Problem(
            f"AWS has no region {region} for this." if region else _message(error),
            "Set AWS_REGION to one of AWS's regions.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if isinstance(error, kinds.MissingDependencyException):
        from opsctl.installation import installation

        return Problem(
            "This kind of AWS login needs a part that is not installed (awscrt).",
            f"Install it (`{installation().with_package('botocore[crt]')}`), or log in with `aws sso login`.",
            code=ErrorCode.INSTALLATION_INCOMPLETE,
        )
    if isinstance(error, kinds.InvalidProxiesConfigError):
        return Problem(
            f"The proxy's settings cannot be read: {_message(error)}",
            "Correct HTTPS_PROXY.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if isinstance(error, _CONFIGURATION):
        return Problem(
            f"The AWS configuration cannot be read: {_message(error)}",
            "Correct it in ~/.aws/config.",
            code=ErrorCode.CONFIGURATION_INVALID,
        )
    if isinstance(error, (kinds.ParamValidationError, kinds.InvalidDNSNameError)):
        return Problem(
            f"AWS would not take this: {_message(error)}",
            "Is the name as it was typed right?",
            code=ErrorCode.AWS_REFUSED,
        )
    return None


def _network(error: BaseException, what: str) -> Problem | None:
    if isinstance(error, kinds.SSLError):
        return Problem(
            f"The secure connection to {_host(error)} was refused while {what}: its certificate is not trusted here.",
            "Where an institution inspects traffic, set AWS_CA_BUNDLE to its certificate.",
            code=ErrorCode.AWS_UNREACHABLE,
        )
    if isinstance(error, kinds.ProxyConnectionError):
        return Problem(
            f"The proxy cannot be reached while {what}.", "Is HTTPS_PROXY right?", code=ErrorCode.AWS_UNREACHABLE
        )
    if isinstance(error, (kinds.EndpointConnectionError, kinds.ConnectTimeoutError)):
        url = error.kwargs.get("endpoint_url", "AWS")
        if _host(error) in _LOCAL_HOSTS:
            return local_platform_ended()
        # A region that does not exist has no endpoint.
        return Problem(
            f"{url} cannot be reached.",
            "Is the network up, and the region in this address right?",
            code=ErrorCode.AWS_UNREACHABLE,
        )
    if isinstance(error, _DAMAGED):
        return Problem(f"The answer did not arrive whole while {what}.", _REPEAT, code=ErrorCode.AWS_UNREACHABLE)
    if isinstance(error, _BROKEN):
        if _host(error) in _LOCAL_HOSTS:
            return _local_failure(error, what)
        is_timeout = isinstance(error, kinds.ReadTimeoutError)
        event = "AWS did not answer in time" if is_timeout else "The connection to AWS broke"
        return Problem(f"{event} while {what}.", _REPEAT, code=ErrorCode.AWS_UNREACHABLE)
    return None


def _local_failure(error: BaseException, what: str) -> Problem:
    if isinstance(error, kinds.ReadTimeoutError):
        return Problem(
            f"The local platform did not answer in time while {what}.",
            f"{_REPEAT} If it is busy or stopped, `opsctl doctor` says so.",
            code=ErrorCode.PLATFORM_NOT_RUNNING,
        )
    return Problem(
        f"The connection to the local platform broke while {what}.",
        f"{_REPEAT} If it has ended, `opsctl up --local` brings it back, with its data.",
        code=ErrorCode.PLATFORM_NOT_RUNNING,
    )


def _other(error: BaseException, what: str) -> Problem:
    return Problem(
        f"AWS could not be asked while {what}: {_message(error)}",
        "`opsctl doctor` looks for what is wrong.",
        code=ErrorCode.AWS_UNREACHABLE,
    )


def _host(error: BaseException) -> str:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    return urlsplit(url).hostname or "AWS"


def _message(error: BaseException) -> str:
    """An error's own message as the end of a sentence, on one line."""
    return " ".join(str(error).split()).rstrip(".") + "."
