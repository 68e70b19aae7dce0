"""Verdicts on steps, the rules that give them, the factors that limit a cell, and how far its answer is."""

from enum import StrEnum


class Verdict(StrEnum):
    """The verdict on one step, which is about its number of users."""

    PASS = "PASS"
    """Every SLO holds."""
    FAIL = "FAIL"
    """An SLO is broken, or the target failed."""
    INVALID = "INVALID"
    """The step says nothing about the target."""


class Factor(StrEnum):
    """What stops a cell from sustaining more users."""

    CPU = "cpu"
    MEMORY = "memory"
    TARGET = "target"
    ERRORS = "errors"
    DEPENDENCY = "dependency"
    DISK = "disk"
    GENERATOR = "generator"
    HOST = "host"


class Status(StrEnum):
    """What is known of a cell's capacity; the values are those of summary.json."""

    BRACKETED = "bracketed"
    """The capacity lies between two measured numbers of users."""
    CENSORED = "censored"
    """The cell sustained all users of the campaign."""
    NONE = "none"
    """Not even the lowest number of users passed."""
    FAILED = "failed"
    """The target never came up, or failed every request of the cell's first step."""
    INVALID = "invalid"
    """The steps give no capacity: some were invalid, or the target did not come up again."""
    SKIPPED = "skipped"
    """The plan leaves the cell out."""
    INFERRED = "inferred"
    """The answer follows from a smaller or a larger size."""
    RUNNING = "running"
    """The cell's search is not done: the campaign runs, or it was interrupted."""


class CampaignState(StrEnum):
    """Whether a campaign is over; the values are those of summary.json and events.jsonl."""

    COMPLETE = "complete"
    RUNNING = "running"
    INTERRUPTED = "interrupted"


class Rule(StrEnum):
    """A rule that gives a step its verdict."""

    SLOS_HOLD = "slos"
    SLO_BROKEN = "slo-broken"
    DIED = "died"
    DEPENDENCY_DIED = "dependency-died"
    STALLED = "stalled"
    OOM_KILL = "oom-kill"
    """The kernel killed a process of the target for lack of memory, and the container went on without it."""
    MEMORY_GROWS = "memory-grows"
    """The memory still grew when the window ended, and would be full within the horizon."""
    ALL_FAILED = "all-failed"
    """Every request failed, or every one of the name that an SLO is about."""
    TOO_FEW_REQUESTS = "too-few-requests"
    NO_DATA = "no-data"
    GENERATOR = "generator"
    REMOVED = "removed"
    USERS = "users"
    SUSPENDED = "suspended"
    GENERATOR_CPU = "generator-cpu"
    LOOP_LAG = "loop-lag"
    CLOCKS = "clocks"
    STEAL = "steal"
    FOREIGN_LOAD = "foreign-load"
    PROXY = "proxy"
    HOST_FULL = "host-full"
    HOST_MEMORY = "host-memory"
    LITTLES_LAW = "littles-law"
    UNREPORTED = "unreported"
    """Users spent time neither in reported requests nor in pauses, which may hide slow or failed requests."""
    SCENARIO_ERRORS = "scenario-errors"
    """So many tasks ended in exceptions that the users did not do what the scenario says."""
    NOT_ASKED = "not-asked"
    """Requests ended that the target never saw: the scenario asks another address."""

    @property
    def verdict(self) -> Verdict:
        """The verdict that the rule gives."""
        if self is Rule.SLOS_HOLD:
            return Verdict.PASS
        return Verdict.FAIL if self in _FAILURES else Verdict.INVALID

    @property
    def is_hard_failure(self) -> bool:
        """True if the target died, lost a process, stalled or failed every request, which is never chance.

        A broken SLO may be chance: at the highest number of users that passed, some windows fail although
        nothing has changed.
        """
        return self in _HARD_FAILURES

    @property
    def lacks_requests(self) -> bool:
        """True if the window held too few requests for a verdict, and the step was otherwise valid."""
        return self in _INCONCLUSIVE

    @property
    def at_fault(self) -> Factor | None:
        """The factor that made the step invalid, host or generator; None for a valid step.

        It is also None if the step lacks requests, or if the scenario raises exceptions or asks something
        else, because neither host nor generator causes this.
        """
        is_neither = self.lacks_requests or self in (Rule.SCENARIO_ERRORS, Rule.NOT_ASKED)
        if self.verdict is not Verdict.INVALID or is_neither:
            return None
        return Factor.HOST if self in _HOST_RULES else Factor.GENERATOR


_HARD_FAILURES = frozenset({Rule.DIED, Rule.STALLED, Rule.ALL_FAILED, Rule.OOM_KILL})
_FAILURES = _HARD_FAILURES | {Rule.DEPENDENCY_DIED, Rule.SLO_BROKEN, Rule.MEMORY_GROWS}
_INCONCLUSIVE = frozenset({Rule.TOO_FEW_REQUESTS, Rule.NO_DATA})
_HOST_RULES = frozenset(
    {
        Rule.STEAL,
        Rule.FOREIGN_LOAD,
        Rule.REMOVED,
        Rule.SUSPENDED,
        Rule.HOST_FULL,
        Rule.HOST_MEMORY,
    }
)
