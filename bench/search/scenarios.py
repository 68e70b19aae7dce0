"""What the trials run on: targets and hosts of different temper, sizes, and the strategies compared."""

from bench.search import other_strategies
from bench.simulation.model import QUIET, Service, Noise
from bench.search.trial import SimulatedScenario, Strategy
from harness.model import MIB, Search, Timing

FIXED_60 = Timing(window_at_least_s=60.0, window_at_most_s=60.0)
FIXED_300 = Timing(window_at_least_s=300.0, window_at_most_s=300.0)

STRATEGIES = (
    Strategy("ours (predict)"),
    Strategy("ours (bisect)", search=Search("bisect")),
    Strategy("ladder +25, 60 s", search=Search("ladder"), timing=FIXED_60, answer="middle"),
    Strategy("bisect 1..400, 60 s", other_strategies.choose_bisection_step, timing=FIXED_60, answer="middle"),
    Strategy("bisect 1..400, 300 s", other_strategies.choose_bisection_step, timing=FIXED_300, answer="middle"),
    Strategy(
        "Theodolite, 60 s",
        other_strategies.choose_theodolite_step,
        timing=FIXED_60,
        answer="middle",
        restarts_target=True,
        smallest_first=True,
    ),
    Strategy("AIPerf, 60 s", other_strategies.choose_aiperf_step, timing=FIXED_60, answer="middle"),
    Strategy("guidellm sweep, 60 s", other_strategies.choose_guidellm_step, timing=FIXED_60, answer="highest"),
)

NOISY = Noise(run_speed_sd=0.04, drift_ratio=0.03, cold_ratio=0.3, warm_cpu_s=5.0)

SCENARIOS = {
    "usual": SimulatedScenario(),
    "calm": SimulatedScenario(noise=QUIET),
    "stormy": SimulatedScenario(noise=NOISY),
    "lognormal": SimulatedScenario(Service(law="lognormal", cpu_cv=2.0)),
    "deterministic": SimulatedScenario(Service(law="deterministic")),
    "workers": SimulatedScenario(Service(cpu_s=0.04, slots=8, delay_s=0.05)),
    "pauses": SimulatedScenario(Service(pause_s=0.2, pause_every_s=5.0)),
}

SHOP = Service(cpu_s=0.02, base_bytes=32 * MIB, user_bytes=MIB // 4)
"""Lighter requests, and 4 users for every MiB above 32: CPU, memory and users limit all bound some cells."""

CPUS_3, MEMORIES_3 = (0.5, 1.0, 2.0), (48, 96, 256)
CPUS_5, MEMORIES_5 = (0.25, 0.5, 1.0, 2.0, 4.0), (40, 48, 64, 96, 256)


def find_strategies(words: str) -> list[Strategy]:
    """The strategies whose name begins so; all for an empty string."""
    return [strategy for strategy in STRATEGIES if strategy.name.startswith(words)]
