"""Run a comparison of two versions in simulated time, with the harness's own windows and decisions."""

from dataclasses import dataclass, replace

from bench.search.trial import SimulatedScenario, Strategy, build_plan
from bench.simulation.backends import simulate_backends
from bench.simulation.model import Noise, Service
from harness.campaign.ab import AbRequest, Comparison
from harness.campaign.ab_listener import AbListener
from harness.model import MIB, Cell, Limits, Variant
from harness.model.ab import AbAnswer, Side

_CORES = 0.5
_SERVICE = Service(cpu_s=0.004, law="lognormal", cpu_cv=0.4)
"""Requests differ so little because users choose by chance here, while those of a real pair choose alike: so
the CPU time of pairs scatters as the real one did.
"""


@dataclass(frozen=True, slots=True)
class AbTrial:
    """A comparison to simulate: the head needs more CPU time for a request by `change_ratio`."""

    noise: Noise
    change_ratio: float = 0.0
    seed: int = 0
    within_s: float = 600.0


def compare_simulated(trial: AbTrial) -> AbAnswer:
    """Simulate the comparison; the users of both versions choose by chance, and not alike."""
    head = replace(_SERVICE, cpu_s=_SERVICE.cpu_s * (1 + trial.change_ratio))
    scenario = SimulatedScenario(_SERVICE, trial.noise)
    variants: dict[str | None, Service] = {Side.BASE.value: _SERVICE, Side.HEAD.value: head}
    backends = simulate_backends(_SERVICE, trial.noise, seed=trial.seed, variants=variants)
    cells = [
        Cell(f"sim-{side}", "sim", Limits(_CORES, 512 * MIB, variant=side.value), variant=Variant())
        for side in Side
    ]
    plan = build_plan(Strategy("ours"), cells, scenario)
    request = AbRequest("base", "head", within_s=trial.within_s)
    return Comparison(plan, request, backends, AbListener()).run()
