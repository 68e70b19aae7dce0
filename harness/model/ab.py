"""Define the comparison of two versions of a target: what it asks for, its pairs of windows, its answer."""

from dataclasses import dataclass
from enum import StrEnum

from harness.model.decisions import Change
from harness.model.resources import Limits
from harness.model.results import StepResult
from harness.model.verdicts import Rule

_NOISE_RULES = frozenset({Rule.STEAL, Rule.FOREIGN_LOAD, Rule.HOST_FULL})
"""What disturbs a window without making its counters wrong."""


class Side(StrEnum):
    """One of the two versions."""

    BASE = "base"
    HEAD = "head"


class Pace(StrEnum):
    """What tells how fast the host was beside a window, the better one first."""

    LOCUST = "locust"
    """Locust's own CPU time per request."""
    WORK = "work"
    """A fixed piece of work each second."""


class Measure(StrEnum):
    """What is compared of the two versions."""

    CPU = "cpu_per_request"
    P95 = "p95"
    SLOW = "slow"
    ERRORS = "errors"
    RPS = "rps"
    MEMORY = "memory"

    @property
    def is_share(self) -> bool:
        """True if the values are shares of requests, whose difference counts and not their ratio."""
        return self in (Measure.SLOW, Measure.ERRORS)


@dataclass(frozen=True, slots=True)
class AbTest:
    """What a comparison asks for.

    `base` and `head` are the two versions as the user named them. `users` is the number of users of every
    window, `within_s` how long the comparison may take, `least_ratio` the smallest change that it is to find.
    `is_same_image`: both sides run the same image with the same settings.
    """

    base: str
    head: str
    limits: Limits
    users: int
    within_s: float = 600.0
    least_ratio: float = 0.05
    is_same_image: bool = False


@dataclass(frozen=True, slots=True)
class AbWindows:
    """How every window of a comparison is held, as its pilot has chosen.

    A window settles for `settle_s` and lasts `window_s`. `cycle_s` is how long a user of the base takes from
    one request to the next. `cpu_ratio` is the share of its CPU that the base uses; None if it is unknown.
    """

    settle_s: float
    window_s: float
    cycle_s: float
    cpu_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A window of one side: its judged step, or why the target did not come up."""

    step: StepResult | None = None
    failure: str | None = None

    @property
    def is_broken(self) -> bool:
        """True if the target did not come up, died, stalled or failed every request."""
        if self.step is None:
            return self.failure is not None
        return self.step.rule.is_hard_failure or self.step.rule is Rule.DEPENDENCY_DIED

    @property
    def is_comparable(self) -> bool:
        """True if the window has what is compared, and nothing made its counters wrong."""
        step = self.step
        if step is None or self.is_broken or not step.target.cpu_per_request_s:
            return False
        return step.is_undisturbed or self.is_disturbed

    @property
    def is_disturbed(self) -> bool:
        """True if other programs or the hypervisor disturbed the window."""
        return self.step is not None and self.step.rule in _NOISE_RULES


@dataclass(frozen=True, slots=True)
class Pair:
    """A window of each side, one right after the other; `ended_s` counts from the comparison's start.

    `is_final`: the time was over after this pair.
    """

    number: int
    base: Held
    head: Held
    ended_s: float
    is_final: bool = False

    @property
    def is_comparable(self) -> bool:
        """True if the CPU time per request of the two windows can be compared."""
        return self.base.is_comparable and self.head.is_comparable

    @property
    def is_even(self) -> bool:
        """True if other programs disturbed both windows, or none of them."""
        return self.base.is_disturbed == self.head.is_disturbed


@dataclass(frozen=True, slots=True)
class PairChange:
    """How the CPU time per request changes within a pair, as head / base - 1; None if a window lacks it.

    `at_one_pace` leaves out what follows the host's pace, as far as the pairs tell how it does.
    """

    measured: float | None = None
    at_one_pace: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How one measure changes from base to head, with an interval.

    `base` and `head` are averages over the pairs. `change`, `low` and `high` are head / base - 1; of shares
    they are head - base. `low` and `high` are infinite with fewer than two pairs. `confidence` is that of the
    interval.
    """

    measure: Measure
    base: float
    head: float
    change: float
    low: float
    high: float
    confidence: float
    kind: Change


class AbOutcome(StrEnum):
    """What a comparison has found."""

    MORE = "more"
    """The head needs more CPU time for each request."""
    LESS = "less"
    SAME = "same"
    """The change is smaller than the smallest one that counts."""
    UNDECIDED = "undecided"
    BASE_BROKE = "base-broke"
    HEAD_BROKE = "head-broke"
    BOTH_BROKE = "both-broke"


@dataclass(frozen=True, slots=True)
class AbAnswer:
    """The answer of a comparison, as far as it is known.

    `pairs` is the number of pairs that count, `left_out` that of the others, `spent_s` the time that all
    took. `needed_s` is how much longer it would probably take to decide; None if it is decided or unknown.
    `is_over`: no further pair changes it. `broken` is a window of the version that broke, if one did. `pace`
    is what told the host's pace; None if the CPU time is compared as it was measured.
    """

    test: AbTest
    outcome: AbOutcome
    estimates: tuple[Estimate, ...] = ()
    pairs: int = 0
    left_out: int = 0
    spent_s: float = 0.0
    needed_s: float | None = None
    is_over: bool = False
    broken: Held | None = None
    pace: Pace | None = None

    @property
    def cpu(self) -> Estimate | None:
        """The change of the CPU time per request; None before the first look."""
        return next((each for each in self.estimates if each.measure is Measure.CPU), None)

    @property
    def is_worse(self) -> bool:
        """True if the head is surely worse in CPU time, response time or errors, or breaks."""
        judged = (Measure.CPU, Measure.P95, Measure.ERRORS)
        is_more = any(each.kind is Change.MORE for each in self.estimates if each.measure in judged)
        return is_more or self.outcome is AbOutcome.HEAD_BROKE


@dataclass(frozen=True, slots=True)
class AbRecord:
    """A comparison with its answer and its pairs, from which its files are written.

    `changes` has one for each pair. `windows` is None for a comparison of an older harness.
    """

    target: str
    campaign: str
    started_at: str
    answer: AbAnswer
    pairs: tuple[Pair, ...] = ()
    changes: tuple[PairChange, ...] = ()
    windows: AbWindows | None = None
