"""Put a comparison of two versions into words."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from harness.model.ab import AbAnswer, AbOutcome, Estimate, Held, Measure, Pace
from harness.model.decisions import Change
from harness.model.verdicts import Rule
from harness.report.view.explanations import explain_judgement
from harness.report.view.text import (
    NO_DATA,
    clean_text,
    format_change,
    format_duration,
    format_estimate,
    format_mebibytes,
    format_milliseconds,
    format_number,
    format_rate,
    format_ratio,
    format_seconds,
    format_size,
    format_users,
)

_NAMES = {
    Measure.CPU: "CPU time per request",
    Measure.P95: "p95 of RT",
    Measure.SLOW: "slower than the limit",
    Measure.ERRORS: "failed requests",
    Measure.RPS: "RPS",
    Measure.MEMORY: "memory at its peak",
}
_LONGER_RATIO = 1.2
_LONGEST_S = 3600.0
_SHOWN_PACE_RATIO = 0.005
"""From this difference on, it is said that the host's pace makes the change another than it was measured."""

_PACES = {
    Pace.LOCUST: "Locust's own CPU time per request",
    Pace.WORK: "a fixed piece of work each second",
}
_MEANINGS = {
    Change.MORE: "more",
    Change.LESS: "less",
    Change.SAME: "no change that counts",
    Change.UNKNOWN: "not known",
}


@dataclass(frozen=True, slots=True)
class AbRow:
    """One measure in words: both versions, the change, its interval, and what that means.

    `meaning` is empty for what is only shown.
    """

    name: str
    base: str
    head: str
    change: str
    interval: str
    meaning: str


@dataclass(frozen=True, slots=True)
class AbView:
    """A comparison as people read it; `remarks` are sentences that go with the answer."""

    title: str
    sentence: str
    rows: tuple[AbRow, ...]
    remarks: tuple[str, ...]


def build_ab_view(answer: AbAnswer) -> AbView:
    """Put the answer into words."""
    test = answer.test
    base, head = clean_text(test.base), clean_text(test.head)
    title = f"base {base} and head {head} at {format_size(test.limits)} with {format_users(test.users)}"
    rows = tuple(_build_row(each) for each in answer.estimates)
    return AbView(title, describe_outcome(answer), rows, tuple(_list_remarks(answer)))


def describe_outcome(answer: AbAnswer) -> str:
    """Return the answer as a sentence, such as "The head needs 5.3 % more CPU time per request (…)."."""
    least = format_ratio(answer.test.least_ratio)
    match answer.outcome:
        case AbOutcome.MORE | AbOutcome.LESS:
            return f"The head needs {_describe_cpu(answer)}, by {_count_pairs(answer)}."
        case AbOutcome.SAME:
            return (
                f"No difference as large as {least} in CPU time per request: the head needs "
                f"{_describe_cpu(answer)}, by {_count_pairs(answer)}."
            )
        case AbOutcome.UNDECIDED:
            return _describe_doubt(answer, least)
    who = {AbOutcome.BASE_BROKE: "The base breaks", AbOutcome.HEAD_BROKE: "The head breaks"}
    breaks = who.get(answer.outcome, "Both versions break")
    return f"{breaks} with {format_users(answer.test.users)}: {_explain_break(answer.broken)}."


def _describe_cpu(answer: AbAnswer) -> str:
    """Return such as "5.3 % more CPU time per request (3.9 % to 6.7 %)".

    An interval that holds 0 has signs.
    """
    cpu = answer.cpu
    assert cpu is not None, "an outcome by the CPU time has its estimate"
    word = "more" if cpu.change >= 0 else "less"
    ends = sorted((-cpu.low, -cpu.high) if cpu.change < 0 else (cpu.low, cpu.high))
    low, high = (format_ratio(end, 1) if ends[0] > 0 else format_change(end, 1) for end in ends)
    counted = "" if answer.outcome is AbOutcome.SAME else " CPU time per request"
    return f"{format_ratio(abs(cpu.change), 1)} {word}{counted} ({low} to {high})"


def _describe_doubt(answer: AbAnswer, least: str) -> str:
    cpu = answer.cpu
    if cpu is None or not math.isfinite(cpu.high):
        return f"Undecided: {_count_pairs(answer)} can't tell anything yet."
    seen = (
        f"Undecided: the change of CPU time per request is {format_change(cpu.low, 1)} to "
        f"{format_change(cpu.high, 1)}, by {_count_pairs(answer)}, so {least} may be there or not"
    )
    if not answer.is_over:
        return f"{seen}."
    if answer.needed_s is None:
        return f"{seen}. The pairs differ too much for an answer in reasonable time."
    needed_s = answer.spent_s + _LONGER_RATIO * answer.needed_s
    more = f"it would probably need {format_estimate(answer.needed_s)} more"
    if needed_s > _LONGEST_S:
        return f"{seen}; {more}."
    return f"{seen}; {more}: --for {math.ceil(needed_s / 60)}m."


def _count_pairs(answer: AbAnswer) -> str:
    count = answer.pairs
    return f"{count} pair{'' if count == 1 else 's'} of windows"


def _explain_break(held: Held | None) -> str:
    if held is None:
        return "it did not come up"
    step = held.step
    if step is not None and step.rule is Rule.NO_DATA:
        return f"all of them still waited for answers: no request started in {format_duration(step.window_s)}"
    if step is not None:
        return clean_text(explain_judgement(step.judgement)).rstrip(".")
    return clean_text(held.failure or "it did not come up").rstrip(".")


def _build_row(estimate: Estimate) -> AbRow:
    measure = estimate.measure
    is_judged = measure in (Measure.CPU, Measure.P95, Measure.ERRORS)
    return AbRow(
        _NAMES[measure],
        _format_value(measure, estimate.base),
        _format_value(measure, estimate.head),
        _format_difference(estimate, estimate.change),
        _format_interval(estimate),
        _MEANINGS[estimate.kind] if is_judged else "",
    )


def _format_value(measure: Measure, value: float) -> str:
    match measure:
        case Measure.CPU:
            return format_milliseconds(value, 2)
        case Measure.P95:
            return format_seconds(value)
        case Measure.RPS:
            return format_rate(value)
        case Measure.MEMORY:
            return format_mebibytes(value)
        case Measure.SLOW | Measure.ERRORS:
            return format_ratio(value)


def _format_difference(estimate: Estimate, change: float) -> str:
    if not estimate.measure.is_share:
        return format_change(change, 1)
    return f"{'+' if change > 0 else ''}{format_number(100 * change, 1)} points"


def _format_interval(estimate: Estimate) -> str:
    if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
        return NO_DATA
    low, high = (_format_difference(estimate, end) for end in (estimate.low, estimate.high))
    return f"{low} to {high}"


def _name_pace(answer: AbAnswer) -> str:
    return f", by {_PACES[answer.pace]}" if answer.pace is not None else ""


def _list_remarks(answer: AbAnswer) -> Iterator[str]:
    """Yield what goes with the answer: what else has changed, and how the comparison was made."""
    for each in answer.estimates:
        is_told = each.measure in (Measure.P95, Measure.ERRORS, Measure.MEMORY)
        if is_told and each.kind in (Change.MORE, Change.LESS):
            name, change = _NAMES[each.measure], _format_difference(each, each.change)
            yield f"{name[0].upper()}{name[1:]} changed too: {change} ({_format_interval(each)})."
    cpu = answer.cpu
    measured = cpu.head / cpu.base - 1 if cpu is not None else 0.0
    if cpu is not None and abs(measured - cpu.change) > _SHOWN_PACE_RATIO:
        yield (
            f"As measured the CPU time per request changed by {format_change(measured, 1)}. The host was not "
            f"as fast for both versions, so the change above is at one pace of the host{_name_pace(answer)}."
        )
    if answer.test.is_same_image:
        yield "Both are the same image with the same settings: this shows what happens without a change."
    if answer.left_out:
        counted = answer.pairs + answer.left_out
        yield (
            f"{answer.left_out} of {counted} pairs were left out, because something disturbed one of their "
            "windows or broke it."
        )
    if answer.spent_s:
        yield f"It took {format_duration(answer.spent_s)}."
