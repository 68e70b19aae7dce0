"""Build an invented campaign: nine sizes of a small shop, with every kind of answer.

Numbers follow a closed model (a server with a CPU quota, think time 2.5 s), so that curves look measured.
"""

from collections.abc import Iterable
from dataclasses import replace

from harness.analyse.result.curve import add_curves
from harness.analyse.result.growth import add_growth
from harness.analyse.result.sizing import add_sizing
from harness.analyse.result.tuning import add_tunings
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    Factor,
    Failures,
    Fingerprint,
    GeneratorUse,
    HostUse,
    Judgement,
    Latency,
    Limits,
    NameStats,
    ReferenceCapacity,
    Rule,
    Slo,
    Status,
    StepResult,
    TargetUse,
    Variant,
    Verdict,
)
from harness.model.evidence import (
    CpuQuotaUsed,
    EndedStep,
    LoopLate,
    NeverBroke,
    NotReady,
    OutOfMemory,
    RequestErrors,
    Skipped,
    SloBroken,
    SloEvaluation,
    SlosHold,
)

THINK_S = 2.5
CPU_PER_REQUEST_S = 0.005
SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
REQUEST_NAMES = (
    ("GET /", 0.5, 0.8),
    ("GET /item/[id]", 0.3, 1.1),
    ("POST /cart", 0.15, 1.3),
    ("GET /search", 0.05, 2.2),
)
"""Each name with its share of the requests, and its response time as a multiple of the mean."""

FINGERPRINT = Fingerprint.from_json(
    {
        "cpu_model": "Example CPU @ 2.60GHz",
        "cores": 2,
        "memory_bytes": 8192 * MIB,
        "kernel": "6.1.0-18-amd64",
        "cgroup": "v2",
        "engine": {"name": "docker", "version": "26.1.5"},
        "versions": {"locust": "2.46.3", "harness": "0.1.0"},
        "image": "sha256:4f1c2f1e9d0b",
        "companions": [],
        "virtualisation": None,
    }
)


def build_step(
    index: int, users: int, cpu_cores: float, judgement: Judgement | None = None, **changes: object
) -> StepResult:
    """Return a step at a size's CPU quota by the closed model; without a judgement it passes."""
    most_rps = cpu_cores / CPU_PER_REQUEST_S
    mean_s = max(
        CPU_PER_REQUEST_S / min(cpu_cores, 1) * (1 + 2 * min(users / (most_rps * 2.6), 1) ** 6),
        users / most_rps - THINK_S,
    )
    rps = users / (mean_s + THINK_S)
    cpu_ratio = min(rps / most_rps, 1.0)
    requests = round(rps * 40)
    p95_s = mean_s * (1.9 + 0.7 * cpu_ratio)
    if judgement is None:
        judgement = Judgement(Rule.SLOS_HOLD, SlosHold((SloEvaluation(SLOS[0], p95_s, True, True),)))
    has_failed = judgement.verdict is Verdict.FAIL
    result = StepResult(
        index=index,
        life=1,
        users=users,
        judgement=judgement,
        window_s=40.0,
        load_s=56.0,
        requests=requests,
        rps=rps,
        latency=Latency(mean_s, mean_s * 0.85, p95_s, mean_s * 3.4, 0.09 if has_failed else 0.002),
        failures=Failures(ratio=0.0),
        target=TargetUse(
            cpu_cores=cpu_ratio * cpu_cores,
            cpu_per_request_s=CPU_PER_REQUEST_S,
            throttled_ratio=cpu_ratio**3 * 0.93,
            memory_peak_bytes=int((34 + users * 0.13) * MIB),
        ),
        generator=GeneratorUse(cpu_ratio=0.04 + users * 0.0004, loop_lag_s=0.004),
        host=HostUse(steal_ratio=0.0),
        shortfall_ratio=0.02,
        unexplained_ratio=0.008,
        wait_ratio=mean_s / (mean_s + THINK_S),
        think_s=THINK_S,
        by_name=tuple(
            NameStats(name, round(requests * share), 0, mean_s * slow * 0.85, p95_s * slow, mean_s * slow)
            for name, share, slow in REQUEST_NAMES
        ),
    )
    return replace(result, **changes)  # type: ignore[arg-type]


def judge_too_slow(users: int, cpu_cores: float) -> Judgement:
    """Return a broken p95: the closed model's value, and at least 1.01 s."""
    p95_s = max(build_step(1, users, cpu_cores).latency.p95_s or 0.0, 1.01)
    return Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(SLOS[0], p95_s, False, True)))


def build_cell(
    cpu_cores: float, memory_mib: int, status: Status, steps: Iterable[StepResult] = (), **answer: object
) -> CellResult:
    """Return a cell's answer, with the numbers of the step at `sustained_users`."""
    steps = tuple(steps)
    sustained = next((step for step in reversed(steps) if step.users == answer.get("sustained_users")), None)
    limits = Limits(cpu_cores, memory_mib * MIB)
    result = CellResult(
        cell=Cell(f"web-c{cpu_cores:.2f}-m{memory_mib}", "web", limits),
        status=status,
        rps=sustained.rps if sustained else None,
        p95_s=sustained.latency.p95_s if sustained else None,
        error_ratio=sustained.failures.ratio if sustained else None,
        cpu_used_cores=sustained.target.cpu_cores if sustained else None,
        throttled_ratio=sustained.target.throttled_ratio if sustained else None,
        memory_peak_bytes=sustained.target.memory_peak_bytes if sustained else None,
        ready_after_s=1.4 if steps else None,
        load_s=sum(step.load_s for step in steps),
        steps=steps,
    )
    return replace(result, **answer)  # type: ignore[arg-type]


def build_failed_size(cpu_cores: float = 0.25, memory_mib: int = 48) -> CellResult:
    return build_cell(
        cpu_cores,
        memory_mib,
        Status.FAILED,
        limiting_factor=Factor.MEMORY,
        evidence=NotReady("it was killed while starting: out of its 48 MiB of memory"),
    )


def build_size_without_capacity() -> CellResult:
    errors = {
        "HTTP 503 Service Unavailable": 61,
        "RemoteDisconnected('closed connection without response')": 12,
    }
    judgement = Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(SLOS[1], 0.18, False, True)))
    steps = [build_step(1, 10, 0.5, judgement, failures=Failures(0.18, errors))]
    return build_cell(
        0.5,
        48,
        Status.NONE,
        steps,
        broken_users=10,
        limiting_factor=Factor.ERRORS,
        evidence=RequestErrors(0.18, "HTTP 503 Service Unavailable", 61, None, are_resets=False),
    )


def build_cpu_bound(
    cpu_cores: float, memory_mib: int, passes: tuple[int, ...], fails: tuple[int, ...]
) -> CellResult:
    """Return a bracketed size whose CPU quota is used up, with an estimate."""
    users = sorted([*passes, *fails])
    steps = [
        build_step(number, at, cpu_cores, judge_too_slow(at, cpu_cores) if at in fails else None)
        for number, at in enumerate(users, 1)
    ]
    low, high = max(passes), min(fails)
    return build_cell(
        cpu_cores,
        memory_mib,
        Status.BRACKETED,
        steps,
        sustained_users=low,
        broken_users=high,
        estimate_users=(low + high) / 2,
        estimate_low=float(low),
        estimate_high=float(high),
        precision_ratio=0.09,
        limiting_factor=Factor.CPU,
        evidence=CpuQuotaUsed(1.0, cpu_cores, 0.93),
    )


def build_memory_bound() -> CellResult:
    """Return a bracketed size that runs out of memory; its last step has no answers and no percentiles."""
    death = Judgement(Rule.DIED, EndedStep("the target was killed (out of memory)"))
    killed = build_step(
        4,
        92,
        1.0,
        death,
        rps=None,
        latency=Latency(slow_ratio=0.09),
        target=TargetUse(0.16, CPU_PER_REQUEST_S, 0.004, 48 * MIB, is_out_of_memory=True),
    )
    steps = [*(build_step(number, at, 1.0) for number, at in enumerate((10, 40, 80), 1)), killed]
    return build_cell(
        1.0,
        48,
        Status.BRACKETED,
        steps,
        sustained_users=80,
        broken_users=92,
        limiting_factor=Factor.MEMORY,
        evidence=OutOfMemory(48 * MIB, 92),
    )


def build_censored_size(cpu_cores: float = 1.0, memory_mib: int = 96) -> CellResult:
    steps = [build_step(number, at, cpu_cores) for number, at in enumerate((10, 100, 200, 400), 1)]
    return build_cell(
        cpu_cores,
        memory_mib,
        Status.CENSORED,
        steps,
        sustained_users=400,
        evidence=NeverBroke(),
    )


def build_invalid_size() -> CellResult:
    late = Judgement(Rule.LOOP_LAG, LoopLate(0.412))
    steps = [
        build_step(1, 10, 1.0),
        build_step(2, 200, 1.0, late, generator=GeneratorUse(cpu_ratio=0.12, loop_lag_s=0.412)),
    ]
    return build_cell(
        1.0, 256, Status.INVALID, steps, sustained_users=10, limiting_factor=Factor.GENERATOR, evidence=late
    )


def build_skipped_size() -> CellResult:
    return build_cell(
        0.5,
        256,
        Status.SKIPPED,
        evidence=Skipped("this host can't give 256 MiB and keep a core for the generator"),
    )


def build_running_size() -> CellResult:
    steps = [build_step(1, 10, 0.5), build_step(2, 80, 0.5)]
    return build_cell(0.5, 256, Status.RUNNING, steps, sustained_users=80)


NINE_SIZES = (
    build_failed_size(),
    build_cpu_bound(0.25, 96, (10, 80, 139), (146, 160)),
    build_cpu_bound(0.25, 256, (10, 80, 141), (148, 160)),
    build_size_without_capacity(),
    build_cpu_bound(0.5, 96, (10, 160, 280), (294, 320)),
    replace(
        build_cpu_bound(0.5, 256, (10, 160, 283), (296, 320)),
        at_reference=ReferenceCapacity(315.0, 303.0, 327.0, 0.09, 0.0021, 289.0, 0.02),
    ),
    build_memory_bound(),
    build_censored_size(1.0, 96),
    build_censored_size(1.0, 256),
)


def build_campaign(cells: Iterable[CellResult] = NINE_SIZES, **changes: object) -> CampaignResult:
    result = CampaignResult(
        campaign="web-20260101-120000",
        target="web",
        state=CampaignState.COMPLETE,
        started_at="2026-01-01T12:00:00+00:00",
        users_limit=400,
        slos=SLOS,
        cells=tuple(cells),
        scenario="locustfile.py",
        think_s=THINK_S,
        fingerprint=FINGERPRINT,
    )
    return add_growth(add_tunings(add_sizing(add_curves(replace(result, **changes)))))  # type: ignore[arg-type]


def build_campaign_with_undecided_sizes() -> CampaignResult:
    """Return a campaign with an invalid size, and a skipped one that could be recommended instead."""
    return build_campaign([*NINE_SIZES[:5], build_skipped_size(), *NINE_SIZES[6:8], build_invalid_size()])


def build_campaign_of_foreign_texts(text: str) -> CampaignResult:
    """Return a campaign with this text wherever a target, a locustfile or a user can put one."""
    step = build_step(
        1,
        400,
        1.0,
        Judgement(Rule.DIED, EndedStep(text)),
        by_name=(NameStats(text, 1, 1, 0.1, 0.1, 0.1),),
        failures=Failures(counts={text: 1}),
    )
    size = build_censored_size()
    limits, variant = replace(size.cell.limits, variant=text), Variant({text: text}, (text,), (text,), text)
    cell = replace(size.cell, size_name=text, limits=limits, variant=variant)
    size = replace(size, cell=cell, steps=(step,), evidence=NotReady(text))
    fingerprint = Fingerprint(more={text: text})
    return build_campaign([size], campaign=text, target=text, scenario=text, fingerprint=fingerprint)


def build_running_campaign() -> CampaignResult:
    """Return a campaign that still runs: five sizes are done, one has two steps, three have none."""
    waiting = [build_cell(1.0, memory_mib, Status.RUNNING) for memory_mib in (48, 96, 256)]
    return build_campaign([*NINE_SIZES[:5], build_running_size(), *waiting], state=CampaignState.RUNNING)


def build_large_campaign(rows: int, columns: int) -> CampaignResult:
    """Return a campaign of many sizes, with ten steps each."""
    sizes = [(0.25 * (row + 1), 64 * (column + 1)) for row in range(rows) for column in range(columns)]
    return build_campaign(
        build_cpu_bound(cpus, memory, (10, 40, 80, 120, 150, 180), (190, 200, 220, 260))
        for cpus, memory in sizes
    )
