"""The words of a judgement: verdicts, the rules that give them, and the factors that limit a cell."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a step says of its number of users."""

    PASS = "PASS"
    FAIL = "FAIL"
    INVALID = "INVALID"
    """The step says nothing about the target."""


class Factor(StrEnum):
    """What stopped a cell from sustaining more."""

    CPU = "cpu"
    MEMORY = "memory"
    TARGET = "target"
    ERRORS = "errors"
    DEPENDENCY = "dependency"
    GENERATOR = "generator"
    HOST = "host"


class Rule(StrEnum):
    """Which rule gave a step's verdict."""

    SLOS_HOLD = "slos"
    SLO_BROKEN = "slo-broken"
    DIED = "died"
    DEPENDENCY_DIED = "dependency-died"
    STALLED = "stalled"
    ALL_FAILED = "all-failed"
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
    LITTLES_LAW = "littles-law"

    @property
    def verdict(self) -> Verdict:
        """The verdict that the rule gives."""
        if self is Rule.SLOS_HOLD:
            return Verdict.PASS
        return Verdict.FAIL if self in _FAILURES else Verdict.INVALID

    @property
    def is_hard_failure(self) -> bool:
        """True if the failure is no matter of chance.

        A response time just above its limit is one: a window at the highest number of users that passed
        fails now and then on an unchanged host.
        """
        return self in _HARD_FAILURES

    @property
    def at_fault(self) -> Factor | None:
        """What made the step invalid: the host or the generator; None for a valid step."""
        if self.verdict is not Verdict.INVALID:
            return None
        return Factor.HOST if self in _HOST_RULES else Factor.GENERATOR


_HARD_FAILURES = frozenset({Rule.DIED, Rule.STALLED, Rule.ALL_FAILED})
_FAILURES = _HARD_FAILURES | {Rule.DEPENDENCY_DIED, Rule.SLO_BROKEN}
_HOST_RULES = frozenset({Rule.STEAL, Rule.FOREIGN_LOAD, Rule.REMOVED, Rule.SUSPENDED})
