"""Find out whether the kernel killed processes of a target or its companions for lack of memory."""

from collections.abc import Sequence
from itertools import pairwise

from harness.model import EventKind, Judgement, Rule, StepFacts, TargetSample
from harness.model.evidence import ProcessKilled


def check_killed_process(facts: StepFacts) -> Judgement | None:
    """Judge a step in which the kernel killed a process of target or companion for lack of memory: it fails.

    The memory does not suffice and the work of that process is lost, even if the SLOs hold. None without a
    kill.
    """
    if (kill_s := find_kill_s(facts)) is not None:
        return Judgement(Rule.OOM_KILL, ProcessKilled(kill_s - facts.ramp_from_s))
    if (kill := find_companion_kill(facts)) is not None:
        return Judgement(Rule.OOM_KILL, ProcessKilled(kill[0] - facts.ramp_from_s, kill[1]))
    return None


def find_kill_s(facts: StepFacts) -> float | None:
    """Return the instant of the step's first kill for lack of memory; None without one.

    The engine's event tells it, or the kernel's own count where an engine has no such events. A kill before
    the step's first sample is told by the event only.
    """
    counted_s = [at_s for at_s, _ in list_counted_kills(facts.target)]
    return min([*_list_events_s(facts), *counted_s], default=None)


def find_companion_kill(facts: StepFacts) -> tuple[float, str] | None:
    """Return the instant of the first kill for lack of memory in a companion, and its name; None without one.

    The kernel's count tells it. None too where that can't be read.
    """
    kills = [
        (at_s, name)
        for name, companion in facts.companions.items()
        for at_s, _ in list_counted_kills(companion.samples)
    ]
    return min(kills, default=None)


def count_kills(facts: StepFacts) -> int:
    """Return how many processes were killed: by events of the engine, or if that is more, by the kernel."""
    return max(len(_list_events_s(facts)), sum(kills for _, kills in list_counted_kills(facts.target)))


def _list_events_s(facts: StepFacts) -> list[float]:
    return [event.at_s for event in facts.events if event.kind is EventKind.OOM]


def list_counted_kills(samples: Sequence[TargetSample]) -> list[tuple[float, int]]:
    """Return when the kernel's count had risen, and by how much."""
    counted = [(sample.at_s, sample.oom_kills) for sample in samples if sample.oom_kills is not None]
    return [(at_s, after - before) for (_, before), (at_s, after) in pairwise(counted) if after > before]
