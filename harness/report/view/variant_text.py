"""Put into words what a variant sets."""

import shlex

from harness.model import Variant
from harness.report.view import text


def describe_variant(variant: Variant) -> str:
    """Return what a variant sets at a size: `WORKERS=3, command: serve --threads 2`."""
    commands = (("entrypoint", variant.entrypoint), ("command", variant.command))
    parts = [
        *(f"{key}={value}" for key, value in variant.environment.items()),
        *(f"{key}: {shlex.join(words) or 'none'}" for key, words in commands if words is not None),
        *([f"image: {variant.image}"] if variant.image is not None else []),
    ]
    return text.clean_text(", ".join(parts)) or "the target as it is"
