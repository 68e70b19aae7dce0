"""How far to trust a campaign: validity figures over its steps, the workload's model, the machine."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.model import CampaignResult, StepResult, Verdict
from harness.report.view import text
from harness.report.view.checks import checks
from harness.report.view.fact import Fact

PAUSES = 0.05
"""Of the users' time: more than book-keeping leaves over. No fault where a scenario sleeps within a task."""


def trust(result: CampaignResult) -> tuple[Fact, ...]:
    steps = [step for cell in result.cells for step in cell.steps]
    sound = [step for step in steps if step.verdict is not Verdict.INVALID]
    first_s = sum(cell.first.load_s for cell in result.cells if cell.first)
    load_s = (
        sum(cell.load_s for cell in result.cells) + first_s + (result.drift.load_s if result.drift else 0)
    )
    return (
        Fact("Workload", "closed", "N users wait for the answer, think, and ask again; RPS is an outcome"),
        Fact("Mean think time", text.seconds(result.think_s), "as the users' tasks really waited"),
        Fact("Steps", _verdicts(steps), "INVALID steps say nothing about the target and enter no number"),
        Fact("Requests a window", _span([step.requests for step in sound]), "fewest – most"),
        _warm_up(sound),
        Fact("Load in all", text.duration(load_s), "ramps and settling included"),
        *_companions(result, sound),
        *_validity(sound),
        _cpu_per_request(sound),
        *checks(result),
    )


def _companions(result: CampaignResult, steps: Sequence[StepResult]) -> Iterator[Fact]:
    """Which there were, and how long it took to bring them up anew for every container."""
    names = dict.fromkeys(use.name for step in steps for use in step.companions)
    if not names:
        return
    times_s = [cell.companions_ready_after_s for cell in result.cells]
    said = text.seconds(max((value for value in times_s if value is not None), default=None))
    note = f"as fresh as the target in every container life; ready and seeded after {said} at most"
    yield Fact("Companions", ", ".join(text.inert(name) for name in names), note)


def _validity(steps: Sequence[StepResult]) -> tuple[Fact, ...]:
    """The worst window of all that were judged."""
    residual = _worst([step.little_residual_ratio for step in steps])
    generator = _worst([step.generator_cpu_ratio for step in steps])
    lag = _worst([step.loop_lag_s for step in steps])
    steal = _worst([step.steal_ratio for step in steps])
    foreign = _worst([step.foreign_cores for step in steps])
    proxy = _worst([step.proxy_cores for step in steps])
    processes = _processes(steps)
    return (
        Fact(
            "Little's law residual",
            text.percent(residual),
            "users' time that nothing accounts for, at worst"
            + (
                "; the scenario pauses within its tasks, or Locust does" if (residual or 0.0) > PAUSES else ""
            ),
        ),
        Fact("Generator CPU", text.percent(generator), f"of one core, in its busiest window{processes}"),
        Fact("Generator loop lag", text.seconds(lag), "in its worst window"),
        Fact("Steal", text.percent(steal), "what the hypervisor gave to others, in the worst window"),
        Fact("Foreign load", _cores(foreign), "what other programs on this host used, in the worst window"),
        Fact("Port proxy", _cores(proxy), "CPU of docker-proxy, on the generator's account"),
        _pace(steps),
    )


def _processes(steps: Sequence[StepResult]) -> str:
    """How many Locust workers there were, and how well their clocks are known where these are not ours."""
    most = max((step.generator_workers for step in steps), default=1)
    if most == 1:
        return ""
    error_s = max(step.clock_error_s for step in steps)
    clocks = f", whose clocks are known to {error_s * 1000:.1f} ms" if error_s else ""
    return f", by the busiest of {most} workers{clocks}"


def _warm_up(steps: Sequence[StepResult]) -> Fact:
    """How long the load was on before windows began: longer where the target still got faster."""
    times_s = [value for step in steps if (value := text.known(step.settle_s)) is not None]
    said = f"{min(times_s):.0f} – {max(times_s):.0f} s" if times_s else text.NO_DATA
    cold = sum(not step.was_warm for step in steps)
    still = f"; in {text.count(cold)} of {text.count(len(steps))} it still did then" if cold else ""
    note = f"load before a window began, for as long as the target still got faster{still}"
    return Fact("Settling and warm-up", said, note)


def _cores(value: float | None) -> str:
    return text.NO_DATA if value is None else f"{value:.2f} cores"


def _pace(steps: Sequence[StepResult]) -> Fact:
    """How far the host's own speed moved between windows; nothing is corrected for it."""
    works = [value for step in steps if (value := text.known(step.work_s)) is not None]
    said = f"{max(works) / min(works) - 1:.0%}" if works and min(works) > 0 else text.NO_DATA
    return Fact("Host's pace", said, "slowest window against fastest, by a fixed piece of work each second")


def _worst(values: Sequence[float | None]) -> float | None:
    return max(
        (abs(value) for value in values if value is not None and text.known(value) is not None), default=None
    )


def _verdicts(steps: Sequence[StepResult]) -> str:
    counted = Counter(step.verdict for step in steps)
    return (
        ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict]) or text.NO_DATA
    )


def _span(values: Sequence[int]) -> str:
    return f"{text.count(min(values))} – {text.count(max(values))}" if values else text.NO_DATA


def _cpu_per_request(steps: Sequence[StepResult]) -> Fact:
    values = [value * 1000 for step in steps if (value := text.known(step.cpu_per_request_s)) is not None]
    said = f"{min(values):.1f} – {max(values):.1f} ms" if values else text.NO_DATA
    return Fact("CPU per request", said, "a wide span at equal load would mean that the host's speed drifted")


def environment(stored: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The machine's fingerprint, flattened: `engine.version` becomes "engine version"."""
    return tuple(Fact(label, value) for label, value in _flat("", stored) if value)


def _flat(prefix: str, stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in stored.items():
        label = f"{prefix} {text.inert(key)}".strip()
        if isinstance(value, Mapping):
            yield from _flat(label, value)
        else:
            yield _labelled(label, value)


def _labelled(label: str, value: Any) -> tuple[str, str]:
    if label.endswith("_bytes") and isinstance(value, int):
        return label.removesuffix("_bytes").replace("_", " "), text.mebibytes(value)
    shown = (
        ", ".join(str(item) for item in value)
        if isinstance(value, list | tuple)
        else ""
        if value is None
        else str(value)
    )
    return label.replace("_", " "), text.inert(shown)
