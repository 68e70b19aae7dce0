"""Renew the official schema of compose files that the harness keeps.

Run `python -m tools.compose_schema FILE`, where FILE is `schema/compose-spec.json` of a checkout of the
repository compose-spec/compose-go on GitHub. Then run the tests: one of them names every key of the schema
that `harness/plan/compose/keys.py` does not know yet.
"""

import json
import sys
from pathlib import Path

from harness.plan.compose.schema_check import SCHEMA_FILE


def renew_schema(source: Path) -> None:
    """Replace the schema by that of a file; raise ValueError if it is not the schema of compose files."""
    text = source.read_text(encoding="utf-8")
    schema = json.loads(text)
    if "services" not in schema.get("properties", {}):
        raise ValueError(f"{source} is not the schema of compose files")
    SCHEMA_FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.compose_schema path/to/compose-spec.json")
    renew_schema(Path(sys.argv[1]))
