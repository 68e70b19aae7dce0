"""The targets, hosts and sizes that the trials measure, and the strategies that they compare."""

from bench.search import other_strategies
from bench.search.trial import SimulatedScenario, Strategy
from bench.simulation.model import NOISY, QUIET, Service
from harness.model import MIB, Search, SearchStrategy, Timing

_WINDOWS_60_S = Timing(window_at_least_s=60.0, window_at_most_s=60.0, steady_at_most_s=0.0)
_WINDOWS_300_S = Timing(window_at_least_s=300.0, window_at_most_s=300.0, steady_at_most_s=0.0)

STRATEGIES = (
    Strategy("ours (predict)"),
    Strategy("ours (bisect)", search=Search(SearchStrategy.BISECT)),
    Strategy("ladder +25, 60 s", search=Search(SearchStrategy.LADDER), timing=_WINDOWS_60_S, answer="middle"),
    Strategy(
        "bisect 1..400, 60 s",
        other_strategies.choose_bisection_step,
        timing=_WINDOWS_60_S,
        answer="middle",
    ),
    Strategy(
        "bisect 1..400, 300 s",
        other_strategies.choose_bisection_step,
        timing=_WINDOWS_300_S,
        answer="middle",
    ),
    Strategy(
        "Theodolite, 60 s",
        other_strategies.choose_theodolite_step,
        timing=_WINDOWS_60_S,
        answer="middle",
        restarts_target=True,
        smallest_first=True,
    ),
    Strategy("AIPerf, 60 s", other_strategies.choose_aiperf_step, timing=_WINDOWS_60_S, answer="middle"),
    Strategy(
        "guidellm sweep, 60 s", other_strategies.choose_guidellm_step, timing=_WINDOWS_60_S, answer="highest"
    ),
)

CLASS_STRATEGIES = tuple(
    strategy for strategy in STRATEGIES if strategy.name in ("ours (predict)", "bisect 1..400, 60 s")
)
"""What is tested on the classes: the harness's search, and bisection with windows of 60 s beside it."""

SCENARIOS = {
    "usual": SimulatedScenario(),
    "quiet": SimulatedScenario(noise=QUIET),
    "noisy": SimulatedScenario(noise=NOISY),
    "lognormal": SimulatedScenario(Service(law="lognormal", cpu_cv=2.0)),
    "deterministic": SimulatedScenario(Service(law="deterministic")),
    "workers": SimulatedScenario(Service(cpu_s=0.04, slots=8, delay_s=0.05)),
    "pauses": SimulatedScenario(Service(pause_s=0.2, pause_every_s=5.0)),
}

SHOP = SimulatedScenario(Service(cpu_s=0.02, base_bytes=32 * MIB, user_bytes=MIB // 4))
"""A target with lighter requests, whose memory is 32 MiB and 1 MiB for every 4 users.

In a matrix of it, some cells are limited by the CPU, some by the memory and some by the users limit.
"""

FILLING_SHOP = SimulatedScenario(
    Service(cpu_s=0.01, base_bytes=21 * MIB, user_bytes=200 * 1024, user_fill_s=20.0)
)
"""A target like the bundled shop: its users' memory fills while they stay."""

FILLING_MEMORIES = (48, 80, 512)
CPUS_3, MEMORIES_3 = (0.5, 1.0, 2.0), (48, 96, 256)
CPUS_5, MEMORIES_5 = (0.25, 0.5, 1.0, 2.0, 4.0), (40, 48, 64, 96, 256)


def find_strategies(prefix: str) -> list[Strategy]:
    """Return the strategies whose names start with `prefix`; all for an empty one."""
    return [strategy for strategy in STRATEGIES if strategy.name.startswith(prefix)]
