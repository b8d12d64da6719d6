#!/usr/bin/env python3
"""Writes a CycloneDX SBOM of hubd and hubctl. Reads `cargo metadata` on standard input; argument: Cargo.lock."""
import json
import os
import sys
import time
import tomllib
import uuid

metadata = json.load(sys.stdin)
with open(sys.argv[1], "rb") as lock:
    locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(lock)["package"]}
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
roots = [p["id"] for p in metadata["packages"] if p["name"] in ("hubd", "hubctl") and p["source"] is None]

# What is linked or runs at build time; not what only tests need.
reached, left = {}, list(roots)
while left:
    here = left.pop()
    if here in reached:
        continue
    reached[here] = sorted(
        dep["pkg"] for dep in nodes[here]["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
    )
    left.extend(reached[here])


def reference(package_id):
    package = packages[package_id]
    return f"pkg:cargo/{package['name']}@{package['version']}"


components = []
for package_id in sorted(reached, key=reference):
    package = packages[package_id]
    component = {
        "type": "application" if package_id in roots else "library",
        "bom-ref": reference(package_id),
        "name": package["name"],
        "version": package["version"],
        "purl": reference(package_id),
    }
    if package["license"]:
        component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = locked.get((package["name"], package["version"]))
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    components.append(component)

epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
version = packages[roots[0]]["version"]
print(json.dumps({
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'letsbe-hub/{version}/{epoch}')}",
    "version": 1,
    "metadata": {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
        "component": {"type": "application", "name": "letsbe-hub", "version": version, "bom-ref": "letsbe-hub"},
    },
    "components": components,
    "dependencies": [
        {"ref": reference(package_id), "dependsOn": [reference(dep) for dep in deps]}
        for package_id, deps in sorted(reached.items(), key=lambda item: reference(item[0]))
    ],
}, indent=1))
