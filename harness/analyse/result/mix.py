"""Predict what another mix of the same requests would cost, and how many users would use as much CPU.

A user is taken to make as many requests a second as in the measured mix. So the CPU time that N users need
follows the CPU time D of an average request (utilisation law): as many users as use the CPU time of the
measured safe load are N · D / D'. This says nothing about a size that something else than its CPU stops.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.analyse.intervals import NORMAL_975
from harness.model import Factor, is_same_request
from harness.model.request_costs import CostKind, MixPrediction, RequestCost, RequestCosts

_SAME_PROPORTION = 0.05
"""Names that have one cost together may be asked for in proportions that differ by so much."""


def find_name(names: Sequence[str], asked: str) -> str | None:
    """Return the request name that is asked for, with its method or without; None if none is, or several."""
    if asked in names:
        return asked
    same = [name for name in names if is_same_request(asked, name)]
    return same[0] if len(same) == 1 else None


def find_inseparable_cost(costs: RequestCosts, weights: Mapping[str, float]) -> RequestCost | None:
    """Return a row of several names that a mix asks for in another proportion than was measured, if any.

    Nobody asks for requests that fail, so these are left out.
    """
    for cost in costs.rows:
        pairs = zip(cost.names, cost.name_ratios, strict=True)
        named = [(name, ratio) for name, ratio in pairs if name is not None]
        asked = np.array([weights.get(name, 0.0) for name, _ in named])
        if cost.kind is CostKind.NAME or asked.sum() <= 0:
            continue
        measured = np.array([ratio for _, ratio in named])
        if measured.sum() <= 0:
            return cost
        if np.abs(asked / asked.sum() - measured / measured.sum()).max() > _SAME_PROPORTION:
            return cost
    return None


def predict_mix(
    costs: RequestCosts, weights: Mapping[str, float], safe_users: int | None, factor: Factor | None
) -> MixPrediction:
    """Return what a mix costs, by the weight of each request name; some weight is above 0.

    `safe_users` are the measured load to compare with, if there is one, and `factor` is what stops the size.
    The interval of the ratio is that of its logarithm, by the costs' covariance.
    """
    asked = np.array([sum(weights.get(name, 0.0) for name in cost.names if name) for cost in costs.rows])
    asked = asked / asked.sum()
    measured = np.array([cost.request_ratio for cost in costs.rows])
    cpu_s = np.array([cost.cpu_s for cost in costs.rows])
    covariance = np.array(costs.covariance)
    mean_s, now_s = float(asked @ cpu_s), float(measured @ cpu_s)
    half_s = NORMAL_975 * math.sqrt(max(float(asked @ covariance @ asked), 0.0))
    prediction = MixPrediction(
        cpu_s=mean_s,
        low_s=max(0.0, mean_s - half_s),
        high_s=mean_s + half_s,
        ratio=mean_s / now_s,
        safe_users=safe_users,
        factor=factor if factor is not Factor.CPU else None,
        unresolved=tuple(
            cost for cost, share in zip(costs.rows, asked, strict=True) if share > 0 and not cost.is_resolved
        ),
    )
    if prediction.factor is not None or safe_users is None or mean_s <= 0:
        return prediction
    gradient = asked / mean_s - measured / now_s
    sigma = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    return _add_users(prediction, safe_users, math.exp(min(NORMAL_975 * sigma, 20.0)))


def _add_users(prediction: MixPrediction, safe_users: int, width: float) -> MixPrediction:
    """Return the prediction with its users, give or take the factor `width`."""
    users = safe_users / prediction.ratio
    return replace(
        prediction,
        users=math.floor(round(users, 6)),
        low_users=math.floor(round(users / width, 6)),
        high_users=math.ceil(round(users * width, 6)),
    )
