"""Put into words what a variant sets."""

import shlex
from collections.abc import Iterator, Sequence

from harness.model import Difference, Variant
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


def describe_changed_variants(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield for each variant that sets something else in the second campaign what it sets in each.

    Of several sizes with other values the first one is told.
    """
    told = set[str | None]()
    for each in differences:
        if not each.base or not each.head or each.limits.variant in told:
            continue
        before, after = (results[0].cell.variant or Variant() for results in (each.base, each.head))
        if before != after:
            told.add(each.limits.variant)
            size = text.format_size(each.limits.drop_variant())
            values = f"at {size} {describe_variant(after)}, before {describe_variant(before)}"
            yield f"what the variant {text.clean_text(each.limits.variant or '')} sets ({values})"
