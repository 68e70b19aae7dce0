"""How far to trust a campaign: validity figures over its steps, the workload's model, the machine."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.model import CampaignResult, StepResult, Verdict
from harness.report import words


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of a list: what, its value, and how to read it."""

    label: str
    value: str
    note: str = ""


def trust(result: CampaignResult) -> tuple[Fact, ...]:
    steps = [step for cell in result.cells for step in cell.steps]
    sound = [step for step in steps if step.verdict is not Verdict.INVALID]
    return (
        Fact("Workload", "closed", "N users who wait for the answer, think, and ask again; RPS is an outcome"),
        Fact("Mean think time", words.seconds(result.think_s), "as the users' tasks really waited"),
        Fact("Steps", _verdicts(steps), "INVALID steps say nothing about the target and enter no number"),
        Fact("Requests a window", _span([step.requests for step in sound]), "fewest – most; verdicts come from raw requests"),
        Fact("Load in all", words.duration(sum(cell.load_s for cell in result.cells)), "ramps and settling included"),
        _worst(sound, "Little's law residual", lambda step: step.little_residual_ratio, words.percent,
               "largest share of the users' time that is neither thinking nor waiting; a few per cent at most"),
        _worst(sound, "Generator CPU", lambda step: step.generator_cpu_ratio, words.percent, "busiest window, of one core"),
        _worst(sound, "Generator loop lag", lambda step: step.loop_lag_s, words.seconds, "worst window"),
        _worst(sound, "Steal", lambda step: step.steal_ratio, words.percent, "worst window: what the hypervisor gave to others"),
        _cpu_per_request(sound),
    )  # fmt: skip


def _verdicts(steps: Sequence[StepResult]) -> str:
    counted = Counter(step.verdict for step in steps)
    return (
        ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict]) or words.NO_DATA
    )


def _span(values: Sequence[int]) -> str:
    return f"{words.count(min(values))} – {words.count(max(values))}" if values else words.NO_DATA


def _worst(
    steps: Sequence[StepResult],
    label: str,
    read: Callable[[StepResult], float | None],
    write: Callable[[float | None], str],
    note: str,
) -> Fact:
    values = [abs(value) for step in steps if (value := words.known(read(step))) is not None]
    return Fact(label, write(max(values, default=None)), note)


def _cpu_per_request(steps: Sequence[StepResult]) -> Fact:
    values = [value * 1000 for step in steps if (value := words.known(step.cpu_per_request_s)) is not None]
    said = f"{min(values):.1f} – {max(values):.1f} ms" if values else words.NO_DATA
    return Fact("CPU per request", said, "a wide span at equal load would mean that the host's speed drifted")


def environment(stored: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The machine's fingerprint, flattened: `engine.version` becomes "engine version"."""
    return tuple(Fact(label, value) for label, value in _flat("", stored) if value)


def _flat(prefix: str, stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in stored.items():
        label = f"{prefix} {words.inert(key)}".strip()
        if isinstance(value, Mapping):
            yield from _flat(label, value)
        else:
            yield _labelled(label, value)


def _labelled(label: str, value: Any) -> tuple[str, str]:
    if label.endswith("_bytes") and isinstance(value, int):
        return label.removesuffix("_bytes").replace("_", " "), words.mebibytes(value)
    text = (
        ", ".join(str(item) for item in value)
        if isinstance(value, list | tuple)
        else ""
        if value is None
        else str(value)
    )
    return label.replace("_", " "), words.inert(text)
