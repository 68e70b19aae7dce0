"""Tell from pairs of windows how two versions of a target differ, with few false alarms.

Each pair gives the logarithm of head / base. Their mean has an interval by Student's t: what a pair has in
common (the host's speed, the users' choices) cancels in it. The CPU time per request also follows the host's
pace within a pair, which a regression takes out. Pairs with a window that other programs disturbed count for
the CPU time alone.

The answer is looked at after every second pair. All looks together may be wrong in `FALSE_ALARM_RATIO` of the
comparisons: each gets a share of that, and by Boole's inequality the shares add up, whatever depends on what.
The looks before the last one share a quarter, in proportion to the time (alpha spending: Lan and DeMets,
Discrete sequential boundaries for clinical trials, Biometrika 70, 1983).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from harness.analyse.result.ab_pace import compare_windows, find_paces, read_pace
from harness.analyse.student import find_t
from harness.model.ab import AbAnswer, AbOutcome, AbTest, Estimate, Held, Measure, Pace, Pair, PairChange
from harness.model.decisions import Change
from harness.model.verdicts import Rule

FALSE_ALARM_RATIO = 0.02
"""The share of comparisons of equal versions that may claim a difference."""

_SHARES = {Measure.CPU: 0.8, Measure.P95: 0.1, Measure.ERRORS: 0.1}
"""How the measures that count share the false alarms. The CPU time tells most, so it gets most."""

_INTERIM_RATIO = 0.25
"""The share of the false alarms that all looks before the last one have together."""

FEWEST_PAIRS = 4
_PAIRS_PER_LOOK = 2
_MOST_BREAKS = 2
"""A version that breaks so often, and so much more often than the other one, is broken: no further pair is
held. If both break so often, both are.
"""

_SHOWN_CONFIDENCE = 0.95
"""The confidence of the intervals of what is only shown."""

_LEAST_SHARE = 0.01
"""A change of a share of requests that is surely below this is none."""

_MOST_PAIRS = 1000

_DECIDED = {Change.MORE: AbOutcome.MORE, Change.LESS: AbOutcome.LESS, Change.SAME: AbOutcome.SAME}


@dataclass(frozen=True, slots=True)
class Fit:
    """A mean with its standard error and the degrees of freedom behind it.

    `slope` is by how much the values follow what they were fitted to.
    """

    mean: float
    error: float
    degrees: int
    slope: float = 0.0


def assess_ab(test: AbTest, pairs: Sequence[Pair]) -> AbAnswer:
    """Return the answer by these pairs, in their order.

    The same pairs give the same answer while they are measured and afterwards. It is that of the first look
    that decides, and later pairs don't change it.
    """
    answer, spent, counting = AbAnswer(test, AbOutcome.UNDECIDED), 0.0, list[Pair]()
    for number, pair in enumerate(pairs, 1):
        counting += [pair] if pair.is_comparable else []
        so_far = pairs[:number]
        answer = replace(answer, pairs=len(counting), left_out=number - len(counting), spent_s=pair.ended_s)
        if (broken := _find_broken(so_far)) is not None:
            outcome, held = broken
            return replace(answer, outcome=outcome, broken=held, is_over=True)
        if pair.is_final:
            share = 1 - spent
        elif pair.is_comparable and len(counting) >= FEWEST_PAIRS and len(counting) % _PAIRS_PER_LOOK == 0:
            share = max(0.0, _INTERIM_RATIO * min(1.0, pair.ended_s / test.within_s) - spent)
            spent += share
        else:
            continue
        answer = _look(answer, counting, share)
        if answer.outcome is not AbOutcome.UNDECIDED:
            return replace(answer, is_over=True)
    return replace(answer, is_over=bool(pairs) and pairs[-1].is_final)


def _look(answer: AbAnswer, pairs: Sequence[Pair], share: float) -> AbAnswer:
    """Return the answer by the pairs that count, at a look with this share of the false alarms."""
    if len(pairs) < 2:
        return answer
    estimates = tuple(
        found for measure in Measure if (found := _estimate(measure, pairs, share, answer.test)) is not None
    )
    looked = replace(answer, estimates=estimates, pace=_fit_cpu(pairs)[1])
    assert looked.cpu is not None, "every pair that counts has the CPU time"
    outcome = _DECIDED.get(looked.cpu.kind, AbOutcome.UNDECIDED)
    if outcome is not AbOutcome.UNDECIDED:
        return replace(looked, outcome=outcome)
    return replace(looked, needed_s=_estimate_needed_s(looked, pairs))


def _estimate(measure: Measure, pairs: Sequence[Pair], share: float, test: AbTest) -> Estimate | None:
    """Return how the measure changes; None if a window lacks it, or has none of it to divide by."""
    used = [pair for pair in pairs if measure is Measure.CPU or pair.is_even]
    values = [(_read(measure, pair.base), _read(measure, pair.head)) for pair in used]
    base = [value for value, _ in values if value is not None]
    head = [value for _, value in values if value is not None]
    if len(used) < 2 or min(len(base), len(head)) < len(used):
        return None
    if not measure.is_share and min(*base, *head) <= 0:
        return None
    confidence = 1 - FALSE_ALARM_RATIO * share * _SHARES[measure] if measure in _SHARES else _SHOWN_CONFIDENCE
    if measure.is_share:
        fit = fit_mean([after - before for before, after in zip(base, head, strict=True)])
        low, high = _compute_interval(fit, confidence)
        kind = _classify_share(low, high)
        return Estimate(measure, fmean(base), fmean(head), fit.mean, low, high, confidence, kind)
    logs = [math.log(after / before) for before, after in zip(base, head, strict=True)]
    fit = fit_mean(logs) if measure is not Measure.CPU else _fit_cpu(used)[0]
    low, high = (_to_change(end) for end in _compute_interval(fit, confidence))
    kind = _classify_ratio(low, high, test.least_ratio)
    base_mean, head_mean = (math.exp(fmean(map(math.log, side))) for side in (base, head))
    return Estimate(measure, base_mean, head_mean, _to_change(fit.mean), low, high, confidence, kind)


def _read(measure: Measure, held: Held) -> float | None:
    step = held.step
    if step is None:
        return None
    match measure:
        case Measure.CPU:
            return step.target.cpu_per_request_s
        case Measure.P95:
            return step.latency.p95_s
        case Measure.SLOW:
            return step.latency.slow_ratio
        case Measure.ERRORS:
            return step.failures.ratio
        case Measure.RPS:
            return step.rps
        case Measure.MEMORY:
            return step.target.memory_peak_bytes


def _fit_cpu(pairs: Sequence[Pair]) -> tuple[Fit, Pace | None]:
    """Fit how the CPU time per request changes within pairs at one pace; also return what told the pace."""
    paces = find_paces(pairs)
    logs = [math.log(_require_cpu(pair.head) / _require_cpu(pair.base)) for pair in pairs]
    return (fit_mean(logs), None) if paces is None else (fit_mean(logs, paces.logs), paces.pace)


def measure_changes(pairs: Sequence[Pair]) -> tuple[PairChange, ...]:
    """Return how the CPU time per request changes within each pair, also within those that don't count.

    The pairs that count tell how it follows the host's pace.
    """
    counting = [pair for pair in pairs if pair.is_comparable]
    fit, pace = _fit_cpu(counting) if len(counting) > 1 else (Fit(0.0, 0.0, 0), None)
    return tuple(_measure_change(pair, fit.slope, pace) for pair in pairs)


def _measure_change(pair: Pair, slope: float, pace: Pace | None) -> PairChange:
    base, head = _read(Measure.CPU, pair.base), _read(Measure.CPU, pair.head)
    if not base or not head:
        return PairChange()
    log = math.log(head / base)
    paces = None if pace is None else compare_windows([pair], partial(read_pace, pace))
    return PairChange(_to_change(log), _to_change(log - slope * (paces[0] if paces else 0.0)))


def fit_mean(values: Sequence[float], follows: Sequence[float] | None = None) -> Fit:
    """Fit the mean of at least two values; with `follows`, the value where that is 0, by least squares."""
    count = len(values)
    mean = fmean(values)
    if follows is not None:
        centre = fmean(follows)
        spread = sum((each - centre) ** 2 for each in follows)
        if spread > 0 and count > 2:
            products = ((x - centre) * (y - mean) for x, y in zip(follows, values, strict=True))
            slope = sum(products) / spread
            start = mean - slope * centre
            squares = sum((y - start - slope * x) ** 2 for x, y in zip(follows, values, strict=True))
            error = math.sqrt(squares / (count - 2) * (1 / count + centre**2 / spread))
            return Fit(start, error, count - 2, slope)
    squares = sum((value - mean) ** 2 for value in values)
    return Fit(mean, math.sqrt(squares / (count - 1) / count), count - 1)


def _compute_interval(fit: Fit, confidence: float) -> tuple[float, float]:
    half_width = find_t(confidence, fit.degrees) * fit.error if fit.error else 0.0
    return fit.mean - half_width, fit.mean + half_width


def _to_change(log_ratio: float) -> float:
    return math.expm1(min(log_ratio, 700.0))  # beyond that a float is infinite


def _classify_ratio(low: float, high: float, least_ratio: float) -> Change:
    """Return SAME for a change that is surely smaller than the least one, also if it surely is none of 0."""
    if low > 1 / (1 + least_ratio) - 1 and high < least_ratio:
        return Change.SAME
    return _find_sign(low, high)


def _classify_share(low: float, high: float) -> Change:
    sign = _find_sign(low, high)
    is_small = low > -_LEAST_SHARE and high < _LEAST_SHARE
    return Change.SAME if sign is Change.UNKNOWN and is_small else sign


def _find_sign(low: float, high: float) -> Change:
    if low > 0:
        return Change.MORE
    return Change.LESS if high < 0 else Change.UNKNOWN


def _estimate_needed_s(answer: AbAnswer, pairs: Sequence[Pair]) -> float | None:
    """Estimate how much longer a comparison of this length needs to decide, if pairs differ as they did.

    It decides once the interval is so narrow that it leaves out no change, or the least change that counts.
    """
    cpu = answer.cpu
    if cpu is None or not math.isfinite(cpu.high):
        return None
    confidence = 1 - FALSE_ALARM_RATIO * (1 - _INTERIM_RATIO) * _SHARES[Measure.CPU]
    centre, least = abs(math.log1p(cpu.change)), math.log1p(answer.test.least_ratio)
    width = max(centre, least - centre)
    fit, _ = _fit_cpu(pairs)
    deviation, lost = fit.error * math.sqrt(len(pairs)), len(pairs) - fit.degrees
    for count in range(len(pairs) + 1, _MOST_PAIRS):
        if find_t(confidence, count - lost) * deviation / math.sqrt(count) <= width:
            return (count - len(pairs)) * answer.spent_s / len(pairs)
    return None


def _require_cpu(held: Held) -> float:
    assert held.step is not None
    assert held.step.target.cpu_per_request_s is not None
    return held.step.target.cpu_per_request_s


def _find_broken(pairs: Sequence[Pair]) -> tuple[AbOutcome, Held] | None:
    """Return which version broke too often, and how at last; None if none did."""
    bases = [pair.base for pair in pairs if _breaks(pair.base, pair.head)]
    heads = [pair.head for pair in pairs if _breaks(pair.head, pair.base)]
    if min(len(bases), len(heads)) >= _MOST_BREAKS:
        return AbOutcome.BOTH_BROKE, heads[-1]
    if len(bases) - len(heads) >= _MOST_BREAKS:
        return AbOutcome.BASE_BROKE, bases[-1]
    return (AbOutcome.HEAD_BROKE, heads[-1]) if len(heads) - len(bases) >= _MOST_BREAKS else None


def _breaks(held: Held, other: Held) -> bool:
    """Return True if a version broke, or kept all users waiting through a window, unlike the other one."""
    step = held.step
    is_stuck = step is not None and step.rule is Rule.NO_DATA and other.is_comparable
    return held.is_broken or is_stuck
