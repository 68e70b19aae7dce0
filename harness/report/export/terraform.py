"""Write Kubernetes objects as Terraform's language (HCL), with the reasons as comments."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from harness.model.deployment import Deployment
from harness.report.export.kubernetes import build_kubernetes
from harness.report.export.names import to_label
from harness.report.export.tree import Explained, Node, Unknown, split_reason
from harness.report.export.yaml_text import quote_text, write_comment

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_PROVIDER = """terraform {
  required_providers {
    kubernetes = {
      source = "hashicorp/kubernetes"
    }
  }
}
"""


def render_terraform(deployment: Deployment, heading: str) -> str:
    """Return a `kubernetes_manifest` of the provider hashicorp/kubernetes for each Kubernetes object."""
    name = to_label(deployment.service.name).replace("-", "_")
    blocks = [_PROVIDER]
    for each in build_kubernetes(deployment):
        manifest = _add_namespace(cast(Mapping[str, Node], each))
        kind = str(manifest["kind"]).lower()
        entry = _write_entry("manifest", manifest, 2)
        lines = [f'resource "kubernetes_manifest" "{name}_{kind}" {{', *entry, "}"]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(["".join(f"{line}\n" for line in write_comment(heading, 0)), *blocks])


def _add_namespace(manifest: Mapping[str, Node]) -> Mapping[str, Node]:
    """Return an object with a namespace, which `kubectl` would take from its context."""
    metadata = cast(Mapping[str, Node], manifest["metadata"])
    return {**manifest, "metadata": {**metadata, "namespace": Explained("default", "write your own")}}


def _write_entry(key: str, node: Node, indent: int) -> Iterator[str]:
    """Yield the lines of `key = value`; the reason stands above them."""
    start = key if _NAME.fullmatch(key) else quote_template(key)
    if isinstance(node, Unknown):
        yield from write_comment(f"{start} = {node.why}", indent)
        return
    value, why = split_reason(node)
    yield from write_comment(why, indent) if why else ()
    first, *rest = _write_value(value, indent)
    yield f"{' ' * indent}{start} = {first}"
    yield from rest


def _write_value(node: Node, indent: int) -> Iterator[str]:
    """Yield a value's lines; the first of them stands behind what the caller writes."""
    if isinstance(node, Mapping):
        yield "{"
        for key, value in node.items():
            yield from _write_entry(key, value, indent + 2)
        yield f"{' ' * indent}}}"
    elif isinstance(node, Sequence) and not isinstance(node, str):
        yield "["
        for each in node:
            first, *rest = _write_value(split_reason(each)[0], indent + 2)
            *lines, last = f"{' ' * (indent + 2)}{first}", *rest
            yield from (*lines, f"{last},")
        yield f"{' ' * indent}]"
    else:
        yield quote_template(node) if isinstance(node, str) else json.dumps(node)


def quote_template(value: str) -> str:
    """Return a text in quotes, in which Terraform finds nothing to replace."""
    return quote_text(value).replace("${", "$${").replace("%{", "%%{")
