"""A base image made on the spot: this machine's own Python and shell, and stand-ins for m2g, FSL and AFNI.

Like m2g's own image it is root's, names no user, and sets FSL's variables.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

from m2g_job.base_check import AFNI, FSL, STANDARD_BRAIN

from support.container_m2g import MASKS
from support.repository import ROOT

_TESTS = ROOT / "tests"
_TOOLS = (
    *(
        "sh",
        "env",
        "ln",
        "chmod",
        "mkdir",
        "cat",
        "cp",
        "ls",
        "rm",
        "sleep",
        "id",
        "touch",
        "test",
        "true",
        "uname",
        "which",
    ),
)
_NOT_NEEDED = {
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "pydoc_data", "lib2to3", "ensurepip", "__pycache__"),
    *("site-packages", "dist-packages"),
}
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_PIP = (
    "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\nroot-user-action = ignore\n"
)
FSLDIR = "/usr/share/fsl/5.0"
_FSL_PROGRAMS, _AFNI_PROGRAMS = "/usr/lib/fsl/5.0", "/opt/afni"
#: As m2g's Dockerfile sets them.
VARIABLES = {
    "PATH": f"{_FSL_PROGRAMS}:{_AFNI_PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
    "FSLDIR": FSLDIR,
    "FSLOUTPUTTYPE": "NIFTI_GZ",
    "LD_LIBRARY_PATH": "/usr/lib/fsl/5.0:",
    "M2G_URL": "https://github.com/neurodata/m2g.git",
    "MPLCONFIGDIR": "/tmp/matplotlib",
}
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"


def write_base(archive: Path) -> None:
    """Write a root file system in which the Dockerfile can be built: `podman import` makes an image of it.

    Its Python is called python3.7, as in m2g's image, whatever its version is.
    """
    python = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    files = {f"/usr/bin/{tool}": Path(found) for tool in _TOOLS if (found := shutil.which(tool))}
    files[str(python)] = python
    files |= {str(path): path for path in _modules(library)}
    pip = Path(next(Path(one) for one in sys.path if (Path(one) / "pip" / "__init__.py").is_file())) / "pip"
    files |= {f"{library}/pip/{path.relative_to(pip)}": path for path in _modules(pip)}
    libraries = _libraries([python, *files.values()])
    # Where the loader looks without a cache: beside libc. It itself stands where every program names it.
    trusted = next(path.parent for path in libraries if path.name.startswith("libc.so"))
    files |= {str(path if path.name.startswith("ld-") else trusted / path.name): path.resolve() for path in libraries}
    certificates = next((Path(one) for one in _CERTIFICATES if Path(one).is_file()), None)
    if certificates:
        files["/etc/ssl/certs/ca-certificates.crt"] = certificates
    texts = {
        "/usr/local/bin/m2g": f"#!{python} -B\n{(_TESTS / 'support' / 'container_m2g.py').read_text()}",
        "/usr/local/lib/fake_m2g.py": (_TESTS / "support" / "fake_m2g.py").read_text(),
        f"{FSLDIR}/{STANDARD_BRAIN}": "stand-in",
        **dict.fromkeys(MASKS, "stand-in"),
        "/etc/passwd": _PASSWD,
        "/etc/pip.conf": _PIP,
    }
    programs = [f"{_FSL_PROGRAMS}/{name}" for name in FSL] + [f"{_AFNI_PROGRAMS}/{name}" for name in ("afni", *AFNI)]
    texts |= dict.fromkeys(programs, "#!/bin/sh\nexit 0\n")
    with tarfile.open(archive, "w") as tar:
        for folder in ("tmp", "root", "bin", "input", "output"):
            _add(tar, tarfile.TarInfo(folder), kind=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        for name, source in sorted(files.items()):
            data = source.read_bytes()
            _add(
                tar,
                tarfile.TarInfo(name.lstrip("/")),
                data=data,
                mode=0o755 if source.stat().st_mode & 0o111 else 0o644,
            )
        for name, text in texts.items():
            # m2g's Dockerfile makes the atlases writable for everyone.
            mode = 0o777 if name in MASKS else 0o755 if "/bin/" in name or name in programs else 0o644
            _add(tar, tarfile.TarInfo(name.lstrip("/")), data=text.encode(), mode=mode)
        for name, target in (("bin/sh", "/usr/bin/sh"), ("usr/local/bin/python3.7", str(python))):
            link = tarfile.TarInfo(name)
            link.linkname = target
            _add(tar, link, kind=tarfile.SYMTYPE)


def _add(
    tar: tarfile.TarFile, one: tarfile.TarInfo, *, kind: bytes = tarfile.REGTYPE, data: bytes = b"", mode: int = 0o777
) -> None:
    one.type, one.mode, one.size = kind, mode, len(data)
    tar.addfile(one, io.BytesIO(data))


def _modules(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name in _NOT_NEEDED or path.name.startswith("config-"):
                continue
            yield from _modules(path)
        elif path.is_file():
            yield path


def _libraries(binaries: list[Path]) -> set[Path]:
    """What the loader brings in for these programs and extension modules, where it looks for it."""
    elf = [str(path) for path in binaries if path.suffix != ".py" and path.read_bytes()[:4] == b"\x7fELF"]
    said = subprocess.run(["ldd", *elf], capture_output=True, text=True, check=False).stdout
    return {Path(found) for found in re.findall(r"(?:=> )?(/\S+) \(0x", said)}
