"""Compare two campaigns size by size, and find out whether they may be compared at all.

A host changes its speed between two campaigns. Sizes that the CPU stops are therefore compared at one speed
of the host, and a difference counts if it is at least 5 % and exceeds what both intervals and the spread
between campaigns explain. Where the host's pace is unknown, the spread of campaigns at different speeds takes
their place. Sizes that memory, errors or their own concurrency stop do not depend on the speed: a difference
counts if the measured brackets do not overlap and the middles differ by at least 5 %. Nothing is known of a
size that sustained all users of a campaign which asked for fewer than the other one has sustained.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.analyse.means import compute_geometric_mean
from harness.analyse.result.significance import MIN_CHANGE_RATIO, SURE, find_least_deviation
from harness.analyse.result.soak_comparison import is_soak_untold
from harness.model import (
    CellResult,
    Change,
    Difference,
    Doubt,
    Factor,
    Fingerprint,
    HostSpeed,
    Limits,
    MachineDifference,
    Plan,
    Status,
    Verdict,
)
from harness.model.decisions import NoCommonSize, ScenarioChanged, SlosChanged

_SPREAD = 0.09
"""The standard deviation of the logarithm of what the CPU sustains between campaigns of one target on one
machine, as measured: see docs/benchmarks.md.
"""

_PASS_SIGMA = 0.025
"""How exactly a pass says that a size sustains its users, as a logarithm: half of the usual precision."""

_SPREAD_AT_ONE_SPEED = 0.02
"""The same at one speed of the host, beside the interval of each campaign: the pace of a few windows is known
to about 2 %.
"""


@dataclass(frozen=True, slots=True)
class _UserRange:
    """A range around the capacity of a size: `low` users are sustained, `high` users are not.

    `high` is infinite if no number of users broke the size.
    """

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The geometric mean of both ends.

        It is `low` if `high` is infinite, and half of `high` if `low` is 0.
        """
        if math.isinf(self.high):
            return self.low
        return compute_geometric_mean([self.low, self.high]) if self.low else self.high / 2


def compare_sizes(
    base: Sequence[CellResult],
    head: Sequence[CellResult],
    threshold_ratio: float = MIN_CHANGE_RATIO,
    speed: HostSpeed | None = None,
) -> tuple[Difference, ...]:
    """Compare every size of either campaign, in the order of `Limits`, by all its repetitions together.

    `speed` is the common speed of both campaigns; None if they are compared as measured. The more sizes are
    compared at one speed, the larger a single difference must be, since one of many is large by chance.
    """
    sizes = {
        limits: (_select_size(base, limits), _select_size(head, limits))
        for limits in sorted({result.cell.limits for result in (*base, *head)})
    }
    compared = [_compare_by_speed(*results, speed) for results in sizes.values() if speed and all(results)]
    sure = find_least_deviation([each.deviation for each in compared if each is not None])
    return tuple(
        compare_size(limits, *results, threshold_ratio, speed, sure) for limits, results in sizes.items()
    )


def _select_size(results: Sequence[CellResult], limits: Limits) -> tuple[CellResult, ...]:
    return tuple(result for result in results if result.cell.limits == limits)


def compare_size(
    limits: Limits,
    base: tuple[CellResult, ...],
    head: tuple[CellResult, ...],
    threshold_ratio: float = MIN_CHANGE_RATIO,
    speed: HostSpeed | None = None,
    sure: float = SURE,
) -> Difference:
    """Compare what all repetitions of a size sustained in two campaigns, or two sizes of one campaign.

    At one speed a difference counts from `sure` of its standard deviations on.
    """
    if not base or not head:
        return Difference(limits, base, head, Change.ADDED if head else Change.REMOVED)
    pairs = ((base, head), (head, base))
    if any(is_soak_untold(*pair, speed) for pair in pairs):
        return Difference(limits, base, head, Change.UNKNOWN)
    before, after = _find_sustained_range(base), _find_sustained_range(head)
    if before is None or after is None:
        return _compare_bounds(limits, base, head, threshold_ratio)
    factor = 1 + threshold_ratio
    if _find_open_end(base) * factor < after.low or _find_open_end(head) * factor < before.low:
        return Difference(limits, base, head, Change.UNKNOWN)
    ratio = _compute_ratio(base, head, before, after)
    at_one_speed = None if speed is None else _compare_by_speed(base, head, speed)
    if at_one_speed is not None:
        least_ratio = max(threshold_ratio, math.expm1(sure * at_one_speed.sigma))
        change = _classify_ratio(at_one_speed.ratio, least_ratio)
        shown = (None, None) if at_one_speed.is_bound else (ratio, at_one_speed.ratio)
        slowdown_ratio = at_one_speed.pace_ratio - 1
        return Difference(limits, base, head, change, shown[0], shown[1], slowdown_ratio, least_ratio)
    is_cpu_bound = any(result.limiting_factor is Factor.CPU for result in (*base, *head))
    spread_ratio = math.expm1(SURE * math.sqrt(2) * _SPREAD) if is_cpu_bound else 0.0
    least_ratio = max(threshold_ratio, spread_ratio)
    change = _classify_change(before, after, least_ratio)
    return Difference(limits, base, head, change, ratio, counts_from_ratio=least_ratio)


def _compare_bounds(
    limits: Limits, base: tuple[CellResult, ...], head: tuple[CellResult, ...], threshold_ratio: float
) -> Difference:
    """Compare a size that is undecided in a campaign by the users that it sustained there, and that broke it.

    If it broke with fewer users than it sustained in the other campaign, it has changed. UNKNOWN unless these
    bounds are farther apart than campaigns of one target at different speeds of the host.
    """
    before, after = _find_bounds(base), _find_bounds(head)
    least_ratio = max(threshold_ratio, math.expm1(SURE * math.sqrt(2) * _SPREAD))
    if after.high * (1 + least_ratio) <= before.low:
        return Difference(limits, base, head, Change.LESS, counts_from_ratio=least_ratio)
    if before.high * (1 + least_ratio) <= after.low:
        return Difference(limits, base, head, Change.MORE, counts_from_ratio=least_ratio)
    return Difference(limits, base, head, Change.UNKNOWN)


def _find_bounds(results: Sequence[CellResult]) -> _UserRange:
    """Return the fewest users that a repetition sustained, and the most that broke one."""
    known = [
        _find_cell_range(each) or _UserRange(each.sustained_users or 0, each.broken_users or math.inf)
        for each in results
    ]
    return _UserRange(min(each.low for each in known), max(each.high for each in known))


@dataclass(frozen=True, slots=True)
class _AtOneSpeed:
    """The capacity in the head over that in the base, with the standard deviation of its logarithm.

    `pace_ratio` is the pace in the head over that in the base. If `is_bound`, `ratio` is the smallest change
    that both campaigns allow.
    """

    ratio: float
    sigma: float
    pace_ratio: float
    is_bound: bool = False

    @property
    def deviation(self) -> float:
        """How many standard deviations the logarithm of `ratio` is from 0."""
        return abs(math.log(self.ratio)) / self.sigma


@dataclass(frozen=True, slots=True)
class _Side:
    """A size in one campaign: logarithms of its capacity and of the pace, and the variance of the first."""

    log_users: float
    log_pace: float
    variance: float


def _compare_by_speed(
    base: Sequence[CellResult], head: Sequence[CellResult], speed: HostSpeed
) -> _AtOneSpeed | None:
    """Compare a size at one speed of the host; None if a repetition has no capacity at such a speed."""
    before, after = _measure_known(base), _measure_known(head)
    if before is not None and after is not None:
        return _divide(before, after, speed)
    return _compare_with_open_end(base, head, speed)


def _compare_with_open_end(
    base: Sequence[CellResult], head: Sequence[CellResult], speed: HostSpeed
) -> _AtOneSpeed | None:
    """Compare a size that sustained all users in one campaign, and that the CPU stopped in the other.

    How many it sustains at most in the former is unknown, so the ratio is the smallest change that both
    allow: 1 if they may be alike. None for any other size, or if a pace is unknown.
    """
    before, opened = _measure_known(base), _measure_open_end(head)
    if before is not None and opened is not None:
        bound = _divide(before, opened, speed)
        return replace(bound, ratio=max(1.0, bound.ratio), is_bound=True)
    opened, after = _measure_open_end(base), _measure_known(head)
    if after is not None and opened is not None:
        bound = _divide(opened, after, speed)
        return replace(bound, ratio=min(1.0, bound.ratio), is_bound=True)
    return None


def _divide(before: _Side, after: _Side, speed: HostSpeed) -> _AtOneSpeed:
    """Return what a size sustains afterwards over what it did before, at one speed of the host."""
    log_pace = after.log_pace - before.log_pace
    log_ratio = after.log_users - before.log_users + speed.elasticity * log_pace
    variance = before.variance + after.variance + 2 * _SPREAD_AT_ONE_SPEED**2
    sigma = math.hypot(math.sqrt(variance), speed.elasticity_sigma * log_pace)
    return _AtOneSpeed(math.exp(log_ratio), sigma, math.exp(log_pace))


def _measure_known(results: Sequence[CellResult]) -> _Side | None:
    """Return the mean of all repetitions; None unless each of them has a capacity at the reference speed."""
    known = [result.at_reference for result in results if result.at_reference is not None]
    if len(known) < len(results):
        return None
    return _Side(
        statistics.fmean(math.log(each.fitted_users) for each in known),
        statistics.fmean(math.log(each.work_s) for each in known),
        statistics.fmean(each.fitted_sigma**2 for each in known) / len(known),
    )


def _measure_open_end(results: Sequence[CellResult]) -> _Side | None:
    """Return the fewest users that all repetitions sustained, at the mean pace there.

    None unless each of them sustained all users of its campaign, at a known pace.
    """
    log_paces = []
    for result in results:
        passed = [
            math.log(step.host.work_s)
            for step in result.steps
            if step.users == result.sustained_users and step.verdict is Verdict.PASS and step.host.work_s
        ]
        if result.status is not Status.CENSORED or not passed:
            return None
        log_paces.append(statistics.fmean(passed))
    fewest = min(result.sustained_users or 0 for result in results)
    return _Side(math.log(fewest), statistics.fmean(log_paces), _PASS_SIGMA**2)


def _classify_ratio(ratio: float, least_ratio: float) -> Change:
    """Return the change for head / base; MORE and LESS are symmetric in base and head."""
    if ratio >= 1 + least_ratio:
        return Change.MORE
    return Change.LESS if ratio <= 1 / (1 + least_ratio) else Change.SAME


def _classify_change(before: _UserRange, after: _UserRange, threshold_ratio: float) -> Change:
    factor = 1 + threshold_ratio
    if after.high <= before.low and after.middle * factor <= before.middle:
        return Change.LESS
    if after.low >= before.high and after.middle >= before.middle * factor:
        return Change.MORE
    return Change.SAME


def _compute_ratio(
    base: Sequence[CellResult], head: Sequence[CellResult], before: _UserRange, after: _UserRange
) -> float | None:
    """Return the capacity in the head over that in the base; None if a range ends nowhere or starts at 0."""
    if math.isinf(before.high) or math.isinf(after.high) or not before.low or not after.low:
        return None
    return _estimate_capacity(head, after) / _estimate_capacity(base, before)


def _estimate_capacity(results: Sequence[CellResult], sustained: _UserRange) -> float:
    """Return the median estimate, or the end of the measured range that is nearest to it.

    The change stands beside both ranges. An estimate by a failure that was extrapolated, as of memory that
    would have been full in an hour, can lie far above them.
    """
    users = [result.estimate_users for result in results if result.estimate_users is not None]
    return min(max(statistics.median(users), sustained.low), sustained.high) if users else sustained.middle


def _find_sustained_range(results: Sequence[CellResult]) -> _UserRange | None:
    """Return the range that spans all repetitions of a size; None if one of them is undecided."""
    ranges = [_find_cell_range(result) for result in results]
    known = [each for each in ranges if each is not None]
    if not known or len(known) < len(ranges):
        return None
    return _UserRange(min(each.low for each in known), max(each.high for each in known))


def _find_open_end(results: Sequence[CellResult]) -> float:
    """Return the fewest users that a repetition was asked for and sustained; infinite if all of them broke.

    Whether it would have sustained more is unknown.
    """
    ranges = [_find_cell_range(result) for result in results]
    return min((each.low for each in ranges if each is not None and math.isinf(each.high)), default=math.inf)


def _find_cell_range(result: CellResult) -> _UserRange | None:
    """Return the range of one repetition; None if the repetition is undecided."""
    low, high = result.sustained_users, result.broken_users
    match result.status:
        case Status.CENSORED:
            return _UserRange(float(low or 0), math.inf)
        case Status.BRACKETED | Status.INFERRED:
            return _UserRange(float(low or 0), math.inf if high is None else float(high))
        case Status.NONE:
            return _UserRange(0.0, float(high or 1))
        case Status.FAILED:
            return _UserRange(0.0, 1.0)
        case _:
            return None


_MEMORY_TOLERANCE_RATIO = 0.02
"""Memory that differs by at most this ratio is alike: each boot of a kernel reserves a different amount."""


def find_machine_differences(before: Fingerprint, after: Fingerprint) -> list[MachineDifference]:
    """Return every fact that campaigns depend on and in which two machines differ."""
    earlier = _list_decisive_facts(before)
    return [
        MachineDifference(fact, earlier[fact], value)
        for fact, value in _list_decisive_facts(after).items()
        if not _is_alike(earlier[fact], value, fact)
    ]


def _list_decisive_facts(fingerprint: Fingerprint) -> dict[str, str | int | None]:
    """Return the facts that a campaign's numbers depend on, by their path in the fingerprint."""
    machine, engine = fingerprint.machine, fingerprint.engine
    return {
        "machine.cpu_model": machine.cpu_model,
        "machine.cores": machine.cores,
        "machine.usable_cores": machine.usable_cores,
        "machine.memory_bytes": machine.memory_bytes,
        "machine.architecture": machine.architecture,
        "machine.kernel": machine.kernel,
        "engine.version": engine.version,
        "engine.cores": engine.cores,
        "engine.memory_bytes": engine.memory_bytes,
        "engine.cgroup_version": engine.cgroup_version,
        "engine.runtime": engine.runtime,
    }


def find_changed_parts(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the parts of a plan whose content hashes differ, such as `matrix` and `target`, sorted."""
    return sorted(part for part, content_hash in after.items() if before.get(part) != content_hash)


def has_changed_variants(before: Plan, after: Plan) -> bool:
    """Return True if a variant sets something else at a size that both campaigns have."""
    known = {cell.limits: cell.variant for cell in before.cells}
    return any(cell.limits in known and known[cell.limits] != cell.variant for cell in after.cells)


def find_doubts(base: Plan, head: Plan, machine_differences: Sequence[MachineDifference]) -> list[Doubt]:
    """Return why two campaigns are not comparable size by size; empty if they are."""
    doubts: list[Doubt] = []
    if base.hashes.get("scenario") != head.hashes.get("scenario"):
        doubts.append(ScenarioChanged())
    if set(base.slos) != set(head.slos):
        doubts.append(SlosChanged())
    if not {cell.limits for cell in base.cells} & {cell.limits for cell in head.cells}:
        doubts.append(NoCommonSize())
    return [*doubts, *machine_differences]


def _is_alike(before: str | int | None, after: str | int | None, fact: str) -> bool:
    if fact.endswith("memory_bytes") and isinstance(before, int) and isinstance(after, int):
        return abs(before - after) <= _MEMORY_TOLERANCE_RATIO * before
    return bool(before == after)
