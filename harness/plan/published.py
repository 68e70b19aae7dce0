"""The JSON Schemas of matrix.yaml and target.yaml, for editors, made from the models that read them.

`python -m harness.plan.published` writes them into docs/schema. They know the shape; what only a reader of
the whole can know (does the file exist, is the variable set) they leave to `harness plan`.
"""

import json
from pathlib import Path
from typing import Any

from harness.plan.schema.matrix import MatrixFile
from harness.plan.schema.target import TargetFile
from harness.plan.schema.types import Section
from harness.plan.slos import RATIOS

FOLDER = Path(__file__).parents[2] / "docs" / "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

DURATION = {"type": ["string", "number"], "examples": ["800ms", "1s"]}
RATIO = {"type": ["string", "number"], "examples": ["1%", 0.01]}
OFF = {"const": "off"}


def texts() -> dict[str, str]:
    """File name to content."""
    found = {"target.schema.json": target_schema(), "matrix.schema.json": matrix_schema()}
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in found.items()}


def target_schema() -> dict[str, Any]:
    schema = described(TargetFile, "target.yaml: the service that is measured, and what it needs beside it")
    return schema | {"anyOf": [{"required": [key]} for key in ("image", "build", "compose")]}


def matrix_schema() -> dict[str, Any]:
    schema = described(MatrixFile, "matrix.yaml: what is measured")
    target = target_schema()
    parts = {**schema["$defs"], **target.pop("$defs"), "Target": target}
    del target["$schema"]
    schema["properties"] |= {
        "target": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Target"}]},
        "slos": slos(by_name=True),
        "engine": {"anyOf": [{"type": "string"}, schema["properties"]["engine"]]},
    }
    sized = [{"required": [key]} for key in ("limits", "sizes", "include")]
    return schema | {"$defs": parts, "required": ["target"], "anyOf": sized}


def described(model: type[Section], what: str) -> dict[str, Any]:
    """A model's own schema; a key without a value counts as absent, so null is allowed for each."""
    schema = model.model_json_schema()
    return {"$schema": DIALECT, **schema, "title": what, "description": what}


def slos(*, by_name: bool) -> dict[str, Any]:
    keys: dict[str, Any] = {"mean": {"anyOf": [OFF, DURATION]}}
    keys |= {name: {"anyOf": [OFF, RATIO]} for name in RATIOS if by_name or name == "errors"}
    if by_name:
        keys["by_name"] = {"type": "object", "additionalProperties": slos(by_name=False)}
    return {
        "type": "object",
        "properties": keys,
        "patternProperties": {"^p[0-9]{1,3}([.][0-9]+)?$": {"anyOf": [OFF, DURATION]}},
        "additionalProperties": False,
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text)
