"""A campaign as it could have been: nine sizes of a small shop, with every kind of answer.

Numbers follow a closed model (a quota-limited server, think time 2.5 s), so that curves look measured.
"""

from collections.abc import Iterable
from dataclasses import replace

from harness.analyse.result.sizing import add_sizing
from harness.model import (
    MIB,
    CampaignResult,
    Cell,
    CellResult,
    Factor,
    Limits,
    NameStats,
    Slo,
    Status,
    StepResult,
    Verdict,
)

THINK_S = 2.5
DEMAND_S = 0.005
SLOS = (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
NAMES = (
    ("GET /", 0.5, 0.8),
    ("GET /item/[id]", 0.3, 1.1),
    ("POST /cart", 0.15, 1.3),
    ("GET /search", 0.05, 2.2),
)
ENVIRONMENT = {
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


def step(
    index: int, users: int, cpu_cores: float, verdict: Verdict = Verdict.PASS, **changes: object
) -> StepResult:
    """A step of users at a size's CPU quota, as the closed model has it."""
    most_rps = cpu_cores / DEMAND_S
    mean_s = max(
        DEMAND_S / min(cpu_cores, 1) * (1 + 2 * min(users / (most_rps * 2.6), 1) ** 6),
        users / most_rps - THINK_S,
    )
    rps = users / (mean_s + THINK_S)
    busy = min(rps / most_rps, 1.0)
    requests = round(rps * 40)
    failed = verdict is Verdict.FAIL
    p95_s = mean_s * (1.9 + 0.7 * busy)
    stats = StepResult(
        index=index,
        life=1,
        users=users,
        verdict=verdict,
        rule="p95" if failed else "slos",
        reason=f"p95 of {p95_s:.2f} s is above 1 s" if failed else "every SLO is kept",
        window_s=40.0,
        load_s=56.0,
        requests=requests,
        rps=rps,
        mean_s=mean_s,
        p50_s=mean_s * 0.85,
        p95_s=p95_s,
        p99_s=mean_s * 3.4,
        slow_ratio=0.09 if failed else 0.002,
        error_ratio=0.0,
        shortfall_ratio=0.02,
        by_name=tuple(
            NameStats(name, round(requests * part), 0, mean_s * slow * 0.85, p95_s * slow, mean_s * slow)
            for name, part, slow in NAMES
        ),
        cpu_used_cores=busy * cpu_cores,
        cpu_per_request_s=DEMAND_S,
        throttled_ratio=busy**3 * 0.93,
        memory_peak_bytes=int((34 + users * 0.13) * MIB),
        generator_cpu_ratio=0.04 + users * 0.0004,
        loop_lag_s=0.004,
        think_s=THINK_S,
        little_residual_ratio=0.008,
        steal_ratio=0.0,
    )
    return replace(stats, **changes)  # type: ignore[arg-type]


def cell(
    cpu_cores: float, memory_mib: int, status: Status, steps: Iterable[StepResult] = (), **answer: object
) -> CellResult:
    """A cell's answer; numbers of load are of the last PASS, as the analysis does it."""
    steps = tuple(steps)
    held = next((step for step in reversed(steps) if step.users == answer.get("sustained_users")), None)
    limits = Limits(cpu_cores, memory_mib * MIB)
    result = CellResult(
        cell=Cell(f"web-c{cpu_cores:.2f}-m{memory_mib}", "web", limits),
        status=status,
        rps=held.rps if held else None,
        p95_s=held.p95_s if held else None,
        error_ratio=held.error_ratio if held else None,
        cpu_used_cores=held.cpu_used_cores if held else None,
        throttled_ratio=held.throttled_ratio if held else None,
        memory_peak_bytes=held.memory_peak_bytes if held else None,
        ready_after_s=1.4 if steps else None,
        load_s=sum(step.load_s for step in steps),
        steps=steps,
    )
    return replace(result, **answer)  # type: ignore[arg-type]


def failed(cpu_cores: float = 0.25, memory_mib: int = 48) -> CellResult:
    return cell(
        cpu_cores,
        memory_mib,
        Status.FAILED,
        limiting_factor=Factor.MEMORY,
        evidence="it was killed while starting: out of its 48 MiB of memory",
    )


def none() -> CellResult:
    errors = {
        "HTTP 503 Service Unavailable": 61,
        "RemoteDisconnected('closed connection without response')": 12,
    }
    steps = [
        step(
            1,
            10,
            0.5,
            Verdict.FAIL,
            rule="errors",
            reason="18 % of the requests failed (at most 1 %)",
            errors=errors,
            error_ratio=0.18,
        )
    ]
    return cell(
        0.5,
        48,
        Status.NONE,
        steps,
        broken_users=10,
        limiting_factor=Factor.ERRORS,
        evidence="18 % of the requests failed, most often with HTTP 503 Service Unavailable (61 times)",
    )


def by_cpu(cpu_cores: float, memory_mib: int, passes: tuple[int, ...], fails: tuple[int, ...]) -> CellResult:
    """Bracketed where the CPU quota is used up; with a fitted estimate."""
    users = sorted([*passes, *fails])
    steps = [
        step(number, at, cpu_cores, Verdict.FAIL if at in fails else Verdict.PASS)
        for number, at in enumerate(users, 1)
    ]
    low, high = max(passes), min(fails)
    return cell(
        cpu_cores,
        memory_mib,
        Status.BRACKETED,
        steps,
        sustained_users=low,
        broken_users=high,
        estimate_users=(low + high) / 2,
        estimate_low=float(low),
        estimate_high=float(high),
        limiting_factor=Factor.CPU,
        evidence="its CPU quota is used up (throttled in 93 % of periods)",
    )


def by_memory() -> CellResult:
    """Bracketed where it runs out of memory: the step that broke it has no answers, hence no percentiles."""
    killed = replace(
        step(4, 92, 1.0, Verdict.FAIL, rule="died", reason="the target was killed (out of memory)", oom=True),
        rps=None,
        mean_s=None,
        p50_s=None,
        p95_s=None,
        p99_s=None,
        memory_peak_bytes=48 * MIB,
    )
    steps = [*(step(number, at, 1.0) for number, at in enumerate((10, 40, 80), 1)), killed]
    return cell(
        1.0,
        48,
        Status.BRACKETED,
        steps,
        sustained_users=80,
        broken_users=92,
        limiting_factor=Factor.MEMORY,
        evidence="it ran out of its 48 MiB and was killed at 92 users",
    )


def censored(cpu_cores: float = 1.0, memory_mib: int = 96) -> CellResult:
    steps = [step(number, at, cpu_cores) for number, at in enumerate((10, 100, 200, 400), 1)]
    return cell(
        cpu_cores,
        memory_mib,
        Status.CENSORED,
        steps,
        sustained_users=400,
        evidence="it sustained every number of users asked for",
    )


def invalid() -> CellResult:
    reason = "Locust's event loop came 412 ms late; leave it a core of its own"
    steps = [
        step(1, 10, 1.0),
        step(2, 200, 1.0, Verdict.INVALID, rule="loop-lag", reason=reason, loop_lag_s=0.412),
    ]
    return cell(
        1.0, 256, Status.INVALID, steps, sustained_users=10, limiting_factor=Factor.GENERATOR, evidence=reason
    )


def skipped() -> CellResult:
    return cell(
        0.5, 256, Status.SKIPPED, evidence="this host can't give 256 MiB and keep a core for the generator"
    )


def running() -> CellResult:
    steps = [step(1, 10, 0.5), step(2, 80, 0.5)]
    return cell(0.5, 256, Status.RUNNING, steps, sustained_users=80)


NINE = (
    failed(),
    by_cpu(0.25, 96, (10, 80, 139), (146, 160)),
    by_cpu(0.25, 256, (10, 80, 141), (148, 160)),
    none(),
    by_cpu(0.5, 96, (10, 160, 280), (294, 320)),
    by_cpu(0.5, 256, (10, 160, 283), (296, 320)),
    by_memory(),
    censored(1.0, 96),
    censored(1.0, 256),
)


def campaign(cells: Iterable[CellResult] = NINE, **changes: object) -> CampaignResult:
    result = CampaignResult(
        campaign="web-20260101-120000",
        target="web",
        state="complete",
        started_at="2026-01-01T12:00:00+00:00",
        users_limit=400,
        slos=SLOS,
        cells=tuple(cells),
        scenario="locustfile.py",
        think_s=THINK_S,
        fingerprint=ENVIRONMENT,
    )
    return add_sizing(replace(result, **changes))  # type: ignore[arg-type]


def with_doubt() -> CampaignResult:
    """The same with a skipped size that may have been the better answer, and an invalid one."""
    return campaign([*NINE[:5], skipped(), *NINE[6:8], invalid()])


def half_way() -> CampaignResult:
    """A campaign that still runs: five answers, one size in work, three to come."""
    waiting = [cell(1.0, memory_mib, Status.RUNNING) for memory_mib in (48, 96, 256)]
    return campaign([*NINE[:5], running(), *waiting], state="running")


def large(rows: int, columns: int) -> CampaignResult:
    """Many sizes with ten steps each."""
    sizes = [(0.25 * (row + 1), 64 * (column + 1)) for row in range(rows) for column in range(columns)]
    return campaign(
        by_cpu(cpus, memory, (10, 40, 80, 120, 150, 180), (190, 200, 220, 260)) for cpus, memory in sizes
    )
