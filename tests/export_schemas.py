"""The official schemas of the systems that sizes are exported to, and what is wrong with a file by them.

`tests/schemas` has the schemas with their licences. `python -m tools.export_schemas` renews them.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

from harness.plan.compose.schema_check import read_schema
from harness.report import System

FOLDER = Path(__file__).parent / "schemas"
_DEFINITIONS = {
    "Deployment": "io.k8s.api.apps.v1.Deployment",
    "HorizontalPodAutoscaler": "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
}
_TOKEN = re.compile(r'\s+|#[^\n]*|("(?:\\.|[^"\\])*"|[A-Za-z_][\w-]*|-?\d+|[{}\[\]=,])')


def find_mistakes(system: System, text: str) -> list[str]:
    """Return what the official schema of a system does not allow in a file; empty for a valid one."""
    match system:
        case System.COMPOSE:
            return _list_errors(read_schema(), yaml.safe_load(text))
        case System.KUBERNETES:
            return [error for each in yaml.safe_load_all(text) for error in _check_kubernetes(each)]
        case System.CLOUD_RUN:
            return _list_errors(_make_strict(_read("knative-service")), yaml.safe_load(text))
        case System.ECS:
            return _check_cloudformation(yaml.safe_load(text))
        case System.TERRAFORM:
            return [error for each in find_manifests(text) for error in _check_kubernetes(each)]


@cache
def _read(name: str) -> Any:
    """Return a schema, with Java's name for printable characters as Python writes it."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text.replace(r"\\p{Print}", "[ -~]"))


def _list_errors(schema: Any, values: Any) -> list[str]:
    errors = Draft7Validator(schema).iter_errors(values)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def _make_strict(schema: Any) -> Any:
    """Return a schema in which objects with known keys have no other keys, as strict clients check it."""
    if isinstance(schema, list):
        return [_make_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _make_strict(value) for key, value in schema.items()}
    is_closed = "properties" in strict and isinstance(strict["properties"], dict)
    if is_closed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict


@cache
def _build_kubernetes_schema(kind: str) -> Any:
    definitions = _make_strict(_read("kubernetes")["$defs"])
    return {"$defs": definitions, "$ref": f"#/$defs/{_DEFINITIONS[kind]}"}


def _check_kubernetes(values: Any) -> list[str]:
    return _list_errors(_build_kubernetes_schema(values["kind"]), values)


def _check_cloudformation(template: Any) -> list[str]:
    """Check each resource by the schema of its type, with placeholders for what an account has."""
    assert set(template) <= {"AWSTemplateFormatVersion", "Parameters", "Resources", "Description"}
    lists = {name for name, each in template["Parameters"].items() if each["Type"].startswith("List<")}
    return [
        error
        for resource in template["Resources"].values()
        for error in _list_errors(
            _read("cloudformation")[resource["Type"]], _fill_references(resource["Properties"], lists)
        )
    ]


def _fill_references(values: Any, lists: set[str]) -> Any:
    if isinstance(values, list):
        return [_fill_references(each, lists) for each in values]
    if not isinstance(values, dict):
        return values
    if set(values) == {"Ref"}:
        return ["placeholder"] if values["Ref"] in lists else "placeholder"
    if set(values) == {"Fn::Sub"}:
        return "service/placeholder/placeholder"
    return {key: _fill_references(value, lists) for key, value in values.items()}


# Terraform's language, as far as exported files use it


def find_manifests(text: str) -> list[Any]:
    """Return the Kubernetes objects of a Terraform file; raise ValueError if it is not in its language."""
    tokens = _split_tokens(text)
    manifests = []
    for kind in tokens:
        if kind not in ("terraform", "resource"):
            raise ValueError(f"{kind} is no block")
        labels = list(iter(lambda: next(tokens), "{"))
        body = _parse_body(tokens)
        if labels[:1] == ['"kubernetes_manifest"']:
            manifests.append(body["manifest"])
    return manifests


def _split_tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"no token: {text[at : at + 40]!r}")
        if match[1]:
            yield match[1]
        at = match.end()


def _parse_body(tokens: Iterator[str]) -> dict[str, Any]:
    """Parse keys with their values up to the closing brace; a block has no `=`."""
    body: dict[str, Any] = {}
    for token in tokens:
        if token == "}":
            return body
        key = _parse_text(token) if token.startswith('"') else token
        following = next(tokens)
        body[key] = _parse_body(tokens) if following == "{" else _parse_value(next(tokens), tokens)
    raise ValueError("a brace is not closed")


def _parse_value(token: str, tokens: Iterator[str]) -> Any:
    if token == "{":
        return _parse_body(tokens)
    if token == "[":
        items: list[Any] = []
        for each in tokens:
            if each == "]":
                return items
            items.append(_parse_value(each, tokens))
            if next(tokens) != ",":
                raise ValueError("a comma is missing")
    if token.startswith('"'):
        return _parse_text(token)
    return {"true": True, "false": False}[token] if token in ("true", "false") else int(token)


def _parse_text(token: str) -> str:
    if re.search(r"(?<![$])\$\{|(?<!%)%\{", token):
        raise ValueError(f"{token} refers to something")
    wide = re.sub(r"\\U([0-9a-f]{8})", lambda match: json.dumps(chr(int(match[1], 16)))[1:-1], token)
    text: str = json.loads(wide)
    return text.replace("$${", "${").replace("%%{", "%{")
