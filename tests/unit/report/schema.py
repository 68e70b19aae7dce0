"""The published JSON Schema of summary.json, ready to validate with."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

import harness.report

SCHEMA = json.loads((Path(harness.report.__file__).parent / "summary.schema.json").read_text())
Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = Draft202012Validator(SCHEMA)
