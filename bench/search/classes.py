"""The classes of targets, users, hosts and SLOs on which the search is tested, each with one size.

Most are from a review of the method of 25 November 2026. All but the first and the drifting host are quiet:
container runs have the same speed, so what is left is the chance of the requests.
"""

from bench.search.trial import SimulatedScenario, build_grid
from bench.simulation.model import QUIET, USUAL, Noise, RequestKind, Service, ThinkTime
from harness.model import MIB, Cell, Slo

_KIB = 1024
_NO_SHORTFALL = (Slo("p95", 1.0), Slo("errors", 0.01))
_MEMORY_MIB = 96
_SIGMA_1_5_CV = 2.913
"""The coefficient of variation of a lognormal law with sigma 1.5: sqrt(exp(1.5²) - 1)."""


def _build(
    service: Service,
    think: ThinkTime | None = None,
    noise: Noise = QUIET,
    slos: tuple[Slo, ...] = SimulatedScenario().slos,
    users_limit: int = 400,
) -> SimulatedScenario:
    return SimulatedScenario(service, noise, think or ThinkTime(), slos, users_limit)


CLASSES = {
    "usual (control)": _build(Service(), noise=USUAL),
    "lognormal demand, sigma 1.5": _build(Service(law="lognormal", cpu_cv=_SIGMA_1_5_CV)),
    "bimodal demand, 5 % x 20": _build(Service(law="bimodal")),
    "pauses of 0.5-2 s every 20-40 s": _build(
        Service(pause_s=0.5, pause_at_most_s=2.0, pause_every_s=20.0, pause_every_at_most_s=40.0)
    ),
    "think time exponential, 8 s": _build(Service(), ThinkTime(8.0, 8.0, "exponential")),
    "think time 10-30 s": _build(Service(), ThinkTime(10.0, 30.0), users_limit=1000),
    "think time 20-40 s": _build(Service(), ThinkTime(20.0, 40.0), users_limit=1000),
    "think time 60-120 s": _build(Service(), ThinkTime(60.0, 120.0), users_limit=3000),
    "think time constant, 30 s": _build(Service(), ThinkTime(30.0, 30.0), users_limit=1000),
    "think time 0.1-0.3 s": _build(Service(), ThinkTime(0.1, 0.3)),
    "think time 0.1-0.3 s, no shortfall": _build(Service(), ThinkTime(0.1, 0.3), slos=_NO_SHORTFALL),
    "paced, a request every 2 s": _build(Service(), ThinkTime(2.0, 2.0, "pacing")),
    "soft knee, 8 slots of 0.3 s": _build(
        Service(cpu_s=0.002, delay_s=0.3, delay_law="exponential", slots=8), slos=_NO_SHORTFALL
    ),
    "soft knee, 8 slots of 0.25 s": _build(
        Service(cpu_s=0.002, delay_s=0.25, delay_law="exponential", slots=8), slos=_NO_SHORTFALL
    ),
    "SLO p99 <= 1 s": _build(Service(), slos=(Slo("p99", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))),
    "p99 beside p95, 0.4 % slow at any load": _build(
        Service(
            cpu_s=0.02,
            delay_s=0.2,
            delay_law="exponential",
            kinds=(RequestKind("GET /", 0.993, 1.0, 0.0), RequestKind("GET /report", 0.007, 1.0, 20.0)),
        ),
        slos=(Slo("p95", 1.0), Slo("p99", 2.0), Slo("errors", 0.01)),
    ),
    "SLO mean <= 0.3 s": _build(Service(), slos=(Slo("mean", 0.3), Slo("errors", 0.01))),
    "SLO p95 of a name with 3 %": _build(
        Service(
            cpu_s=0.02,
            delay_s=0.2,
            delay_law="exponential",
            kinds=(RequestKind("GET /", 0.97, 1.0, 0.0), RequestKind("POST /checkout", 0.03, 5.0, 1.0)),
        ),
        slos=(*SimulatedScenario().slos, Slo("p95", 1.0, "/checkout")),
    ),
    "host drifts, 10 % in 20 minutes": _build(
        Service(), noise=Noise(run_speed_sd=0.02, drift_ratio=0.1, drift_period_s=1200.0)
    ),
    "host wavers, 12 % in 3 minutes": _build(
        Service(), noise=Noise(run_speed_sd=0.02, drift_ratio=0.12, drift_period_s=180.0)
    ),
    "memory fills, 25 s": _build(
        Service(cpu_s=0.003, base_bytes=22 * MIB, user_bytes=300 * _KIB, user_fill_s=25.0)
    ),
    "memory leaks, 1 KiB a request": _build(
        Service(cpu_s=0.006, base_bytes=40 * MIB, leak_request_bytes=1 * _KIB)
    ),
    "memory leaks, 64 KiB a request": _build(
        Service(cpu_s=0.006, base_bytes=40 * MIB, leak_request_bytes=64 * _KIB)
    ),
    "memory leaks, 0.5 MiB a minute": _build(
        Service(cpu_s=0.006, base_bytes=40 * MIB, user_bytes=200 * _KIB, leak_second_bytes=0.5 * MIB / 60)
    ),
    "memory leaks, 1 MiB a minute": _build(
        Service(cpu_s=0.006, base_bytes=40 * MIB, user_bytes=200 * _KIB, leak_second_bytes=MIB / 60)
    ),
    "memory saw-tooth of 6 s": _build(
        Service(
            cpu_s=0.005,
            base_bytes=40 * MIB,
            user_bytes=200 * _KIB,
            garbage_request_bytes=64 * _KIB,
            garbage_limit_bytes=32 * MIB,
        )
    ),
    "memory saw-tooth of a minute": _build(
        Service(
            cpu_s=0.005,
            base_bytes=40 * MIB,
            user_bytes=200 * _KIB,
            garbage_request_bytes=12 * _KIB,
            garbage_limit_bytes=32 * MIB,
        )
    ),
    "memory saw-tooth, CPU full": _build(
        Service(
            cpu_s=0.02,
            base_bytes=40 * MIB,
            garbage_request_bytes=6 * _KIB,
            garbage_limit_bytes=32 * MIB,
        )
    ),
}

CLASS_CELL: Cell = build_grid((1.0,), (_MEMORY_MIB,))[0]
"""The size of every class. Only targets whose memory grows come near its memory."""
