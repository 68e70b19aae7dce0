"""What the page's curves are made of: places and paths. The templates only draw them.

Inline SVG and no charting library: Vega's bundle (vl-convert 1.9) took 2–3 s and 130 MB to make in every
process that draws, and 0.9 MB in every page; a campaign draws after every step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.model import StepResult, Verdict
from harness.report.html.scales import Scale, Tick, decades, linear
from harness.report.view.cells import CellView
from harness.report.view.steps import StepView
from harness.report.view.text import known
from harness.report.view.view import View

WIDTH, LEFT, RIGHT = 320.0, 44.0, 312.0
RT_TOP, RT_BOTTOM = 10.0, 122.0
STRIP = 131.0
RPS_TOP, RPS_BOTTOM = 146.0, 214.0
HEIGHT = 236.0
TONES, DASHES = 6, 4
PERCENTILES: tuple[tuple[str, Callable[[StepResult], float | None]], ...] = (
    ("p50", lambda step: step.p50_s),
    ("p95", lambda step: step.p95_s),
    ("p99", lambda step: step.p99_s),
)


@dataclass(frozen=True, slots=True)
class Line:
    """`kind` says how it is drawn: a percentile's name, `rps`, or `light` (how light load would go on)."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A step on the strip between both panels; its place there is its number of users."""

    x: float
    verdict: str
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """The bracket: the capacity lies somewhere within."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Limit:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class SizeChart:
    """RT above, RPS below, over the same users."""

    cell: CellView
    rt: tuple[Line, ...]
    rps: tuple[Line, ...]
    marks: tuple[Mark, ...]
    band: Band | None
    tone: int
    dash: int


@dataclass(frozen=True, slots=True)
class Charts:
    """All sizes on the same scales, so that panels compare at a glance."""

    sizes: tuple[SizeChart, ...]
    users: tuple[Tick, ...]
    seconds: tuple[Tick, ...]
    per_second: tuple[Tick, ...]
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class _Scales:
    users: Scale
    seconds: Scale
    per_second: Scale


def charts(view: View) -> Charts:
    """Sizes without a single step have no chart."""
    scales = _scales(view)
    return Charts(
        sizes=tuple(_size_chart(cell, view, scales) for cell in view.cells if cell.steps),
        users=scales.users.placed_ticks(),
        seconds=scales.seconds.placed_ticks(),
        per_second=scales.per_second.placed_ticks(),
        limits=tuple(Limit(scales.seconds(at_s), label) for label, at_s in view.rt_limits if at_s > 0),
    )


def _scales(view: View) -> _Scales:
    steps = [step.result for cell in view.cells for step in cell.steps]
    seconds = [value for step in steps for _, read in PERCENTILES if (value := known(read(step))) is not None]
    rates = [value for step in steps if (value := known(step.rps)) is not None]
    return _Scales(
        users=linear(max([view.users_limit, *(step.users for step in steps)]), LEFT, RIGHT),
        seconds=decades([*seconds, *(at_s for _, at_s in view.rt_limits)], RT_BOTTOM, RT_TOP),
        per_second=linear(max(rates, default=1.0) * 1.08, RPS_BOTTOM, RPS_TOP, about=3),
    )


def _size_chart(cell: CellView, view: View, scales: _Scales) -> SizeChart:
    sound = _last_per_users(step.result for step in cell.steps)
    limits = cell.result.cell.limits
    return SizeChart(
        cell=cell,
        rt=tuple(Line(name, _path(sound, read, scales.users, scales.seconds)) for name, read in PERCENTILES),
        rps=(
            _light(sound, scales),
            Line("rps", _path(sound, lambda step: step.rps, scales.users, scales.per_second)),
        ),
        marks=tuple(Mark(scales.users(step.users), step.verdict, told(step)) for step in cell.steps),
        band=_band(cell, scales.users),
        tone=[row for row, _ in view.grid.cpus].index((limits.cpu_cores, limits.replicas)) % TONES,
        dash=[memory for memory, _ in view.grid.memories].index(limits.memory_bytes) % DASHES,
    )


def _last_per_users(steps: Iterable[StepResult]) -> list[StepResult]:
    """By users; a number of users measured twice counts as its last sound measurement."""
    last = {step.users: step for step in steps if step.verdict is not Verdict.INVALID}
    return [last[users] for users in sorted(last)]


def _path(steps: Sequence[StepResult], read: Callable[[StepResult], float | None], x: Scale, y: Scale) -> str:
    """An SVG path; a step without data leaves a gap, and one between two gaps is a dot (`h0`)."""
    commands, pen_is_down = [], False
    for step in steps:
        value = known(read(step))
        if value is not None:
            place = f"{x(step.users):g} {y(value):g}"
            commands.append(f"L{place}" if pen_is_down else f"M{place}h0")
        pen_is_down = value is not None
    return "".join(commands)


def _light(steps: Sequence[StepResult], scales: _Scales) -> Line:
    """RPS if every further user were served as at the lightest load: where both part, it saturates."""
    first = next((step for step in steps if known(step.rps) and step.users), None)
    if first is None or first.rps is None:
        return Line("light", "")
    per_user = first.rps / first.users
    stays_inside = per_user * scales.users.high <= scales.per_second.high
    users = scales.users.high if stays_inside else scales.per_second.high / per_user
    x, y = scales.users, scales.per_second
    return Line("light", f"M{x(0):g} {y(0):g}L{x(users):g} {y(users * per_user):g}")


def _band(cell: CellView, users: Scale) -> Band | None:
    low, high = cell.result.sustained_users, cell.result.broken_users
    if low is None and high is None:
        return None
    left = users(low or 0)
    right = users(high) if high is not None else users.end
    return Band(left, round(max(right - left, 1.5), 1))


def told(step: StepView) -> str:
    """A step in a line, for hovering and for screen readers."""
    times = f"p50 {step.p50}, p95 {step.p95}, p99 {step.p99}"
    return f"{step.users} users: {step.verdict}, {step.rps} RPS, {times}; {step.reason}"
