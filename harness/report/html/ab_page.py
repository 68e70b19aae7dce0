"""Render ab.html: two versions compared, pair by pair. It loads nothing and has no script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.ab import AbAnswer, AbRecord, Pair, PairChange
from harness.report.html.page import build_style_policy, load_templates, read_asset
from harness.report.html.scales import Scale, Tick, build_range_scale
from harness.report.view.ab import build_ab_view
from harness.report.view.ab_pairs import (
    PAIR_STATES,
    PairState,
    build_pair_rows,
    describe_windows,
    find_state,
    list_troubles,
)
from harness.report.view.text import (
    NO_DATA,
    clean_text,
    format_change,
    format_milliseconds,
    format_ratio,
    format_size,
    format_timestamp,
)

WIDTH, HEIGHT = 760.0, 384.0
LEFT, RIGHT, ANSWER_X = 62.0, 610.0, 676.0
VALUES_TOP, VALUES_BOTTOM = 18.0, 138.0
CHANGES_TOP, CHANGES_BOTTOM = 178.0, 344.0
GEOMETRY = {
    "width": WIDTH,
    "height": HEIGHT,
    "left": LEFT,
    "right": RIGHT,
    "answer_x": ANSWER_X,
    "values_top": VALUES_TOP,
    "changes_top": CHANGES_TOP,
    "changes_bottom": CHANGES_BOTTOM,
}
"""The places that the template draws by."""

_MOST_NUMBERS = 24
_MOST_CHANGE = 100.0
"""A larger change is drawn as this one: 10,000 %."""

_STYLES = ("style.css", "ab.css")


@dataclass(frozen=True, slots=True)
class PairMark:
    """A pair in the chart: the CPU time per request of both windows above, the change between them below.

    A place is None where a window has no CPU time per request.
    """

    x: float
    base_y: float | None
    head_y: float | None
    change_y: float | None
    state: PairState
    description: str


@dataclass(frozen=True, slots=True)
class AnswerMark:
    """The mean change of the pairs that count, with the ends of its interval; None if it has no ends."""

    y: float
    low_y: float | None
    high_y: float | None
    label: str


@dataclass(frozen=True, slots=True)
class AbChart:
    """The pairs in the order in which they were held.

    `least_y` are the places of the largest changes that don't count, upwards and downwards.
    """

    marks: tuple[PairMark, ...]
    number_ticks: tuple[Tick, ...]
    value_ticks: tuple[Tick, ...]
    change_ticks: tuple[Tick, ...]
    zero_y: float
    least_y: tuple[float, float]
    answer: AnswerMark | None
    summary: str


def render_ab_page(record: AbRecord) -> str:
    """Return the page: the answer, the pairs as points, the measures, what was disturbed, all windows."""
    test = record.answer.test
    return (
        load_templates()
        .get_template("ab.html.j2")
        .render(
            view=build_ab_view(record.answer),
            target=clean_text(record.target),
            campaign=clean_text(record.campaign),
            started_at=format_timestamp(record.started_at),
            base=clean_text(test.base),
            head=clean_text(test.head),
            size=format_size(test.limits),
            least=format_ratio(test.least_ratio),
            answer=record.answer,
            windows=describe_windows(record),
            rows=build_pair_rows(record),
            states=PAIR_STATES,
            troubles=list_troubles(record.pairs),
            chart=build_ab_chart(record),
            geometry=GEOMETRY,
            styles=[read_asset(name) for name in _STYLES],
            policy=build_style_policy(*_STYLES),
        )
    )


def build_ab_chart(record: AbRecord) -> AbChart | None:
    """Return the chart; None without a window that has a CPU time per request."""
    values_ms = [1000 * cpu_s for pair in record.pairs for cpu_s in _read_cpu(pair) if cpu_s is not None]
    if not values_ms:
        return None
    test, count = record.answer.test, len(record.pairs)
    values = build_range_scale(values_ms, VALUES_BOTTOM, VALUES_TOP, 3, " ms")
    changes = build_range_scale(_list_changes(record), CHANGES_BOTTOM, CHANGES_TOP, 5, " %")
    least = 100 * test.least_ratio, 100 * (1 / (1 + test.least_ratio) - 1)
    every = math.ceil(count / _MOST_NUMBERS)
    return AbChart(
        marks=tuple(
            _build_mark(pair, change, _place_number(pair.number, count), values, changes)
            for pair, change in zip(record.pairs, record.changes, strict=True)
        ),
        number_ticks=tuple(
            Tick(_place_number(number, count), str(number)) for number in range(1, count + 1, every)
        ),
        value_ticks=values.place_ticks(),
        change_ticks=changes.place_ticks(),
        zero_y=changes(0.0),
        least_y=(changes(least[0]), changes(least[1])),
        answer=_build_answer(record.answer, changes),
        summary=_summarize(record),
    )


def _read_cpu(pair: Pair) -> tuple[float | None, float | None]:
    base, head = pair.base.step, pair.head.step
    return (
        base.target.cpu_per_request_s if base is not None else None,
        head.target.cpu_per_request_s if head is not None else None,
    )


def _list_changes(record: AbRecord) -> list[float]:
    """Return all that the scale of changes has to hold, in per cent."""
    cpu, least_ratio = record.answer.cpu, record.answer.test.least_ratio
    shown = [each.at_one_pace for each in record.changes if each.at_one_pace is not None]
    ends = [] if cpu is None else [cpu.change, *filter(math.isfinite, (cpu.low, cpu.high))]
    return [100 * min(each, _MOST_CHANGE) for each in (*shown, *ends, 0.0, least_ratio, -least_ratio)]


def _place_number(number: int, count: int) -> float:
    return round(LEFT + (number - 0.5) * (RIGHT - LEFT) / count, 1)


def _build_mark(pair: Pair, change: PairChange, x: float, values: Scale, changes: Scale) -> PairMark:
    base_s, head_s = _read_cpu(pair)
    at_one_pace, state = change.at_one_pace, find_state(pair)
    shown = [
        f"{name} {NO_DATA if cpu_s is None else format_milliseconds(cpu_s, 2)}"
        for name, cpu_s in (("base", base_s), ("head", head_s))
    ]
    return PairMark(
        x=x,
        base_y=None if base_s is None else values(1000 * base_s),
        head_y=None if head_s is None else values(1000 * head_s),
        change_y=None if at_one_pace is None else changes(100 * at_one_pace),
        state=state,
        description=f"pair {pair.number}: {format_change(at_one_pace, 1)} ({', '.join(shown)}), "
        f"{PAIR_STATES[state]}",
    )


def _build_answer(answer: AbAnswer, changes: Scale) -> AnswerMark | None:
    cpu = answer.cpu
    if cpu is None:
        return None
    low_y, high_y = (changes(100 * end) if math.isfinite(end) else None for end in (cpu.low, cpu.high))
    return AnswerMark(changes(100 * cpu.change), low_y, high_y, format_change(cpu.change, 1))


def _summarize(record: AbRecord) -> str:
    """Return the chart in words, for those who don't see it."""
    states: Sequence[PairState] = [find_state(pair) for pair in record.pairs]
    counting = sum(state is not PairState.LEFT_OUT for state in states)
    changes = [
        change.at_one_pace
        for change, state in zip(record.changes, states, strict=True)
        if state is not PairState.LEFT_OUT and change.at_one_pace is not None
    ]
    span = f", from {format_change(min(changes), 1)} to {format_change(max(changes), 1)}" if changes else ""
    return f"Change of CPU time per request in {counting} pairs that count{span}"
