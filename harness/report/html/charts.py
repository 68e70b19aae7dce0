"""Compute the places and paths of the page's curves; the templates only draw them.

The page holds inline SVG and no charting library: with Vega (vl-convert 1.9) every process that draws needed
2–3 s and 130 MB, and every page grew by 0.9 MB, while a campaign draws after every step.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.model import CellResult, CurvePoint, Limits, StepResult
from harness.report.html.curve_paths import (
    OVERVIEW,
    PANEL,
    Axes,
    Line,
    Read,
    Scales,
    build_axes,
    build_scales,
    draw_path,
    find_light_rate,
    fits,
    join_places,
    join_points,
    list_p95s,
    list_points,
    read_p95,
    read_rps,
)
from harness.report.html.scales import Scale
from harness.report.view.cells import CellView
from harness.report.view.curves import describe_point
from harness.report.view.steps import StepView
from harness.report.view.text import format_users, keep_finite
from harness.report.view.view import View

_TONES, _DASHES = 6, 6
_MOST_LABELS = 16
_LABEL_HEIGHT = 9.0
_LABEL_WIDTH = 80.0
_PERCENTILES: tuple[tuple[str, Callable[[StepResult], float | None]], ...] = (
    ("p50", lambda step: step.latency.p50_s),
    ("p95", lambda step: step.latency.p95_s),
    ("p99", lambda step: step.latency.p99_s),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to read on a panel: a window, or a point of the ramp; `verdict` is empty where none counts."""

    x: float
    verdict: str
    description: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A window on a curve, with the path of its 95 % interval, which is empty if that is unknown."""

    x: float
    y: float
    verdict: str
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """The bracket, within which the capacity lies."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a size at the end of its curve in the overview, joined to it by a line if it was moved."""

    x: float
    y: float
    text: str
    leader: str


@dataclass(frozen=True, slots=True)
class SizeChart:
    """The curves of one size over its users.

    `lines` and `dots` are its panel's. `rt` and `rps` are its paths in the overview, with the windows as
    `overview_dots` on them, and `label` at the end. `tone` numbers the colour of its CPU limit, and `dash`
    the dash pattern of its memory limit. `shape` is the word for what happens at the `knee`.
    """

    cell: CellView
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    marks: tuple[Mark, ...]
    band: Band | None
    knee: float | None
    shape: str
    rt: str
    rps: str
    overview_dots: tuple[Dot, ...]
    label: Label | None
    tone: int
    dash: int


@dataclass(frozen=True, slots=True)
class Charts:
    """All sizes on the same scales, so that a reader can compare their charts at a glance."""

    sizes: tuple[SizeChart, ...]
    panel: Axes
    overview: Axes

    @property
    def has_ramps(self) -> bool:
        """True if a size shows its ramp: older campaigns have none."""
        return any(line.path and line.kind.startswith("ramp") for chart in self.sizes for line in chart.lines)

    @property
    def has_knees(self) -> bool:
        """True if a size shows its knee."""
        return any(chart.knee is not None for chart in self.sizes)


def build_charts(view: View) -> Charts:
    """Place all sizes on common scales; a size without a step has no chart."""
    cells = [cell for cell in view.cells if cell.steps]
    results = [cell.result for cell in cells]
    limits_s = [at_s for _, at_s in view.rt_limits]
    panel = build_scales(PANEL, results, view.users_limit, [*limits_s, *_list_panel_times(results)])
    overview = build_scales(OVERVIEW, results, view.users_limit, [*limits_s, *list_p95s(results)])
    rows = [row for row, _ in view.grid.cpus]
    columns = sorted({_get_column(cell.result.cell.limits) for cell in view.cells})
    charts = [_build_size_chart(cell, rows, columns, panel, overview) for cell in cells]
    labels = _place_labels(charts, results, overview) if len(charts) <= _MOST_LABELS else {}
    light = find_light_rate(results)
    return Charts(
        tuple(_add_label(chart, labels.get(chart.cell.id)) for chart in charts),
        build_axes(panel, view.rt_limits, light),
        build_axes(overview, view.rt_limits, light),
    )


def _list_panel_times(results: Iterable[CellResult]) -> Iterator[float | None]:
    """Yield the response times that panels draw."""
    for result in results:
        for point in list_points(result):
            yield from (point.p50_s, point.p95_s)
        yield from (step.latency.p99_s for step in result.usable_steps)


def _get_column(limits: Limits) -> tuple[int, str]:
    """Return what sizes of the same CPU differ in: the memory and the variant."""
    return limits.memory_bytes, limits.variant or ""


def _build_size_chart(
    cell: CellView,
    rows: Sequence[tuple[float, int]],
    columns: Sequence[tuple[int, str]],
    panel: Scales,
    overview: Scales,
) -> SizeChart:
    limits = cell.result.cell.limits
    points = list_points(cell.result)
    windows = [point for point in points if not point.is_on_ramp]
    joined = join_points(points)
    curve = cell.result.curve
    knee = keep_finite(curve.knee_users) if curve is not None else None
    return SizeChart(
        cell=cell,
        lines=(*_draw_ramp(points, panel), *_draw_windows(cell, panel), *_draw_shares(joined, limits, panel)),
        dots=(*_place_dots(windows, panel.users, panel.rt, read_p95, lambda point: point.p95_interval),
              *_place_dots(windows, panel.users, panel.rps, read_rps, lambda point: point.rps_interval)),
        marks=_place_marks(cell, points, panel.users),
        band=_place_bracket(cell, panel.users),
        knee=None if knee is None else panel.users(knee),
        shape=curve.shape.value if curve is not None and curve.shape is not None else "",
        rt=draw_path(joined, read_p95, overview.users, overview.rt),
        rps=draw_path(joined, read_rps, overview.users, overview.rps),
        overview_dots=(*_place_dots(windows, overview.users, overview.rt, read_p95),
                       *_place_dots(windows, overview.users, overview.rps, read_rps)),
        label=None,
        tone=rows.index((limits.cpu_cores, limits.replicas)) % _TONES,
        dash=columns.index(_get_column(limits)) % _DASHES,
    )  # fmt: skip


def _draw_ramp(points: Sequence[CurvePoint], scales: Scales) -> tuple[Line, ...]:
    ramp = [point for point in points if point.is_on_ramp]
    return (
        Line("ramp p50", draw_path(ramp, lambda point: point.p50_s, scales.users, scales.rt)),
        Line("ramp p95", draw_path(ramp, read_p95, scales.users, scales.rt)),
        Line("ramp rps", draw_path(ramp, read_rps, scales.users, scales.rps)),
    )


def _draw_windows(cell: CellView, scales: Scales) -> tuple[Line, ...]:
    last = {step.users: step for step in cell.result.usable_steps}
    steps = [last[users] for users in sorted(last)]
    rates = [(scales.users(step.users), keep_finite(step.rps)) for step in steps]
    return (
        *(Line(name, _draw_steps(steps, read, scales)) for name, read in _PERCENTILES),
        Line("rps", join_places((x, scales.rps(rps) if rps else None) for x, rps in rates)),
    )


def _draw_steps(
    steps: Sequence[StepResult], read: Callable[[StepResult], float | None], scales: Scales
) -> str:
    values = ((step, keep_finite(read(step))) for step in steps)
    return join_places(
        (scales.users(step.users), scales.rt(value) if value else None) for step, value in values
    )


def _draw_shares(points: Sequence[CurvePoint], limits: Limits, scales: Scales) -> tuple[Line, ...]:
    """Draw how much of its limits a size uses: CPU, memory, throttled periods, and failed requests."""

    def draw(kind: str, read: Read, limit: float = 1.0) -> Line:
        def read_share(point: CurvePoint) -> float | None:
            value = keep_finite(read(point))
            return None if value is None else value / limit

        return Line(kind, draw_path(points, read_share, scales.users, scales.shares))

    return (
        draw("share cpu", lambda point: point.cpu_cores, limits.total_cores),
        draw("share memory", lambda point: point.memory_bytes, float(limits.memory_bytes)),
        draw("share throttled", lambda point: point.throttled_ratio),
        draw("share errors", lambda point: point.error_ratio),
    )


def _place_dots(
    windows: Sequence[CurvePoint],
    x: Scale,
    y: Scale,
    read: Read,
    read_interval: Callable[[CurvePoint], tuple[float, float] | None] = lambda point: None,
) -> tuple[Dot, ...]:
    dots = []
    for point in windows:
        value = keep_finite(read(point))
        if value is None or not fits(y, value):
            continue
        interval, at = read_interval(point), x(point.users)
        ends = None if interval is None else tuple(y(end) for end in interval)
        path = "" if ends is None else f"M{at - 2:g} {ends[0]:g}h4M{at:g} {ends[0]:g}V{ends[1]:g}m-2 0h4"
        dots.append(Dot(at, y(value), point.verdict.value if point.verdict is not None else "", path))
    return tuple(dots)


def _place_marks(cell: CellView, points: Sequence[CurvePoint], x: Scale) -> tuple[Mark, ...]:
    """Place what can be read: every window, and every point of the ramp.

    Of several windows with the same users those that count come first, which pointing at them shows. The
    others have no verdict here.
    """
    limits, superseded = cell.result.cell.limits, cell.result.superseded_steps
    old = [step for step in cell.steps if step.result.index in superseded]
    return (
        *(Mark(x(step.users), step.verdict, _describe_step(step)) for step in cell.steps if step not in old),
        *(Mark(x(step.users), "", _describe_step(step)) for step in old),
        *(Mark(x(point.users), "", describe_point(point, limits)) for point in points if point.is_on_ramp),
    )


def _place_bracket(cell: CellView, scale: Scale) -> Band | None:
    """Return the bracket's place; an open bracket ends at the chart's border. None without any users."""
    low, high = cell.result.sustained_users, cell.result.broken_users
    if low is None and high is None:
        return None
    left = scale(low) if low is not None else scale.start
    right = scale(high) if high is not None else scale.end
    return Band(left, round(max(right - left, 1.5), 1))


def _describe_step(step: StepView) -> str:
    """Return a step as a line of text, for hovering and for screen readers."""
    times = f"p50 {step.p50}, p95 {step.p95}, p99 {step.p99}"
    waits = f"work waited for: {step.waits}"
    return f"{format_users(step.users)}: {step.verdict}, {step.rps} RPS, {times}; {step.reason}; {waits}"


def _place_labels(
    charts: Sequence[SizeChart], results: Sequence[CellResult], scales: Scales
) -> dict[str, Label]:
    """Name each curve at its end, where there is room: larger sizes pass above. Labels don't overlap."""
    ends = []
    for chart, result in zip(charts, results, strict=True):
        known = [point for point in join_points(list_points(result)) if keep_finite(point.rps)]
        if known:
            ends.append((scales.rps(known[-1].rps or 0.0), scales.users(known[-1].users), chart.cell))
    labels: dict[str, Label] = {}
    for y, x, cell in sorted(ends, key=lambda end: end[:2]):
        above = [label for label in labels.values() if abs(label.x - x) < _LABEL_WIDTH]
        place = max([y + 3, *(label.y + _LABEL_HEIGHT for label in above)])
        leader = f"M{x + 1:g} {y:g}L{x + 8:g} {place - 3:g}" if place > y + 4 else ""
        labels[cell.id] = Label(x + 10, round(place, 1), cell.size, leader)
    return labels


def _add_label(chart: SizeChart, label: Label | None) -> SizeChart:
    return chart if label is None else replace(chart, label=label)
