"""How each kind of record of a run is read, and what of it is stored on this machine."""

from __future__ import annotations

from opsctl.commands.runs.decoded_record import Form
from opsctl.core.runs.attempt import Attempt
from opsctl.core.runs.result import Result
from opsctl.core.runs.scan_record import decode_scan_document, short_document
from opsctl.core.runs.submission import Submission

SUBMISSION = Form(decode=Submission.decode, is_small=True)
ATTEMPT = Form(decode=Attempt.decode, is_small=True)
DOCUMENT = Form(decode=decode_scan_document, name="inputs", shorten=short_document, decode_short=decode_scan_document)
RESULT = Form(decode=Result.decode)
RESULT_WITHOUT_FILES = Form(
    decode=Result.decode_without_files,
    name="without outputs",
    shorten=Result.short_body,
    decode_short=Result.decode_short,
)
