"""Facts with an answer known on paper: closed users who ask, wait, think and ask again, without chance."""

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from harness.analyse.step.window import Window, cut_window
from harness.model import (
    ANSWERED,
    MIB,
    Cell,
    CompanionUse,
    EndReason,
    Failures,
    GeneratorSample,
    GeneratorUse,
    HostSample,
    HostUse,
    Judgement,
    Latency,
    Limits,
    Requests,
    Rule,
    Slo,
    StepFacts,
    StepResult,
    TargetSample,
    TargetUse,
    ThinkTimes,
    Verdict,
)
from harness.model.evidence import EndedStep, SloBroken, SloEvaluation, StepEvidence

CELL = Cell("web-c1.00-m256", "web", Limits(1.0, 256 * MIB))
NO_FAILURES, NO_TARGET_USE = Failures(), TargetUse()
SETTLE_FROM_S, WINDOW_FROM_S, DRAIN_S = 2.0, 12.0, 1.0

ResponseTime = Callable[[int], float]
Fails = Callable[[int], bool]
Asked = tuple[float, float]


def always(latency_s: float) -> ResponseTime:
    return lambda _request: latency_s


def slow_share(share: float, fast_s: float = 0.1, slow_s: float = 1.5) -> ResponseTime:
    """Return response times with slow ones spread evenly: every window holds about this share of them."""
    return lambda request: slow_s if spread_evenly(share)(request) else fast_s


def spread_evenly(share: float) -> Fails:
    return lambda request: math.floor((request + 1) * share) > math.floor(request * share)


def response_on_paper_s(users: int, slots: int = 4, service_s: float = 0.1, think_s: float = 0.9) -> float:
    """Return the response time of a target with so many slots: max(S, N·S/c − Z)."""
    return max(service_s, users * service_s / slots - think_s)


def make_closed_step(
    users: int = 10,
    think_s: float = 0.9,
    latency: ResponseTime = always(0.1),  # noqa: B008 (a value, not a mutable default)
    fails: Fails = spread_evenly(0.0),  # noqa: B008
    *,
    window_s: float = 20.0,
    index: int = 1,
    cpu_cores: float = 0.5,
    **changed: Any,
) -> StepFacts:
    """Return a step of N users who start evenly spread over one cycle and never stall.

    `changed` are fields that differ.
    """
    ended_s = WINDOW_FROM_S + window_s + DRAIN_S
    requests, thinks = _walk(users, think_s, latency, fails, ended_s)
    seconds = [float(second) for second in range(math.ceil(ended_s) + 1)]
    fields: dict[str, Any] = {
        "index": index,
        "life": 1,
        "users": users,
        "spawn_rate": 20.0,
        "ramp_from_s": 0.0,
        "settle_from_s": SETTLE_FROM_S,
        "window_from_s": WINDOW_FROM_S,
        "window_to_s": WINDOW_FROM_S + window_s,
        "ended_s": ended_s,
        "end_reason": EndReason.HELD,
        "requests": requests,
        "thinks": thinks,
        "target": make_target_samples(seconds, cpu_cores),
        "host": make_host_samples(seconds),
        "generator": make_generator_samples(seconds, users),
    }
    return StepFacts(**fields | changed)


def _walk(
    users: int, think_s: float, latency: ResponseTime, fails: Fails, ended_s: float
) -> tuple[Requests, ThinkTimes]:
    cycle_s = think_s + latency(0)
    coming = [(user * cycle_s / users, user) for user in range(users)]
    answered, unfinished, pauses, number = [], [], [], 0
    while coming and coming[0][0] < ended_s:
        start_s, user = heapq.heappop(coming)
        latency_s, failed, number = latency(number), fails(number), number + 1
        if start_s + latency_s > ended_s:
            unfinished.append(start_s)
            continue
        answered.append((start_s, latency_s, 0 if failed else ANSWERED))
        pauses.append((start_s + latency_s, think_s))
        heapq.heappush(coming, (start_s + latency_s + think_s, user))
    return make_requests(answered, unfinished), make_thinks(pauses)


def make_requests(answered: Sequence[tuple[float, float, int]], unfinished: Sequence[float] = ()) -> Requests:
    """Return requests of one name from (start, latency, error) rows; error 0 is a refused connection."""
    columns = list(zip(*answered, strict=True)) or [(), (), ()]
    return Requests(
        names=("GET /",),
        errors=("ConnectionRefusedError",),
        start_s=np.array(columns[0], dtype=np.float64),
        latency_s=np.array(columns[1], dtype=np.float64),
        name=np.zeros(len(columns[0]), dtype=np.int32),
        error=np.array(columns[2], dtype=np.int32),
        unfinished_start_s=np.array(unfinished, dtype=np.float64),
        unfinished_name=np.zeros(len(unfinished), dtype=np.int32),
    )


def make_thinks(rows: Sequence[Asked]) -> ThinkTimes:
    columns = list(zip(*rows, strict=True)) or [(), ()]
    return ThinkTimes(np.array(columns[0], dtype=np.float64), np.array(columns[1], dtype=np.float64))


def make_step_of(
    *answered: Asked, unfinished: Sequence[float] = (), failed: Sequence[Asked] = ()
) -> StepFacts:
    """Return a step of one user with exactly these requests (start, latency); its window is [12, 32)."""
    rows = [(*row, ANSWERED) for row in answered] + [(*row, 0) for row in failed]
    return make_closed_step(1, requests=make_requests(rows, unfinished), thinks=ThinkTimes())


def require_window(facts: StepFacts) -> Window:
    """Return the window of a step that has one."""
    window = cut_window(facts)
    assert window is not None
    return window


def make_target_samples(seconds: Sequence[float], cpu_cores: float = 0.5) -> tuple[TargetSample, ...]:
    """Return samples of a target that uses this much CPU and is throttled in one of ten periods."""
    return tuple(
        TargetSample(at, at * cpu_cores, round(at * 10), round(at), at * 0.05, 64 * MIB, None, 0, 0)
        for at in seconds
    )


def make_host_samples(seconds: Sequence[float], steal_cores: float = 0.0) -> tuple[HostSample, ...]:
    return tuple(HostSample(at, (at, at), at * steal_cores, 2**30, 0.5, 0, 0, 0, 0) for at in seconds)


def make_generator_samples(
    seconds: Sequence[float], users: int, cpu_ratio: float = 0.1, loop_lag_s: float = 0.002
) -> tuple[GeneratorSample, ...]:
    return tuple(GeneratorSample(at, at * cpu_ratio, 60 * MIB, loop_lag_s, users, 1) for at in seconds)


def make_step(
    users: int,
    verdict: Verdict | str,
    index: int = 1,
    *,
    rule: Rule | str | None = None,
    evidence: StepEvidence | None = None,
    requests: int = 400,
    rps: float | None = None,
    mean_s: float | None = None,
    p50_s: float | None = None,
    p95_s: float | None = None,
    slow_ratio: float | None = None,
    failures: Failures = NO_FAILURES,
    target: TargetUse = NO_TARGET_USE,
    generator_cores: float | None = None,
    companions: tuple[CompanionUse, ...] = (),
    think_s: float | None = None,
    users_reached: int | None = None,
    shortfall_ratio: float | None = None,
    work_s: float | None = None,
) -> StepResult:
    """Return a judged step of which only the users and the verdict matter, but for what is given.

    `rule` is a rule, or the name of an SLO that the step broke ("p95 of GET /").
    """
    named = rule or {"PASS": "slos", "FAIL": "p95", "INVALID": "generator-cpu"}[verdict]
    judgement = make_judgement(str(named), evidence)
    assert judgement.verdict == verdict
    return StepResult(
        index=index,
        life=1,
        users=users,
        judgement=judgement,
        window_s=20.0,
        load_s=33.0,
        requests=requests,
        rps=rps,
        latency=Latency(mean_s=mean_s, p50_s=p50_s, p95_s=p95_s, slow_ratio=slow_ratio),
        failures=failures,
        target=target,
        generator=GeneratorUse(cores=generator_cores),
        host=HostUse(work_s=work_s),
        companions=companions,
        shortfall_ratio=shortfall_ratio,
        think_s=think_s,
        users_reached=users if users_reached is None else users_reached,
    )


def make_judgement(rule: str, evidence: StepEvidence | None = None) -> Judgement:
    """Return the judgement of a rule with whatever evidence, or of a broken SLO by its name."""
    if rule in set(Rule):
        return Judgement(Rule(rule), evidence or EndedStep("seen"))
    indicator, _, request_name = rule.partition(" of ")
    slo = Slo(indicator, 1.0, request_name or None)
    return Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(slo, 1.204, holds=False, is_settled=True)))
