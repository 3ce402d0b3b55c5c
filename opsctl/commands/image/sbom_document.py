"""An image's packages as a CycloneDX document. The library is an extra and is imported only when one is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from opsctl.commands.image.sbom import COPIED_PROPERTY
from opsctl.commands.platform.image import BuiltImage
from opsctl.core.image.contents import Copied, ImageContents, Package

#: PyPI's rule for names (PEP 503).
_SEPARATORS = re.compile(r"[-_.]+")


def document_of(built: BuiltImage, contents: ImageContents, *, version: str) -> str:
    """The document, as CycloneDX 1.6 in JSON.

    Parameters
    ----------
    version
        opsctl's version.
    """
    components: dict[str, Component] = {}
    for component in _components(contents):
        # m2g's Python and the runner's may have the same package.
        components.setdefault(str(component.bom_ref.value), component)
    image = Component(
        name=built.image,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        version=f"sha256:{built.image_id}",
        properties=_image_properties(built, contents),
    )
    bom = Bom(metadata=BomMetaData(tools=_tool(version), component=image), components=components.values())
    # Which package needs which is not known: the image needs them all.
    bom.register_dependency(image, components.values())
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _tool(version: str) -> ToolRepository:
    return ToolRepository(components=[Component(name="opsctl", version=version, type=ComponentType.APPLICATION)])


def _image_properties(built: BuiltImage, contents: ImageContents) -> list[Property]:
    facts = {
        "opsctl:base": built.base,
        "opsctl:base-digest": built.base_digest,
        "opsctl:python": contents.python,
        "opsctl:read": "The packages of dpkg and pip. What was copied or compiled without a package is not in it, "
        "but for the components with the property opsctl:copied.",
    }
    return [Property(name=name, value=value) for name, value in facts.items() if value]


def _components(contents: ImageContents) -> Iterator[Component]:
    family, _, release = contents.system.partition(" ")
    if family:
        yield Component(
            name=family,
            version=release or None,
            type=ComponentType.OPERATING_SYSTEM,
            bom_ref="system",
            description=contents.system_name or None,
        )
    for package in contents.packages:
        yield _system_package(package, family=family or "debian", release=release)
    for module in contents.modules:
        yield _module(module)
    for copied in contents.copied:
        yield _copied(copied)


def _system_package(package: Package, *, family: str, release: str) -> Component:
    qualifiers = {"arch": package.architecture, "distro": f"{family}-{release}" if release else ""}
    url = PackageURL(
        "deb", family, package.name, package.version, {key: value for key, value in qualifiers.items() if value}
    )
    properties = [Property(name="opsctl:source", value=package.source)] if package.source else []
    return Component(
        name=package.name, version=package.version, purl=url, bom_ref=url.to_string(), properties=properties
    )


def _module(module: Package) -> Component:
    url = PackageURL("pypi", None, _SEPARATORS.sub("-", module.name).lower(), module.version)
    licences = [LicenseFactory().make_from_string(module.licence)] if module.licence else []
    return Component(
        name=module.name,
        version=module.version,
        purl=url,
        bom_ref=url.to_string(),
        licenses=licences,
        properties=[Property(name="opsctl:folder", value=module.place)],
    )


def _copied(copied: Copied) -> Component:
    return Component(
        name=copied.name,
        type=ComponentType.APPLICATION,
        bom_ref=f"opsctl-copied-{copied.name}",
        properties=[Property(name=COPIED_PROPERTY, value=copied.sentence)],
    )
