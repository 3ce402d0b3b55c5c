"""Prints what an image holds, one JSON object in each line: its system, its Python, and its packages.

`opsctl image sbom` gives this file to the image's own Python, `opsctl image build` to the base's. It is not part of
the image. With the argument `brief` it prints the system and the Python only.
"""

from __future__ import annotations

import json
import os
import sys

#: No file is read beyond this, and no more packages of a kind are printed: nobody knows what an image holds.
_LARGEST_BYTES = 32 * 1024 * 1024
_MOST = 20000
_LONGEST = 200
_RUNNER = "/opt/opsctl/lib"
#: Where m2g's Dockerfile puts what it downloads without a package. FSL comes from a package there, but need not.
_COPIED = {
    "FSL": os.environ.get("FSLDIR", "/usr/share/fsl/5.0"),
    "AFNI": "/opt/afni",
    "neuroparc": "/m2g_atlases",
    "Convert3D": "/opt/c3d",
    "ICA-AROMA": "/opt/ICA-AROMA",
    "OASIS templates of ANTs": "/ants_template",
    "templates of C-PAC": "/cpac_templates",
}


def main():
    """Print everything, or with `brief` the beginning."""
    _print(system=_system())
    _print(python=sys.version.split()[0])
    if sys.argv[1:] == ["brief"]:
        return
    packages = list(_packages())[:_MOST]
    for package in packages:
        _print(package=package)
    for module in sorted(set(_modules()))[:_MOST]:
        _print(module=module)
    for name, folder in sorted(_COPIED.items()):
        is_packaged = name == "FSL" and any(package[0].startswith("fsl-") for package in packages)
        if os.path.isdir(folder) and not is_packaged:
            _print(copied=[name, folder])


def _system():
    """`ID`, `VERSION_ID` and `PRETTY_NAME` of os-release."""
    fields = {}
    for line in _read("/etc/os-release").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields[name] = value.strip("\"'")[:_LONGEST]
    return [fields.get(name, "") for name in ("ID", "VERSION_ID", "PRETTY_NAME")]


def _packages():
    """Name, version, architecture and source of each installed package of dpkg."""
    for paragraph in _read("/var/lib/dpkg/status").split("\n\n"):
        fields = _fields(paragraph)
        # "install ok installed": a package that was removed and left its settings has another last word.
        if fields.get("status", "").endswith(" installed") and fields.get("package") and fields.get("version"):
            yield [fields["package"], fields["version"], fields.get("architecture", ""), fields.get("source", "")]


def _modules():
    """Name, version, licence and folder of each Python package that m2g or the runner can import."""
    for folder in [*sys.path, _RUNNER]:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".dist-info"):
                path = os.path.join(path, "METADATA")
            elif name.endswith(".egg-info") and os.path.isdir(path):
                path = os.path.join(path, "PKG-INFO")
            elif not name.endswith(".egg-info"):
                continue
            # The description follows the first empty line.
            fields = _fields(_read(path).partition("\n\n")[0])
            if fields.get("name") and fields.get("version"):
                licence = fields.get("license-expression") or fields.get("license", "")
                yield fields["name"], fields["version"], licence if licence != "UNKNOWN" else "", folder


def _fields(paragraph):
    """The fields of a paragraph as Debian and Python's metadata have them; of several lines the first."""
    fields = {}
    for line in paragraph.splitlines():
        name, colon, value = line.partition(":")
        if colon and name and not name[0].isspace():
            fields.setdefault(name.lower(), value.strip()[:_LONGEST])
    return fields


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST_BYTES)
    except OSError:
        return ""


def _print(**entry):
    print(json.dumps(entry), flush=True)


if __name__ == "__main__":
    main()
