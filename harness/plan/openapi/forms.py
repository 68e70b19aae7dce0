"""Write the fields of forms as an OpenAPI document describes them: plain forms and those of several parts."""

import json
from collections.abc import Mapping
from typing import Any

from harness.plan.openapi.addresses import find_parameter_value
from harness.plan.openapi.nodes import Node
from harness.plan.openapi.schemas import format_scalar, is_scalar

_FIELD_SEPARATORS = {"ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}
"""What stands between the items of a list in one field of a form; else a comma."""


def encode_fields(media: Node, value: Any) -> Any:
    """Return a form's value with the lists that `encoding` writes into one field as texts."""
    if not isinstance(value, dict):
        return value
    texts = {}
    for name, each in media.get("encoding").get_items():
        style = str(each.mapping.get("style", "form"))
        is_one_field = each.mapping.get("explode", style == "form") is False
        if isinstance(value.get(name), list) and is_one_field:
            texts[name] = _join_field(value[name], style)
    return {**value, **texts}


def find_field(parameter: Node) -> Any:
    """Return the value of a form's field of version 2.0, where a list is one text unless it is `multi`."""
    value, style = find_parameter_value(parameter), str(parameter.mapping.get("collectionFormat", "csv"))
    return _join_field(value, style) if isinstance(value, list) and style != "multi" else value


def _join_field(values: list[Any], style: str) -> str:
    """Return a list as the text of one field, by `style` (version 3) or `collectionFormat` (2.0)."""
    return _FIELD_SEPARATORS.get(style, ",").join(_format_field(each) for each in values if each is not None)


def build_form(value: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return the fields of a form; a list repeats its field, and an object is written as JSON."""
    fields: dict[str, str | list[str]] = {}
    for key, each in value.items():
        if isinstance(each, list):
            fields[key] = [_format_field(item) for item in each if item is not None]
        elif each is not None:
            fields[key] = _format_field(each)
    return fields


def _format_field(value: Any) -> str:
    return format_scalar(value) if is_scalar(value) else json.dumps(value, ensure_ascii=False)


def find_files(schema: Node) -> set[str]:
    """Return the properties of a multipart form that hold a file's content."""
    files = set()
    for name, each in schema.get("properties").get_items():
        inner = each.get("items") if each.mapping.get("type") == "array" else each
        if inner.mapping.get("format") in ("binary", "byte") or "contentMediaType" in inner.mapping:
            files.add(name)
    return files


def build_parts(value: Mapping[str, Any], files: set[str]) -> dict[str, tuple[str | None, ...]]:
    """Return the parts of a multipart form, each with its file's name, which is None for a plain field.

    An object has its media type as well.
    """
    fields = build_form(value)
    return {
        key: (
            "file.txt" if key in files else None,
            each if isinstance(each, str) else ",".join(each),
            *(["application/json"] if isinstance(value[key], dict) else []),
        )
        for key, each in fields.items()
    }
