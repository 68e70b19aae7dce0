"""The one view model: all that any report shows, formatted once. Foreign texts are inert here already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.model import (
    CampaignResult,
    CellResult,
    Cost,
    Limits,
    NameStats,
    Sizing,
    Status,
    StepResult,
    Verdict,
)
from harness.report import outcome, words
from harness.report.checks import spread, warnings
from harness.report.fact import Fact
from harness.report.trust import environment, trust


@dataclass(frozen=True, slots=True)
class NameView:
    """One request name within a step's window."""

    name: str
    requests: str
    errors: str
    p50: str
    p95: str
    mean: str


@dataclass(frozen=True, slots=True)
class StepView:
    """A judged step. `result` keeps the numbers for charts."""

    users: int
    verdict: str
    rule: str
    reason: str
    window: str
    requests: str
    rps: str
    p50: str
    p95: str
    p99: str
    error_ratio: str
    cpu_used: str
    throttled: str
    memory_peak: str
    errors: tuple[tuple[str, str], ...]
    by_name: tuple[NameView, ...]
    result: StepResult = field(repr=False)


@dataclass(frozen=True, slots=True)
class CellView:
    """One size, ready to be placed. `heat` is 1 … 9 by sustained users, 0 where none, None where unknown."""

    id: str
    size: str
    name: str
    status: str
    symbol: str
    bracket: str
    heat: int | None
    sustains_limit: bool
    is_taken: bool
    factor: str
    evidence: str
    why: str
    estimate: str
    rps: str
    p95: str
    error_ratio: str
    cpu_used: str
    cpu_share: str
    throttled: str
    memory_peak: str
    memory_share: str
    ready_after: str
    load: str
    remark: str
    spread: str
    price: str
    price_per_100: str
    on_front: bool
    steps: tuple[StepView, ...]
    result: CellResult = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grid:
    """CPU × memory. A size that the matrix does not name has no entry; repetitions share one.

    `borders` is where the users asked for begin to be sustained: `left` or `top` (or both) of such a size.
    """

    cpus: tuple[tuple[float, str], ...]
    memories: tuple[tuple[int, str], ...]
    sizes: Mapping[tuple[float, int], tuple[CellView, ...]]
    borders: Mapping[tuple[float, int], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class View:
    """A campaign's answer as people read it."""

    campaign: str
    target: str
    scenario: str
    started_at: str
    state: str
    progress: str
    users_limit: int
    slos: tuple[str, ...]
    rt_limits: tuple[tuple[str, float], ...]
    sizing: Sizing
    cells: tuple[CellView, ...]
    grid: Grid
    warnings: tuple[str, ...]
    trust: tuple[Fact, ...]
    environment: tuple[Fact, ...]
    costs: tuple[Cost, ...]
    currency: str

    @property
    def is_running(self) -> bool:
        return self.state == "running"


def view(result: CampaignResult) -> View:
    costs = {cost.limits: cost for cost in result.costs}
    side_by_side = [cell for cells in _by_size(result.cells).values() for cell in cells]
    cells = tuple(
        replace(
            _cell(cell, result.users_limit, result.sizing),
            spread=spread(result, cell),
            **_priced(costs.get(cell.cell.limits), _currency(result)),
        )
        for cell in side_by_side
    )
    return View(
        campaign=words.inert(result.campaign),
        target=words.inert(result.target),
        scenario=words.inert(result.scenario),
        started_at=words.instant(result.started_at),
        state=words.inert(result.state),
        progress=_progress(result),
        users_limit=result.users_limit,
        slos=tuple(words.slo(slo) for slo in result.slos),
        rt_limits=tuple(
            (words.slo(slo), slo.at_most)
            for slo in result.slos
            if slo.request_name is None and words.is_response_time(slo.indicator)
        ),
        sizing=result.sizing,
        cells=cells,
        grid=_grid(cells),
        warnings=warnings(result),
        trust=trust(result),
        environment=environment(result.environment),
        costs=result.costs,
        currency=_currency(result),
    )


def _currency(result: CampaignResult) -> str:
    return words.inert(result.price.currency) if result.price else ""


def _priced(cost: Cost | None, currency: str) -> dict[str, Any]:
    if cost is None:
        return {}
    most = "≤ " if cost.is_at_most and cost.users else ""
    return {
        "price": words.money(cost.hour, currency),
        "price_per_100": most + words.money(cost.hour_per_100_users, currency) if cost.users else words.NO_DATA,
        "on_front": cost.on_front,
    }


def _by_size(cells: Sequence[CellResult]) -> dict[Limits, tuple[CellResult, ...]]:
    sizes: dict[Limits, tuple[CellResult, ...]] = {}
    for cell in cells:
        sizes[cell.cell.limits] = (*sizes.get(cell.cell.limits, ()), cell)
    return sizes


def _progress(result: CampaignResult) -> str:
    """How far a campaign is that did not reach its end; empty for a complete one."""
    if result.state == "complete":
        return ""
    done = sum(cell.status is not Status.RUNNING for cell in result.cells)
    under_way = [cell for cell in result.cells if cell.status is Status.RUNNING and cell.steps]
    text = f"{done} of {len(result.cells)} sizes have their answer"
    if under_way:
        steps = len(under_way[0].steps)
        text += (
            f"; {words.size(under_way[0].cell.limits)} has {steps} {'step' if steps == 1 else 'steps'} so far"
        )
    return text


def _cell(result: CellResult, users_limit: int, sizing: Sizing) -> CellView:
    limits, shown = result.cell.limits, _trusted(result)
    return CellView(
        id=words.inert(result.cell.id),
        size=words.size(limits),
        name=_name(result),
        status=result.status.value,
        symbol=outcome.SYMBOLS[result.status],
        bracket=outcome.bracket(result),
        heat=_heat(result, users_limit),
        sustains_limit=result.sustains(users_limit),
        is_taken=sizing.take is not None and sizing.take.cell.limits == limits,
        factor=outcome.factor(result),
        evidence=words.inert(result.evidence),
        why=outcome.why(result),
        estimate=outcome.capacity(result)
        if words.known(result.estimate_users) is not None
        else words.NO_DATA,
        rps=words.rate(shown.rps),
        p95=words.seconds(shown.p95_s),
        error_ratio=words.percent(shown.error_ratio),
        cpu_used=words.cores(shown.cpu_used_cores),
        cpu_share=words.percent(words.share(shown.cpu_used_cores, limits.cpu_cores)),
        throttled=words.percent(shown.throttled_ratio),
        memory_peak=words.mebibytes(shown.memory_peak_bytes),
        memory_share=words.percent(words.share(shown.memory_peak_bytes, limits.memory_bytes)),
        ready_after=words.seconds(result.ready_after_s),
        load=words.duration(result.load_s),
        remark=outcome.remark(result),
        spread="",
        price="",
        price_per_100="",
        on_front=False,
        steps=tuple(_step(step) for step in sorted(result.steps, key=lambda step: step.index)),
        result=shown,
    )


def _trusted(result: CellResult) -> CellResult:
    """An INVALID cell has no numbers to compare: those of a lighter step would pass for its answer."""
    if result.status is not Status.INVALID:
        return result
    return replace(
        result,
        rps=None,
        p95_s=None,
        error_ratio=None,
        cpu_used_cores=None,
        throttled_ratio=None,
        memory_peak_bytes=None,
    )


def _name(result: CellResult) -> str:
    """What the matrix calls this size, and which repetition it is: empty for a plain one."""
    named = words.inert(result.cell.size_name) if result.cell.size_name else ""
    repeated = f"run {result.cell.repetition}" if result.cell.repetition > 1 else ""
    return ", ".join(part for part in (named, repeated) if part)


def _heat(result: CellResult, users_limit: int) -> int | None:
    if result.status is Status.NONE:
        return 0
    if result.is_open or result.status is Status.FAILED or result.sustained_users is None:
        return None
    return max(1, min(9, round(9 * result.sustained_users / max(users_limit, 1))))


def _step(step: StepResult) -> StepView:
    return StepView(
        users=step.users,
        verdict=step.verdict.value,
        rule=words.inert(step.rule),
        reason=words.inert(step.reason),
        window=words.duration(step.window_s),
        requests=words.count(step.requests),
        rps=words.rate(step.rps),
        p50=words.seconds(step.p50_s),
        p95=words.seconds(step.p95_s),
        p99=words.seconds(step.p99_s),
        error_ratio=words.percent(step.error_ratio),
        cpu_used=words.cores(step.cpu_used_cores),
        throttled=words.percent(step.throttled_ratio),
        memory_peak=words.mebibytes(step.memory_peak_bytes),
        errors=_errors(step.errors),
        by_name=tuple(_by_name(stats) for stats in step.by_name),
        result=step,
    )


def _errors(errors: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    """Kinds of errors with their counts, the most frequent first."""
    ranked: Sequence[tuple[Any, int]] = sorted(errors.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple((words.inert(kind), words.count(number)) for kind, number in ranked)


def _by_name(stats: NameStats) -> NameView:
    return NameView(
        name=words.inert(stats.name),
        requests=words.count(stats.requests),
        errors=words.count(stats.errors),
        p50=words.seconds(stats.p50_s),
        p95=words.seconds(stats.p95_s),
        mean=words.seconds(stats.mean_s),
    )


def _grid(cells: Sequence[CellView]) -> Grid:
    sizes: dict[tuple[float, int], tuple[CellView, ...]] = {}
    for cell in cells:
        key = _key(cell.result.cell.limits)
        sizes[key] = (*sizes.get(key, ()), cell)
    cpus = sorted({cell.result.cell.limits.cpu_cores for cell in cells})
    memories = sorted({cell.result.cell.limits.memory_bytes for cell in cells})
    return Grid(
        cpus=tuple((cpu, f"{cpu:g} CPU") for cpu in cpus),
        memories=tuple((memory, words.mebibytes(memory)) for memory in memories),
        sizes=sizes,
        borders=_borders(sizes, cpus, memories),
    )


def _borders(
    sizes: Mapping[tuple[float, int], tuple[CellView, ...]], cpus: Sequence[float], memories: Sequence[int]
) -> dict[tuple[float, int], tuple[str, ...]]:
    """The sides on which a size that sustains the users meets one that does not, or that nobody knows."""
    enough = {key for key, cells in sizes.items() if all(cell.sustains_limit for cell in cells)}
    found = {}
    for row, cpu in enumerate(cpus):
        for column, memory in enumerate(memories):
            left = (cpu, memories[column - 1]) if column else None
            above = (cpus[row - 1], memory) if row else None
            sides = (("left", left), ("top", above))
            meets = tuple(side for side, other in sides if other is not None and other not in enough)
            if (cpu, memory) in enough and meets:
                found[cpu, memory] = meets
    return found


def _key(limits: Limits) -> tuple[float, int]:
    return limits.cpu_cores, limits.memory_bytes


def decisive(cell: CellView) -> tuple[StepView, ...]:
    """The steps at the bracket's ends: last PASS at `sustained_users`, last FAIL at `broken_users`."""
    ends = (
        (cell.result.sustained_users, Verdict.PASS.value),
        (cell.result.broken_users, Verdict.FAIL.value),
    )
    found = (
        next((step for step in reversed(cell.steps) if (step.users, step.verdict) == end), None)
        for end in ends
    )
    return tuple(step for step in found if step is not None)
