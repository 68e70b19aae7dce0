"""Tell which images a plan's variants run, beside the target's own."""

import hashlib
from collections.abc import Mapping, Sequence

from harness.measure.protocols import Image
from harness.model import Cell, Plan, Target


def get_image_name(cell: Cell) -> str | None:
    """Return the image that the cell's variant names; None if it runs the target's own."""
    return cell.variant.image if cell.variant is not None else None


def list_image_targets(plan: Plan) -> Mapping[str | None, Target]:
    """Return a target for each image that some cell runs, by the name of `get_image_name`."""
    targets: dict[str | None, Target] = {}
    for cell in plan.cells:
        targets.setdefault(get_image_name(cell), cell.adapt_target(plan.target))
    return targets


def sum_up_images(images: Sequence[Image]) -> Image:
    """Return one image whose reference and digest stand for all of them; a single one as it is."""
    if len(images) == 1:
        return images[0]
    digest = hashlib.sha256("\n".join(image.digest for image in images).encode()).hexdigest()
    return Image(", ".join(image.reference for image in images), f"sha256:{digest}")
