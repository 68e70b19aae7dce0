"""Put the pairs of a comparison of two versions into words: their windows, and what disturbed them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.model.ab import AbRecord, Held, Pair, PairChange, Side
from harness.report.view.explanations import explain_judgement
from harness.report.view.text import (
    NO_DATA,
    clean_text,
    format_change,
    format_duration,
    format_mebibytes,
    format_milliseconds,
    format_rate,
    format_ratio,
    format_seconds,
)

_MOST_TROUBLES = 12


class PairState(StrEnum):
    """Whether a pair counts, and why not."""

    COUNTS = "counts"
    BOTH_DISTURBED = "both-disturbed"
    ONE_DISTURBED = "one-disturbed"
    LEFT_OUT = "left-out"


PAIR_STATES = {
    PairState.COUNTS: "counts",
    PairState.BOTH_DISTURBED: "counts: both windows were disturbed",
    PairState.ONE_DISTURBED: "counts for the CPU time alone: one window was disturbed",
    PairState.LEFT_OUT: "left out",
}


_FATES = {
    PairState.BOTH_DISTURBED: "the other window was disturbed too, so the pair counts",
    PairState.ONE_DISTURBED: "the pair counts for the CPU time alone",
    PairState.LEFT_OUT: "the pair is left out",
}


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A window in words; `locust` is Locust's own CPU time per request."""

    side: str
    cpu: str
    p95: str
    failed: str
    rps: str
    memory: str
    locust: str
    pace: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair in words: its two windows in the order in which they were held, and the change within it.

    `change` is as measured, `at_one_pace` without what follows the host's pace.
    """

    number: int
    state: PairState
    meaning: str
    windows: tuple[WindowRow, WindowRow]
    change: str
    at_one_pace: str
    ended: str


def build_pair_rows(record: AbRecord) -> tuple[PairRow, ...]:
    """Return every pair in words."""
    return tuple(_build_row(pair, change) for pair, change in zip(record.pairs, record.changes, strict=True))


def find_state(pair: Pair) -> PairState:
    """Return whether the pair counts."""
    if not pair.is_comparable:
        return PairState.LEFT_OUT
    if not pair.is_even:
        return PairState.ONE_DISTURBED
    return PairState.BOTH_DISTURBED if pair.base.is_disturbed else PairState.COUNTS


def describe_windows(record: AbRecord) -> str:
    """Return how each window was held; empty if that was not recorded."""
    windows, users = record.windows, record.answer.test.users
    if windows is None:
        return ""
    return (
        f"Each window is a fresh container with {users} users: they settle for "
        f"{format_duration(windows.settle_s)}, and then {format_duration(windows.window_s)} count."
    )


def list_troubles(pairs: Sequence[Pair]) -> list[str]:
    """Return a sentence for each window that something disturbed or broke, and what became of its pair."""
    troubles = list(_find_troubles(pairs))
    more = len(troubles) - _MOST_TROUBLES
    return [*troubles[:_MOST_TROUBLES], *([f"{more} more windows were disturbed."] if more > 0 else [])]


def _find_troubles(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        fate = _FATES.get(find_state(pair), "")
        for side, held in (("base", pair.base), ("head", pair.head)):
            if why := _explain_trouble(held):
                yield f"Pair {pair.number}, {side}: {why}; {fate}."


def _explain_trouble(held: Held) -> str:
    """Return what disturbed or broke a window; empty for a window that can be compared as it is."""
    if held.step is None:
        return clean_text(held.failure or "the target did not come up").rstrip(".")
    if held.is_comparable and not held.is_disturbed:
        return ""
    return clean_text(explain_judgement(held.step.judgement)).rstrip(".")


def _build_row(pair: Pair, change: PairChange) -> PairRow:
    base, head = _build_window(Side.BASE, pair.base), _build_window(Side.HEAD, pair.head)
    state = find_state(pair)
    return PairRow(
        number=pair.number,
        state=state,
        meaning=PAIR_STATES[state],
        windows=(base, head) if pair.number % 2 else (head, base),
        change=format_change(change.measured, 1),
        at_one_pace=format_change(change.at_one_pace, 1),
        ended=format_duration(pair.ended_s),
    )


def _build_window(side: Side, held: Held) -> WindowRow:
    step = held.step
    if step is None:
        return WindowRow(side.value, *[NO_DATA] * 7)
    return WindowRow(
        side=side.value,
        cpu=_format_time(step.target.cpu_per_request_s),
        p95=format_seconds(step.latency.p95_s),
        failed=format_ratio(step.failures.ratio),
        rps=format_rate(step.rps),
        memory=format_mebibytes(step.target.memory_peak_bytes),
        locust=_format_time(step.locust_s),
        pace=_format_time(step.host.work_s),
    )


def _format_time(seconds: float | None) -> str:
    return NO_DATA if seconds is None else format_milliseconds(seconds, 2)
