"""Simulate a campaign of one size whose requests have known costs, and tell these costs from it."""

from dataclasses import dataclass

from bench.search.trial import SimulatedScenario, Strategy, build_grid, measure_cell
from bench.simulation.model import QUIET, Law, Noise, RequestKind, Service
from harness.analyse.result.request_costs import assess_request_costs
from harness.model import CampaignResult, CampaignState
from harness.model.request_costs import RequestCost

CORES = 0.5
MEAN_S = 0.02
KINDS = (RequestKind("GET /a", 3.0, 0.5), RequestKind("POST /b", 1.0, 2.5))
"""Three of four requests cost 10 ms on average, and one 50 ms."""

USERS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class CostTrial:
    """A campaign to simulate: how the CPU time of single requests varies around what their name costs."""

    law: Law
    seed: int
    noise: Noise = QUIET


@dataclass(frozen=True, slots=True)
class CostError:
    """How wrong the cost of a name is, relative to the true one, and half of its interval."""

    name: str
    error_ratio: float
    half_ratio: float
    is_covered: bool


def find_cost_errors(trial: CostTrial) -> list[CostError]:
    """Simulate the campaign and return the errors of its costs; none if it does not tell the names apart."""
    scenario = SimulatedScenario(
        Service(cpu_s=MEAN_S, law=trial.law, kinds=KINDS), trial.noise, users_limit=USERS_LIMIT
    )
    size = measure_cell(Strategy("ours"), scenario, build_grid([CORES])[0], trial.seed)
    campaign = CampaignResult("sim", "sim", CampaignState.COMPLETE, "", USERS_LIMIT, scenario.slos, (size,))
    costs = assess_request_costs(campaign, size)
    known = {} if costs is None else {cost.names: cost for cost in costs.rows}
    return [_compare(kind, known[(kind.name,)]) for kind in KINDS if (kind.name,) in known]


def _compare(kind: RequestKind, cost: RequestCost) -> CostError:
    true_s = MEAN_S * kind.cpu_ratio
    return CostError(
        kind.name,
        cost.cpu_s / true_s - 1,
        (cost.high_s - cost.low_s) / 2 / true_s,
        cost.low_s <= true_s <= cost.high_s,
    )
