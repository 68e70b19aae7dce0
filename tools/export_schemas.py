"""Renew the official schemas by which the tests check exported files.

Run `python -m tools.export_schemas DEFINITIONS KNATIVE FOLDER` with
- DEFINITIONS: the JSON Schemas of Kubernetes, as one file with `$defs` (`_definitions.json` of a folder
  `v1.…-local` in the repository yannh/kubernetes-json-schema, or in the Python package kubernetes-validate),
- KNATIVE: `config/core/300-resources/service.yaml` of the repository knative/serving,
- FOLDER: the schemas of CloudFormation's resource types, one `aws-….json` for each, as cfn-lint has them.

Descriptions are left out, and so are definitions that no exported file uses.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "tests" / "schemas"
KINDS = (
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
)
RESOURCE_TYPES = (
    "AWS::ECS::TaskDefinition",
    "AWS::ECS::Service",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
)


def extract_kubernetes(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of the exported kinds, and those that they refer to."""
    found: dict[str, Any] = {}
    pending = list(KINDS)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = drop_descriptions(definitions[name])
            pending += [reference.rpartition("/")[2] for reference in find_references(found[name])]
    return {"$defs": dict(sorted(found.items()))}


def find_references(schema: Any) -> Iterator[str]:
    """Yield every `$ref` of a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for each in schema.values():
            yield from find_references(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from find_references(each)


def drop_descriptions(schema: Any) -> Any:
    """Return a schema without the texts that describe it; properties of that name stay."""
    if isinstance(schema, dict):
        return {
            key: drop_descriptions(value)
            for key, value in schema.items()
            if key != "description" or not isinstance(value, str)
        }
    return [drop_descriptions(each) for each in schema] if isinstance(schema, list) else schema


def extract_knative(definition: Any) -> Any:
    """Return the schema of a Knative Service, version v1, from its CustomResourceDefinition."""
    (version,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    return drop_descriptions(version["schema"]["openAPIV3Schema"])


def read_cloudformation(folder: Path) -> dict[str, Any]:
    """Return the schema of each exported resource type, by its name."""
    return {
        name: drop_descriptions(json.loads((folder / f"{name.lower().replace('::', '-')}.json").read_text()))
        for name in RESOURCE_TYPES
    }


def write_schema(name: str, schema: Any) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python -m tools.export_schemas DEFINITIONS KNATIVE FOLDER")
    kubernetes, knative, cloudformation = map(Path, sys.argv[1:])
    write_schema("kubernetes", extract_kubernetes(json.loads(kubernetes.read_text())["$defs"]))
    write_schema("knative-service", extract_knative(yaml.safe_load(knative.read_text())))
    write_schema("cloudformation", read_cloudformation(cloudformation))
