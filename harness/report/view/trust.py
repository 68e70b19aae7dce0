"""Put into words how far to trust a campaign: its load, its steps' validity, its checks and its machine."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from harness.model import (
    CampaignResult,
    CellResult,
    HostSpeed,
    IndicatorKind,
    StepResult,
    Verdict,
)
from harness.report.view import text
from harness.report.view.checks import Fact, build_check_facts
from harness.report.view.memory import find_memory_trend, is_known_to_last
from harness.report.view.scenario_errors import find_worst_tasks, name_error
from harness.report.view.shortfall import explain_gap

_UNSEEN_FROM_RATIO = 0.05
"""If more of the users' time than this is unexplained, it is no measuring error: tasks do something else."""

_NO_PACE_FROM_RATIO = 0.9
"""Users who wait for more of their time have no pace of their own: the shortfall is not judged then."""

_CONSTANT_BELOW_RATIO = 0.05
"""Think times whose coefficient of variation is smaller don't mix the users within a window."""

_SEEN_AT_LEAST_RATIO = 0.5
"""If fewer of the waiting requests are seen in flight, some client doesn't show them."""


_INVALID_NOTE = "INVALID steps say nothing about the target and enter no number"


def build_trust_facts(result: CampaignResult) -> tuple[Fact, ...]:
    """Return the lines of the trust section; INVALID steps are counted and enter no other figure."""
    steps = [step for cell in result.cells for step in cell.steps]
    valid = [step for step in steps if step.verdict is not Verdict.INVALID]
    return (
        Fact("Workload", "closed", "N users wait for the answer, think, and ask again; RPS is an outcome"),
        Fact("Mean think time", text.format_seconds(result.think_s), "as measured in the users' tasks"),
        *_build_arrivals_fact(valid),
        Fact("Steps", _count_verdicts(steps), "" if len(valid) == len(steps) else _INVALID_NOTE),
        Fact("Requests a window", _format_extremes([step.requests for step in valid]), "fewest – most"),
        _build_warm_up_fact(valid),
        Fact("Load in all", text.format_duration(_sum_load_s(result)), "ramps and settling included"),
        *_build_companions_fact(result, valid),
        *_build_validity_facts(valid),
        *_build_speed_fact(result.host_speed),
        *_build_shortfall_fact(result, valid),
        *_build_left_out_fact(valid),
        *_build_unseen_fact(valid),
        *_build_raised_fact(steps),
        _build_cpu_per_request_fact(valid),
        _build_waits_fact(valid),
        *_build_memory_fact(result.cells),
        *build_check_facts(result),
    )


def _build_arrivals_fact(steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield what constant think times hide; nothing if think times differ.

    Under constant pacing pauses differ by the response times, so the steps with the least spread tell.
    """
    spread = min(_select_known(step.think_spread_ratio for step in steps), default=None)
    if spread is not None and spread < _CONSTANT_BELOW_RATIO:
        note = (
            "think times are constant, so users keep the even distances in which the ramp lets them arrive; "
            "users who come at random wait longer: let think times vary, as with between(1, 4)"
        )
        yield Fact("Arrivals", "evenly spaced", note)


def _sum_load_s(result: CampaignResult) -> float:
    """Return how long users sent requests: in all cells, in first attempts, and in the checks at the end."""
    first_attempts_s = sum(cell.first.load_s for cell in result.cells if cell.first)
    drift_s = result.drift.load_s if result.drift and not result.drift.is_soak else 0.0
    soaks_s = sum(cell.soak.load_s for cell in result.cells if cell.soak)
    return sum(cell.load_s for cell in result.cells) + first_attempts_s + drift_s + soaks_s


def _build_companions_fact(result: CampaignResult, steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield the companions' names with their longest time to become ready; nothing without companions."""
    names = dict.fromkeys(use.name for step in steps for use in step.companions)
    if not names:
        return
    times_s = [cell.companions_ready_after_s for cell in result.cells]
    slowest = text.format_seconds(max((value for value in times_s if value is not None), default=None))
    note = f"started anew with every container of the target; ready and seeded after {slowest} at most"
    yield Fact("Companions", ", ".join(text.clean_text(name) for name in names), note)


def _build_validity_facts(steps: Sequence[StepResult]) -> tuple[Fact, ...]:
    """Return the figures of generator and host, each in its worst window."""
    unexplained = _find_worst([step.unexplained_ratio for step in steps])
    generator = _find_worst([step.generator.cpu_ratio for step in steps])
    lag_s = _find_worst([step.generator.loop_lag_s for step in steps])
    steal = _find_worst([step.host.steal_ratio for step in steps])
    foreign = _find_worst([step.host.foreign_cores for step in steps])
    proxy = _find_worst([step.host.proxy_cores for step in steps])
    unseen = "; the scenario's tasks do something else, such as requests that they don't report"
    return (
        Fact(
            "Little's law residual",
            text.format_ratio(unexplained),
            "users' time that is neither thinking nor waiting, in the worst window"
            + (unseen if (unexplained or 0.0) > _UNSEEN_FROM_RATIO else ""),
        ),
        Fact(
            "Generator CPU",
            text.format_ratio(generator),
            f"of one core, in its busiest window{_describe_workers(steps)}",
        ),
        Fact("Generator loop lag", text.format_seconds(lag_s), "in its worst window"),
        Fact(
            "Steal",
            text.format_ratio(steal),
            "CPU time that the hypervisor gave to others, in the worst window",
        ),
        Fact(
            "Other programs",
            _format_cores(foreign),
            "used on this host by other programs, in the worst window",
        ),
        Fact("Port proxy", _format_cores(proxy), "used by docker-proxy, which belongs to the generator"),
        _build_pace_fact(steps),
    )


def _build_left_out_fact(steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield how much of the windows was not judged; nothing if all of it was."""
    cut = [step for step in steps if step.host.left_out_s > 0]
    if cut:
        value = text.format_seconds(sum(step.host.left_out_s for step in cut), 0)
        windows = f"of {text.format_things(len(cut), 'window')}"
        yield Fact("Left out", value, f"{windows}: generator or host were disturbed, and the rest was judged")


def _build_unseen_fact(steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield that requests are not seen before they end, as of clients that only report their end."""
    ratios = _select_known(step.generator.seen_ratio for step in steps)
    if ratios and min(ratios) < _SEEN_AT_LEAST_RATIO:
        yield Fact(
            "Requests in flight",
            f"{text.format_ratio(min(ratios))} seen",
            "a client other than Locust's HTTP clients reports requests only when they end: "
            "those that hang are not counted, and a stall is not found",
        )


def _build_raised_fact(steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield which share of the tasks ended in exceptions; nothing if none did, or if none were counted."""
    tasks = find_worst_tasks(steps)
    if tasks is not None and tasks.unexplained_count and tasks.error is not None:
        value = f"up to {text.format_ratio(tasks.unexplained_ratio)}"
        error = text.clean_text(name_error(tasks.error))
        note = f"of a window's tasks, without a failed request before; most often {error}"
        yield Fact("Tasks that raised exceptions", value, note)


def _build_shortfall_fact(result: CampaignResult, steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Yield why no step was judged by its throughput shortfall, although an SLO limits it."""
    has_slo = any(slo.kind is IndicatorKind.SHORTFALL for slo in result.slos)
    ratios = [step.wait_ratio for step in steps if step.wait_ratio is not None]
    if not has_slo or not ratios or any(step.shortfall_ratio is not None for step in steps):
        return
    gap = next((step.shortfall_gap for step in reversed(steps) if step.shortfall_gap is not None), None)
    if gap is not None:
        yield Fact("Throughput shortfall", "not judged", explain_gap(gap))
        return
    note = (
        "users hardly think, so their throughput only repeats the response time"
        if min(ratios) > _NO_PACE_FROM_RATIO
        else "no other step was light, to compare with"
    )
    yield Fact("Throughput shortfall", "not judged", note)


def _describe_workers(steps: Sequence[StepResult]) -> str:
    """Return how many Locust workers there were, and how exact remote clocks are; empty for one worker."""
    most = max((step.generator.workers for step in steps), default=1)
    if most == 1:
        return ""
    error_s = max(step.generator.clock_error_s for step in steps)
    clocks = f", whose clocks are exact to {text.format_milliseconds(error_s, 1)}" if error_s else ""
    return f", by the busiest of {most} workers{clocks}"


def _build_warm_up_fact(steps: Sequence[StepResult]) -> Fact:
    """Return how long the load was on before windows began: longer if the target still got faster."""
    times_s = _select_known(step.settling.length_s for step in steps)
    value = text.format_range(min(times_s), max(times_s), "s") if times_s else text.NO_DATA
    cold_count = sum(not step.settling.was_warm for step in steps)
    note = "load before a window began: longer if the target still got faster"
    if cold_count:
        note += (
            f"; in {text.format_count(cold_count)} of {text.format_count(len(steps))} steps "
            "it still got faster when the window began"
        )
    return Fact("Settling and warm-up", value, note)


def _format_cores(value: float | None) -> str:
    return text.NO_DATA if value is None else f"{text.format_number(value, 2)} cores"


def _build_pace_fact(steps: Sequence[StepResult]) -> Fact:
    """Return how far the host's own speed moved between windows."""
    times_s = _select_known(step.host.work_s for step in steps)
    has_pace = times_s and min(times_s) > 0
    value = text.format_ratio(max(times_s) / min(times_s) - 1) if has_pace else text.NO_DATA
    note = "by how much the slowest window was slower than the fastest, by a fixed piece of work each second"
    return Fact("Host's pace", value, note)


def _build_speed_fact(speed: HostSpeed | None) -> Iterator[Fact]:
    """Yield how closely the CPU time per request follows the host's pace; nothing if the pace is unknown."""
    if speed is None:
        return
    value = f"{text.format_number(speed.elasticity, 2)} ± {text.format_number(speed.elasticity_sigma, 2)}"
    note = (
        "1 if the CPU time per request follows the host's pace, 0 if not at all; capacities are converted by "
        f"it to the host's best ({text.format_milliseconds(speed.reference_work_s, 2)} for the piece of work)"
    )
    yield Fact("Requests follow the pace", value, note)


def _build_cpu_per_request_fact(steps: Sequence[StepResult]) -> Fact:
    costs_ms = [value * 1000 for value in _select_known(step.target.cpu_per_request_s for step in steps)]
    value = text.format_range(min(costs_ms), max(costs_ms), "ms", 1) if costs_ms else text.NO_DATA
    return Fact(
        "CPU per request", value, "a wide range at equal load would mean that the host's speed drifted"
    )


def _build_waits_fact(steps: Sequence[StepResult]) -> Fact:
    """Return for what the targets' work waited longest, or that this is not known."""
    stalls = [step.target.stalls for step in steps]
    longest = {
        "core": _find_worst([each.cpu_ratio for each in stalls]),
        "memory": _find_worst([each.memory_ratio for each in stalls]),
        "disk": _find_worst([each.io_ratio for each in stalls]),
    }
    known = [f"{name} {text.format_ratio(ratio)}" for name, ratio in longest.items() if ratio is not None]
    if not known:
        why = "not known: the kernel did not count it, or its own files were not in reach"
        return Fact("Work waited for", text.NO_DATA, why)
    note = "of the time at most, each in its worst window, by the kernel's pressure stall information"
    return Fact("Work waited for", ", ".join(known), note)


def _build_memory_fact(cells: Sequence[CellResult]) -> Iterator[Fact]:
    """Yield for how many sizes it is known that their memory lasts; nothing if none shows its memory."""
    watched = [cell for cell in cells if find_memory_trend(cell) is not None]
    if watched:
        lasting = sum(map(is_known_to_last, watched))
        note = (
            "at their highest pass the memory lasts for the matrix's horizon (steps.horizon), even if it "
            "goes on to grow as it did at last"
        )
        if any(cell.shown_memory is not None for cell in watched):
            note += "; away from the decision it counts too that as much memory lasts in another size"
        yield Fact("Memory", f"{lasting} of {len(watched)} sizes", note)


def _find_worst(values: Iterable[float | None]) -> float | None:
    return max((abs(value) for value in _select_known(values)), default=None)


def _select_known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and text.keep_finite(value) is not None]


def _count_verdicts(steps: Sequence[StepResult]) -> str:
    counts = Counter(step.verdict for step in steps)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]) or text.NO_DATA


def _format_extremes(values: Sequence[int]) -> str:
    if not values:
        return text.NO_DATA
    return f"{text.format_count(min(values))} – {text.format_count(max(values))}"
