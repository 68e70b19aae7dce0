"""Predict the cost of another mix, and the users that would use as much CPU."""

from dataclasses import replace

import pytest

from harness.analyse.result.mix import find_inseparable_cost, find_name, predict_mix
from harness.model import Factor
from harness.model.request_costs import CostKind, RequestCost, RequestCosts
from tests.builders import make_result


def make_cost(
    name: str, ratio: float, cpu_s: float, *, others: tuple[str, ...] = (), is_resolved: bool = True
) -> RequestCost:
    names = (name, *others)
    kind = CostKind.TOGETHER if others else CostKind.NAME
    ratios = (ratio / len(names),) * len(names)
    return RequestCost(kind, names, ratios, 100, cpu_s, cpu_s, cpu_s, 0.5, is_resolved)


def make_costs(*rows: RequestCost, sigmas_s: tuple[float, ...] = ()) -> RequestCosts:
    """Return costs whose errors are independent of each other, without errors by default."""
    sigmas_s = sigmas_s or (0.0,) * len(rows)
    covariance = tuple(
        tuple(sigma**2 if row == column else 0.0 for column in range(len(rows)))
        for row, sigma in enumerate(sigmas_s)
    )
    mean_s = sum(row.request_ratio * row.cpu_s for row in rows)
    return RequestCosts(make_result(1.0, 455, 470), 400, rows, mean_s, 0.0, 0.0, 600.0, 300, covariance)


CHEAP, DEAR = make_cost("GET /a", 0.75, 0.010), make_cost("POST /b", 0.25, 0.040)


def test_another_mix_carries_users_by_the_cost_of_its_average_request() -> None:
    """Half and half costs 25 ms instead of 17.5 ms: 350 users become 350 · 17.5 / 25 = 245."""
    prediction = predict_mix(make_costs(CHEAP, DEAR), {"GET /a": 1, "POST /b": 1}, 350, Factor.CPU)
    assert prediction.cpu_s == pytest.approx(0.025)
    assert prediction.ratio == pytest.approx(10 / 7)
    assert (prediction.low_users, prediction.users, prediction.high_users) == (245, 245, 245)


def test_the_interval_is_that_of_the_ratio_of_both_costs() -> None:
    """With 1 ms for the cheap one: 1.96 · 0.001 · (0.75/0.0175 - 0.5/0.025) = 0.0448, a factor of 1.0458."""
    costs = make_costs(CHEAP, DEAR, sigmas_s=(0.001, 0.0))
    prediction = predict_mix(costs, {"GET /a": 2, "POST /b": 2}, 350, None)
    assert (prediction.low_users, prediction.users, prediction.high_users) == (234, 245, 257)
    assert (prediction.low_s, prediction.high_s) == pytest.approx((0.025 - 0.00098, 0.025 + 0.00098))


def test_the_measured_mix_keeps_the_users_however_uncertain_the_costs_are() -> None:
    costs = make_costs(CHEAP, DEAR, sigmas_s=(0.005, 0.02))
    prediction = predict_mix(costs, {"GET /a": 3, "POST /b": 1}, 350, Factor.CPU)
    assert (prediction.low_users, prediction.users, prediction.high_users) == (350, 350, 350)


@pytest.mark.parametrize("factor", [Factor.MEMORY, Factor.TARGET, Factor.DEPENDENCY])
def test_no_users_are_predicted_where_something_else_than_the_cpu_stops_the_size(factor: Factor) -> None:
    prediction = predict_mix(make_costs(CHEAP, DEAR), {"GET /a": 1}, 350, factor)
    assert prediction.users is None
    assert prediction.factor is factor
    assert prediction.cpu_s == pytest.approx(0.010)


def test_no_users_are_predicted_for_a_mix_without_a_cost_or_a_size_without_users() -> None:
    free = make_costs(make_cost("GET /a", 0.75, 0.0), DEAR)
    assert predict_mix(free, {"GET /a": 1}, 350, Factor.CPU).users is None
    assert predict_mix(make_costs(CHEAP, DEAR), {"GET /a": 1}, None, Factor.CPU).users is None


def test_what_is_unresolved_in_the_mix_is_named() -> None:
    vague = make_cost("GET /c", 0.25, 0.02, is_resolved=False)
    costs = make_costs(CHEAP, vague)
    assert predict_mix(costs, {"GET /a": 1, "GET /c": 1}, 350, None).unresolved == (vague,)
    assert predict_mix(costs, {"GET /a": 1}, 350, None).unresolved == ()


def test_names_that_come_together_can_only_be_asked_for_in_their_proportion() -> None:
    pair = make_cost("GET /page", 0.5, 0.02, others=("GET /style",))
    costs = make_costs(CHEAP, pair)
    assert find_inseparable_cost(costs, {"GET /page": 1, "GET /style": 1, "GET /a": 9}) is None
    assert find_inseparable_cost(costs, {"GET /a": 1}) is None
    assert find_inseparable_cost(costs, {"GET /page": 1, "GET /a": 9}) is pair
    assert find_inseparable_cost(costs, {"GET /page": 1, "GET /style": 3}) is pair


def test_a_name_that_has_one_cost_with_requests_that_failed_can_be_asked_for() -> None:
    rare = replace(make_cost("GET /c", 0.1, 0.02), kind=CostKind.RARE, names=("GET /c", None))
    costs = make_costs(CHEAP, replace(rare, name_ratios=(0.04, 0.06)))
    assert find_inseparable_cost(costs, {"GET /a": 1, "GET /c": 1}) is None


def test_a_name_is_found_with_its_method_or_without() -> None:
    names = ("GET /a", "POST /a", "GET /b", "login")
    assert find_name(names, "GET /a") == "GET /a"
    assert find_name(names, "/b") == "GET /b"
    assert find_name(names, "login") == "login"
    assert find_name(names, "/a") is None
    assert find_name(names, "/c") is None
