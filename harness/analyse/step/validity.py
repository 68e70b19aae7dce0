"""Whether a step says anything about the target at all: checks of the generator and the host.

A spoiled step is INVALID with a remedy, never a FAIL: it says nothing about the target.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analyse.step.slo import Light
from harness.analyse.step.usage import by_worker, host_use
from harness.analyse.step.window import Window
from harness.model import EndReason, GeneratorSample, StepFacts, WorkerSample

GENERATOR_CPU_AT_MOST = 0.9
LOOP_LAG_AT_MOST_S = 0.25
LITTLE_AT_MOST = 0.05
STEAL_AT_MOST = 0.10
FOREIGN_AT_MOST = 0.10
"""Of all the host's cores. On a quiet host it is under 0.3 %; a program that fills one of two cores raised
the target's CPU time per request by more than 40 %.
"""

GAP_AT_MOST_S = 3.0
"""Between two samples, which are taken once or twice a second."""

PROXY_AT_MOST = 0.9
"""Cores: the proxy uses 0.23-0.27 ms a request, on the generator's account."""


CLOCK_ERROR_AT_MOST_S = 0.005
"""By how much a worker's clock may be misjudged: requests would be counted into the wrong window by more."""


@dataclass(frozen=True, slots=True)
class Generator:
    """What the generator used in a window: CPU of one core, and that in its busiest tenth of seconds; its
    worst usual loop lag. Of several processes it is the busiest, which `worker` names ("" otherwise).

    `cores` is what all of them used together, `clock_error_s` how wrong the worst of their clocks may be.
    """

    cpu_ratio: float | None = None
    busiest_cpu_ratio: float | None = None
    loop_lag_s: float | None = None
    fewest_users: int | None = None
    cores: float | None = None
    workers: int = 1
    worker: str = ""
    clock_error_s: float = 0.0


def generator_use(facts: StepFacts, from_s: float, to_s: float) -> Generator:
    """All None with fewer than two samples of any process within [from_s, to_s]."""
    together = process_use(facts.generator, from_s, to_s)
    if not facts.workers:
        return replace(together, cores=together.cpu_ratio)
    used = {number: process_use(samples, from_s, to_s) for number, samples in by_worker(facts).items()}
    if any(use.cpu_ratio is None for use in used.values()):
        return Generator(workers=len(used) - 1)
    busiest = max(used, key=lambda number: used[number].busiest_cpu_ratio or 0.0)
    return replace(
        used[busiest],
        loop_lag_s=max(use.loop_lag_s or 0.0 for use in used.values()),
        fewest_users=together.fewest_users,
        cores=sum(use.cpu_ratio or 0.0 for use in used.values()),
        workers=len(used) - 1,
        worker=f" {busiest}" if busiest else "'s master",
        clock_error_s=max(sample.clock_error_s for sample in facts.workers),
    )


def process_use(samples: Sequence[GeneratorSample | WorkerSample], from_s: float, to_s: float) -> Generator:
    inside = [sample for sample in samples if from_s <= sample.at_s <= to_s]
    if len(inside) < 2 or inside[0].at_s >= inside[-1].at_s:
        return Generator()
    at = np.array([sample.at_s for sample in inside])
    cpu = np.array([sample.cpu_s for sample in inside])
    rates = np.diff(cpu) / np.maximum(np.diff(at), 1e-9)
    return Generator(
        cpu_ratio=float((cpu[-1] - cpu[0]) / (at[-1] - at[0])),
        busiest_cpu_ratio=float(np.percentile(rates, 90)),
        loop_lag_s=float(np.percentile([sample.loop_lag_s for sample in inside], 90)),
        fewest_users=min(sample.users for sample in inside),
    )


def unexplained_ratio(window: Window) -> float:
    """Little's law as book-keeping: user-seconds of the window that were neither thinking nor waiting for an
    answer.

    N·T must equal the sum of all think and response times within the window (J. D. C. Little, 1961). What is
    left over is users missing, a stalled generator, or pauses of the scenario's own within its tasks.
    """
    return 1 - (window.thinking_s + window.waiting_s) / (window.users * window.length_s)


def spoiled(facts: StepFacts, window: Window | None, light: Light | None) -> tuple[str, str] | None:
    """The first rule of validity that the step breaks, with the reason and its remedy; None for a sound
    step.
    """
    if facts.ended is EndReason.GENERATOR_DIED:
        return "generator", f"the generator died: {first_line(facts.note)}; its log is in the cell's folder"
    if facts.ended is EndReason.TARGET_REMOVED:
        return "removed", f"{facts.note}; keep others from the engine while it measures"
    if facts.ended is EndReason.USERS_MISSING:
        return "users", f"{facts.note}; look for errors in on_start, or lower users.spawn_rate"
    if window is None or facts.ended is not EndReason.HELD:
        return None
    if (gap_s := _longest_gap_s(facts, window)) > GAP_AT_MOST_S:
        return "suspended", (
            f"nothing was counted for {gap_s:.0f} s: this host, the harness or Locust was suspended; "
            "keep them awake while they measure"
        )
    return _spoiled_by_generator(facts, window) or _spoiled_by_host(facts, window, light)


def _spoiled_by_generator(facts: StepFacts, window: Window) -> tuple[str, str] | None:
    use = generator_use(facts, window.from_s, window.to_s)
    which = f"Locust's worker{use.worker}" if use.workers > 1 else "Locust"
    if use.busiest_cpu_ratio is not None and use.busiest_cpu_ratio > GENERATOR_CPU_AT_MOST:
        return "generator-cpu", (
            f"{which} used {use.busiest_cpu_ratio:.0%} of a core (more than {GENERATOR_CPU_AT_MOST:.0%}); "
            "use FastHttpUser, more processes (load: {workers: auto}), or fewer users"
        )
    if use.loop_lag_s is not None and use.loop_lag_s > LOOP_LAG_AT_MOST_S:
        return "loop-lag", (
            f"Locust's event loop came {use.loop_lag_s * 1000:.0f} ms late; "
            "leave it a core of its own, or look for blocking calls in the locustfile"
        )
    if use.fewest_users is not None and use.fewest_users < facts.users:
        return "users", (
            f"only {use.fewest_users} of {facts.users} users were alive; "
            "look for StopUser or exceptions in the locustfile"
        )
    if use.clock_error_s > CLOCK_ERROR_AT_MOST_S:
        return "clocks", (
            f"a worker's clock is known to {use.clock_error_s * 1000:.0f} ms only "
            f"({CLOCK_ERROR_AT_MOST_S * 1000:.0f} allowed); leave workers CPU to answer, or mend its network"
        )
    return None


def first_line(text: str) -> str:
    """Of an evidence of many lines, as a reason quotes it."""
    return text.strip().splitlines()[0][:300] if text.strip() else "no evidence"


def _longest_gap_s(facts: StepFacts, window: Window) -> float:
    """The longest time within the window in which the host's or the generator's counters were not read."""
    series = [[sample.at_s for sample in facts.host], [sample.at_s for sample in facts.generator]]
    series += [[sample.at_s for sample in samples] for samples in by_worker(facts).values()]
    inside = [np.array([at for at in each if window.from_s <= at <= window.to_s]) for each in series]
    return max((float(np.diff(each).max()) for each in inside if len(each) > 1), default=0.0)


def _spoiled_by_host(facts: StepFacts, window: Window, light: Light | None) -> tuple[str, str] | None:
    use, cores = host_use(facts, window.from_s, window.to_s), len(facts.host[0].busy_s) if facts.host else 0
    if use.steal_ratio is not None and use.steal_ratio > STEAL_AT_MOST:
        return (
            "steal",
            f"the hypervisor took {use.steal_ratio:.0%} of the host's CPU time; measure on a quieter machine",
        )
    if use.foreign_cores is not None and use.foreign_cores > FOREIGN_AT_MOST * cores:
        return "foreign-load", (
            f"other programs used {use.foreign_cores:.2f} of the host's {cores} cores "
            f"(more than {FOREIGN_AT_MOST:.0%}); stop them, or measure on a quieter machine"
        )
    if use.proxy_cores is not None and use.proxy_cores > PROXY_AT_MOST:
        return "proxy", (
            f"the published port's docker-proxy used {use.proxy_cores:.2f} cores "
            f"(more than {PROXY_AT_MOST:g}); "
            "set userland-proxy to false in the engine's daemon.json, or ask for fewer users"
        )
    return _spoiled_by_book_keeping(window, light)


def _spoiled_by_book_keeping(window: Window, light: Light | None) -> tuple[str, str] | None:
    residual = unexplained_ratio(window) - (light.unexplained_ratio if light else 0.0)
    if light is not None and abs(residual) > LITTLE_AT_MOST:
        return "littles-law", (
            f"{residual:+.1%} of the users' time is neither thinking nor waiting "
            f"(Little's law, {LITTLE_AT_MOST:.0%} allowed); the generator stalled, or users were missing"
        )
    return None
