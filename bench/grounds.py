"""What the trials run on: targets and hosts of different temper, sizes, and the strategies compared."""

from bench import rivals
from bench.simulation.physics import CALM, Service, Weather
from bench.trial import Ground, Strategy
from harness.model import MIB, Search, Timing

FIXED_60 = Timing(window_at_least_s=60.0, window_at_most_s=60.0)
FIXED_300 = Timing(window_at_least_s=300.0, window_at_most_s=300.0)

STRATEGIES = (
    Strategy("ours (predict)"),
    Strategy("ours (bisect)", search=Search("bisect")),
    Strategy("ladder +25, 60 s", search=Search("ladder"), timing=FIXED_60, answers="middle"),
    Strategy("bisect 1..400, 60 s", rivals.bisect_range, timing=FIXED_60, answers="middle"),
    Strategy("bisect 1..400, 300 s", rivals.bisect_range, timing=FIXED_300, answers="middle"),
    Strategy(
        "Theodolite, 60 s",
        rivals.theodolite,
        timing=FIXED_60,
        answers="middle",
        fresh=True,
        smallest_first=True,
    ),
    Strategy("AIPerf, 60 s", rivals.aiperf, timing=FIXED_60, answers="middle"),
    Strategy("guidellm sweep, 60 s", rivals.guidellm, timing=FIXED_60, answers="highest"),
)

STORMY = Weather(life_sd=0.04, drift_ratio=0.03, cold_ratio=0.3, warm_cpu_s=5.0)

GROUNDS = {
    "usual": Ground(),
    "calm": Ground(weather=CALM),
    "stormy": Ground(weather=STORMY),
    "lognormal": Ground(Service(law="lognormal", cpu_cv=2.0)),
    "deterministic": Ground(Service(law="deterministic")),
    "workers": Ground(Service(cpu_s=0.04, slots=8, delay_s=0.05)),
    "pauses": Ground(Service(pause_s=0.2, pause_every_s=5.0)),
}

SHOP = Service(cpu_s=0.02, base_bytes=32 * MIB, user_bytes=MIB // 4)
"""Lighter requests, and 4 users for every MiB above 32: CPU, memory and users limit all bound some cells."""

CPUS_3, MEMORIES_3 = (0.5, 1.0, 2.0), (48, 96, 256)
CPUS_5, MEMORIES_5 = (0.25, 0.5, 1.0, 2.0, 4.0), (40, 48, 64, 96, 256)


def named(words: str) -> list[Strategy]:
    """The strategies whose name begins so; all for an empty string."""
    return [strategy for strategy in STRATEGIES if strategy.name.startswith(words)]
