"""Define a variant of a target, and what the choice among variants is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Variant:
    """What a variant sets of the target at one size; without any value it is the target as it is.

    `environment` is added to the target's own, and replaces variables of the same name. `command`,
    `entrypoint` and `image` replace the target's; None leaves them.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    image: str | None = None
