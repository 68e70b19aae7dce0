"""The answers of stored campaigns, as their summary.json or ab.json has them."""

from dataclasses import dataclass

from harness.model.resources import Limits

_UNKNOWN = Limits(0.0, 0)


@dataclass(frozen=True, slots=True)
class SizeSummary:
    """The answer for one size, as summary.json has it."""

    limits: Limits
    status: str
    sustained_users: int | None
    broken_users: int | None
    id: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer of a campaign. `damage` says why summary.json can't be read; the rest is then empty.

    `state` is "interrupted" also of a campaign that was killed. `take` is the id of the size to take; None if
    none will do.
    """

    campaign: str
    target: str = ""
    state: str = ""
    users_limit: int = 0
    sizes: tuple[SizeSummary, ...] = ()
    damage: str = ""
    take: str | None = None


@dataclass(frozen=True, slots=True)
class ComparisonSummary:
    """The answer of a comparison of two versions in words. `damage` says why ab.json can't be read.

    `target` is empty in an ab.json of an older harness. `is_over`: no further pair changes the answer.
    """

    campaign: str
    target: str = ""
    base: str = ""
    head: str = ""
    limits: Limits = _UNKNOWN
    users: int = 0
    is_over: bool = False
    sentence: str = ""
    damage: str = ""
