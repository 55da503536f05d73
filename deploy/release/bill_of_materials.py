"""Reads `cargo metadata` and prints a CycloneDX document of what the program `gatehouse` is linked from."""

import json
import os
import sys
import tomllib
import uuid
from datetime import datetime, timezone

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

PROGRAM = "gatehouse"
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def linked(metadata):
    """The packages that the program is linked from, by id, with the ids each needs itself. What only builds or tests it
    is not among them."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    first = next(package["id"] for package in metadata["packages"] if package["name"] == PROGRAM)
    needs, left = {}, [first]
    while left:
        package = left.pop()
        if package not in needs:
            needs[package] = [
                dependency["pkg"]
                for dependency in nodes[package]["deps"]
                if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            ]
            left.extend(needs[package])
    return first, needs


def component(package, checksums, licences):
    name, version = package["name"], package["version"]
    is_ours = package["source"] is None
    # An old way to write "either".
    licence = (package["license"] or "").replace("/", " OR ")
    checksum = checksums.get((name, version))
    repository = package["repository"]
    return Component(
        bom_ref=f"{name}@{version}",
        type=ComponentType.APPLICATION if name == PROGRAM else ComponentType.LIBRARY,
        name=name,
        version=version,
        description=package["description"],
        licenses=[licences.make_from_string(licence)] if licence else [],
        purl=None if is_ours else PackageURL("cargo", name=name, version=version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
        external_references=[ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(repository))]
        if repository
        else [],
    )


def main():
    metadata = json.load(sys.stdin)
    with open("Cargo.lock", "rb") as file:
        lock = tomllib.load(file)["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    first, needs = linked(metadata)
    packages = {package["id"]: package for package in metadata["packages"]}
    foreign = {packages[package]["source"] for package in needs} - {None, REGISTRY}
    if foreign:
        sys.exit(f"bill-of-materials: these sources are not crates.io: {', '.join(sorted(foreign))}")
    licences = LicenseFactory()
    components = {package: component(packages[package], checksums, licences) for package in needs}
    # The same packages make the same document: it is named after them.
    names = sorted(str(component.bom_ref) for component in components.values())
    time = int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(timezone.utc).timestamp())
    bom = Bom(
        components=[component for package, component in components.items() if package != first],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, " ".join(names)),
    )
    bom.metadata.timestamp = datetime.fromtimestamp(time, timezone.utc)
    bom.metadata.component = components[first]
    for package, needed in needs.items():
        bom.register_dependency(components[package], [components[other] for other in needed])
    print(JsonV1Dot6(bom).output_as_string(indent=2))


main()
