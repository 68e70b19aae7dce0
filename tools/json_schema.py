"""Write the JSON Schemas of matrix.yaml and target.yaml into docs/schema, for editors.

Run it with `python -m tools.json_schema`. The schemas are made from the models that read the two files, and
describe their shape. Only `harness plan` checks whether a locustfile exists or a variable is set.
"""

import json
from pathlib import Path
from typing import Any

from harness.model import RATIO_INDICATORS, WHOLE_SCENARIO_INDICATORS
from harness.plan.schema.matrix import MatrixFile
from harness.plan.schema.presets import PresetSection
from harness.plan.schema.target import TargetFile
from harness.plan.schema.types import Section
from harness.plan.schema.variants import UNCHANGED

FOLDER = Path(__file__).parents[1] / "docs" / "schema"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": ["string", "number"], "examples": ["800ms", "1s"]}
_RATIO = {"type": ["string", "number"], "examples": ["1%", 0.01]}
_OFF = {"const": "off"}


def build_schemas() -> dict[str, str]:
    """Return the contents of the schema files by file name."""
    schemas = {"target.schema.json": _build_target_schema(), "matrix.schema.json": _build_matrix_schema()}
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in schemas.items()}


def _build_target_schema() -> dict[str, Any]:
    schema = _describe(TargetFile, "target.yaml: the service that is measured, and its companions")
    return schema | {"anyOf": [{"required": [key]} for key in ("image", "build", "compose")]}


def _build_matrix_schema() -> dict[str, Any]:
    schema = _describe(MatrixFile, "matrix.yaml: what is measured")
    target = _build_target_schema()
    definitions = {**schema["$defs"], **target.pop("$defs"), **_build_preset_definitions(), "Target": target}
    del target["$schema"]
    schema["properties"] |= {
        "target": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Target"}]},
        "slos": _build_slos_schema(has_by_name=True),
        "engine": {"anyOf": [{"type": "string"}, schema["properties"]["engine"]]},
        "sizes": {"anyOf": [{"$ref": "#/$defs/PresetSection"}, schema["properties"]["sizes"]]},
    }
    variants = schema["properties"]["variants"]
    variants["additionalProperties"] = {"anyOf": [{"const": UNCHANGED}, variants["additionalProperties"]]}
    sizes = [{"required": [key]} for key in ("limits", "sizes", "include")]
    return schema | {"$defs": definitions, "required": ["target"], "anyOf": sizes}


def _build_preset_definitions() -> dict[str, Any]:
    """Return the schema of `sizes` with a preset, and those that it refers to, by name."""
    schema = PresetSection.model_json_schema()
    return {**schema.pop("$defs"), "PresetSection": {**schema, "required": ["preset"]}}


def _describe(model: type[Section], title: str) -> dict[str, Any]:
    """Return the schema that pydantic makes of a model, with a title."""
    return {"$schema": _DIALECT, **model.model_json_schema(), "title": title, "description": title}


def _build_slos_schema(*, has_by_name: bool) -> dict[str, Any]:
    """Return the schema of `slos`, or without `has_by_name` that of one request name in `by_name`."""
    ratios = [name for name in RATIO_INDICATORS if has_by_name or name not in WHOLE_SCENARIO_INDICATORS]
    keys: dict[str, Any] = {"mean": {"anyOf": [_OFF, _DURATION]}}
    keys |= {name: {"anyOf": [_OFF, _RATIO]} for name in ratios}
    if has_by_name:
        keys["by_name"] = {"type": "object", "additionalProperties": _build_slos_schema(has_by_name=False)}
    return {
        "type": "object",
        "properties": keys,
        "patternProperties": {"^p[0-9]{1,3}([.][0-9]+)?$": {"anyOf": [_OFF, _DURATION]}},
        "additionalProperties": False,
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in build_schemas().items():
        (FOLDER / name).write_text(text)
