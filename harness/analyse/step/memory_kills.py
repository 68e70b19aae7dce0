"""Find out whether the kernel killed processes of a target for lack of memory."""

from itertools import pairwise

from harness.model import EventKind, StepFacts


def find_kill_s(facts: StepFacts) -> float | None:
    """Return the instant of the step's first kill for lack of memory; None without one.

    The engine's event tells it, or the kernel's own count where an engine has no such events. A kill before
    the step's first sample is told by the event only.
    """
    kills_s = [event.at_s for event in facts.events if event.kind is EventKind.OOM]
    counted = [(sample.at_s, sample.oom_kills) for sample in facts.target if sample.oom_kills is not None]
    kills_s += [at_s for (_, before), (at_s, after) in pairwise(counted) if after > before]
    return min(kills_s, default=None)
