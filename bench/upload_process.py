"""One command of opsctl on S3 in a process of its own, as a tool beside it has its own.

    python -m bench.upload_process URL FOLDER BUCKET

prints how many files were sent.
"""

from __future__ import annotations

import sys
from pathlib import Path

from opsctl.aws.clients import Clients
from opsctl.aws.s3.storage import Storage
from opsctl.commands.dataset.upload import compare, send
from opsctl.core.location import Location

_url, _folder, _bucket = sys.argv[1:]
_clients = Clients(endpoint_url=_url)
_storage = Storage(_clients.s3, _clients.s3_direct)
_upload = compare(Path(_folder), Location(_bucket, "DS"), _storage)
send(_upload, _storage, on_file=lambda _key, _size: None)
print(len(_upload.files))
