"""Check compose files against the official schema of the compose specification.

`schema/compose-spec.json` is that of https://github.com/compose-spec/compose-go, under the Apache License
2.0 beside it. `python -m tools.compose_schema FILE` renews it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.plan.schema.quoting import quote
from harness.plan.yaml.document import shorten_path
from harness.plan.yaml.problems import suggest_nearest

SCHEMA_FILE = Path(__file__).parent / "schema" / "compose-spec.json"


def check_schema(values: Any, file: Path, *, is_whole: bool) -> None:
    """Check the content of a compose file; `is_whole`: it is all of it, so that no key may be missing.

    Raises:
        ValueError: the first thing that is wrong, with its place.
    """
    from jsonschema.exceptions import best_match  # slow to import, and few campaigns read a compose file

    if is_whole and not values.get("services"):
        raise ValueError(f"{shorten_path(file)} has no services")
    error = best_match(_build_validator(is_whole).iter_errors(values))
    if error is None:
        return
    place = ".".join(str(key) for key in error.absolute_path if not isinstance(key, int))
    raise ValueError(f"{shorten_path(file)}: {place + ': ' if place else ''}{_describe(error)}")


def _describe(error: Any) -> str:
    """Say what is wrong; for unknown keys, which are the nearest known ones."""
    if error.validator != "additionalProperties" or not isinstance(error.instance, dict):
        return str(error.message)[:200]
    known = error.schema.get("properties", {})
    unknown = next((key for key in error.instance if key not in known and not key.startswith("x-")), "")
    if not error.absolute_path and "services" not in error.instance:
        return f"has no services, but {quote(unknown)}; write its services below the key services"
    return f"unknown key {quote(unknown)}{suggest_nearest(unknown, known)}"


@cache
def _build_validator(is_whole: bool) -> Any:
    from jsonschema.validators import validator_for

    schema = read_schema()
    if not is_whole:
        schema = _drop_required(schema)
    return validator_for(schema)(schema)


@cache
def read_schema() -> Any:
    """Return the official schema of compose files."""
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def _drop_required(schema: Any) -> Any:
    """Return a schema without its lists of required keys: an overriding file may leave them out."""
    if isinstance(schema, dict):
        return {
            key: _drop_required(value)
            for key, value in schema.items()
            if key != "required" or not isinstance(value, list)
        }
    return [_drop_required(each) for each in schema] if isinstance(schema, list) else schema
