"""Compute the places and paths of the page's curves; the templates only draw them.

The page holds inline SVG and no charting library: with Vega (vl-convert 1.9) every process that draws needed
2–3 s and 130 MB, and every page grew by 0.9 MB, while a campaign draws after every step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.model import StepResult, Verdict
from harness.report.html.scales import Scale, Tick, build_linear_scale, build_log_scale
from harness.report.view.cells import CellView
from harness.report.view.steps import StepView
from harness.report.view.text import keep_finite
from harness.report.view.view import View

# A chart in SVG units: the response time above, a strip with the verdicts, and RPS below.
WIDTH, LEFT, RIGHT = 320.0, 44.0, 312.0
RT_TOP, RT_BOTTOM = 10.0, 122.0
STRIP = 131.0
RPS_TOP, RPS_BOTTOM = 146.0, 214.0
HEIGHT = 236.0
_TONES, _DASHES = 6, 4
_PERCENTILES: tuple[tuple[str, Callable[[StepResult], float | None]], ...] = (
    ("p50", lambda step: step.latency.p50_s),
    ("p95", lambda step: step.latency.p95_s),
    ("p99", lambda step: step.latency.p99_s),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve. `kind` is a percentile's name, `rps`, or `light` (RPS if it went on as at light load)."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """The verdict of a step on the strip between RT and RPS, placed by its number of users."""

    x: float
    verdict: str
    description: str


@dataclass(frozen=True, slots=True)
class Band:
    """The bracket, within which the capacity lies."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class RtLimit:
    """A limit on the response time, drawn as a line."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class SizeChart:
    """The curves of one size: response time above, RPS below, over the same users.

    `tone` numbers the colour of its CPU limit, and `dash` the dash pattern of its memory limit.
    """

    cell: CellView
    rt: tuple[Line, ...]
    rps: tuple[Line, ...]
    marks: tuple[Mark, ...]
    band: Band | None
    tone: int
    dash: int


@dataclass(frozen=True, slots=True)
class Charts:
    """All sizes on the same scales, so that a reader can compare their charts at a glance."""

    sizes: tuple[SizeChart, ...]
    user_ticks: tuple[Tick, ...]
    rt_ticks: tuple[Tick, ...]
    rps_ticks: tuple[Tick, ...]
    rt_limits: tuple[RtLimit, ...]


@dataclass(frozen=True, slots=True)
class _Scales:
    users: Scale
    rt: Scale
    rps: Scale


def build_charts(view: View) -> Charts:
    """Place all sizes on common scales; a size without a step has no chart."""
    scales = _build_scales(view)
    return Charts(
        sizes=tuple(_build_size_chart(cell, view, scales) for cell in view.cells if cell.steps),
        user_ticks=scales.users.place_ticks(),
        rt_ticks=scales.rt.place_ticks(),
        rps_ticks=scales.rps.place_ticks(),
        rt_limits=tuple(RtLimit(scales.rt(at_s), label) for label, at_s in view.rt_limits if at_s > 0),
    )


def _build_scales(view: View) -> _Scales:
    steps = [step.result for cell in view.cells for step in cell.steps]
    seconds = [
        value for step in steps for _, read in _PERCENTILES if (value := keep_finite(read(step))) is not None
    ]
    rates = [value for step in steps if (value := keep_finite(step.rps)) is not None]
    return _Scales(
        users=build_linear_scale(max([view.users_limit, *(step.users for step in steps)]), LEFT, RIGHT),
        rt=build_log_scale([*seconds, *(at_s for _, at_s in view.rt_limits)], RT_BOTTOM, RT_TOP),
        rps=build_linear_scale(max(rates, default=1.0) * 1.08, RPS_BOTTOM, RPS_TOP, about_ticks=3),
    )


def _build_size_chart(cell: CellView, view: View, scales: _Scales) -> SizeChart:
    steps = _select_last_steps(step.result for step in cell.steps)
    limits = cell.result.cell.limits
    return SizeChart(
        cell=cell,
        rt=tuple(Line(name, _draw_path(steps, read, scales.users, scales.rt)) for name, read in _PERCENTILES),
        rps=(
            _draw_light_load(steps, scales),
            Line("rps", _draw_path(steps, lambda step: step.rps, scales.users, scales.rps)),
        ),
        marks=tuple(
            Mark(scales.users(step.users), step.verdict, _describe_step(step)) for step in cell.steps
        ),
        band=_place_bracket(cell, scales.users),
        tone=[row for row, _ in view.grid.cpus].index((limits.cpu_cores, limits.replicas)) % _TONES,
        dash=[memory for memory, _ in view.grid.memories].index(limits.memory_bytes) % _DASHES,
    )


def _select_last_steps(steps: Iterable[StepResult]) -> list[StepResult]:
    """Return the valid steps, sorted by users; of several with the same users only the last."""
    last_steps = {step.users: step for step in steps if step.verdict is not Verdict.INVALID}
    return [last_steps[users] for users in sorted(last_steps)]


def _draw_path(
    steps: Sequence[StepResult], read: Callable[[StepResult], float | None], x: Scale, y: Scale
) -> str:
    """Return an SVG path; a step without data leaves a gap, and a step between two gaps is a dot (`h0`)."""
    commands, pen_is_down = [], False
    for step in steps:
        value = keep_finite(read(step))
        if value is not None:
            place = f"{x(step.users):g} {y(value):g}"
            commands.append(f"L{place}" if pen_is_down else f"M{place}h0")
        pen_is_down = value is not None
    return "".join(commands)


def _draw_light_load(steps: Sequence[StepResult], scales: _Scales) -> Line:
    """Return the line of the RPS that the target would give if each user got as many as at the lightest load.

    The target saturates where the measured RPS leaves this line.
    """
    lightest = next((step for step in steps if keep_finite(step.rps) and step.users), None)
    if lightest is None or lightest.rps is None:
        return Line("light", "")
    per_user = lightest.rps / lightest.users
    stays_inside = per_user * scales.users.high <= scales.rps.high
    users = scales.users.high if stays_inside else scales.rps.high / per_user
    x, y = scales.users, scales.rps
    return Line("light", f"M{x(0):g} {y(0):g}L{x(users):g} {y(users * per_user):g}")


def _place_bracket(cell: CellView, scale: Scale) -> Band | None:
    """Return the bracket's place; an open bracket ends at the chart's border. None without any users."""
    low, high = cell.result.sustained_users, cell.result.broken_users
    if low is None and high is None:
        return None
    left = scale(low or 0)
    right = scale(high) if high is not None else scale.end
    return Band(left, round(max(right - left, 1.5), 1))


def _describe_step(step: StepView) -> str:
    """Return a step as a line of text, for hovering and for screen readers."""
    times = f"p50 {step.p50}, p95 {step.p95}, p99 {step.p99}"
    return f"{step.users} users: {step.verdict}, {step.rps} RPS, {times}; {step.reason}"
