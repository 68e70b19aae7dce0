"""Choose a cell's next step from its steps and its neighbours' results, and the order of the cells.

The functions are pure: the same steps always lead to the same choice, so a resumed campaign repeats no
measurement. Neighbours and models only tell the search where to start; both ends of a bracket are always
measured in the cell itself. See docs/method.md.
"""

import math
from collections.abc import Sequence

from harness.analyse.search.bracket import (
    Bracket,
    bound_by_failures,
    find_bracket,
    find_inconclusive_step,
    is_invalid_twice,
    is_scenario_broken,
)
from harness.analyse.search.capacity_estimate import LogNormalEstimate, find_median, find_probability
from harness.analyse.search.constant_errors import choose_error_check, find_constant_errors
from harness.analyse.search.host_pace import drop_superseded_steps, needs_faster_host
from harness.analyse.search.memory_model import is_memory_failure
from harness.analyse.search.prediction import predict_capacity
from harness.analyse.search.rare_requests import find_unjudged_users, find_window_s
from harness.analyse.search.reference import choose_reference_step, leave_out_empty_references
from harness.analyse.search.summed_evidence import choose_doubtful_end, choose_heavier_check
from harness.model import (
    Cell,
    CellResult,
    Plan,
    Search,
    SearchStrategy,
    Step,
    StepResult,
    Verdict,
)

_LIMIT_MARGIN_RATIO = 1.1
"""The first step is held at the users limit if the estimate is larger than the limit times this factor."""

_MAX_INCONCLUSIVE_STEPS = 4
"""The search ends after this many steps in a row with too few requests, because the scenario may never make
the request that an SLO names.
"""

_LONGER_RATIO = 1.2
"""A step with too few requests is held again if its window can be longer by this factor."""

_MAX_LONGER_STEPS = 2

_MOST_FAILURES_BY_ESTIMATE = 3
"""After so many numbers of users that failed, and none that passed, the users are halved at least."""

_REFUTED_FROM_SIGMAS = 1.5
"""A pass that is so many standard deviations above an estimate refutes it."""

_MIN_FINISHING_PROBABILITY = 0.4
"""A step that may finish the search is chosen if it does so with at least this probability.

The alternative is a step at the estimate's median, after which the next step is more likely to finish it.
"""


def choose_next_step(
    plan: Plan,
    cell: Cell,
    steps: Sequence[StepResult],
    neighbours: Sequence[CellResult] = (),
    aim_users: int | None = None,
) -> Step | None:
    """Choose the step that a cell needs next; None when its search is done.

    `aim_users` are held next if they lie within the bracket so far. `steps` are the cell's own. `neighbours`
    are the results of other cells, each with at least one step. An INVALID step is repeated once, unless it
    would be the same again (see `is_scenario_broken`). A step with too few requests is not repeated if more
    users can make more of them (see `find_inconclusive_step`). The search ends if no number of users can. If
    users wait much of their time already in the first step, a single user is measured next, with whose
    throughput all others are compared. Before the search ends, an end of its bracket may be held again (see
    `_choose_last_hold`).
    """
    held, steps = steps, leave_out_empty_references(steps)
    results = [*steps, *(step for neighbour in neighbours for step in neighbour.steps)]
    unjudged_users = 0 if find_bracket(steps).sustained_users else find_unjudged_users(plan, results)
    inconclusive = find_inconclusive_step(steps, plan.users_limit)
    if unjudged_users == plan.users_limit or _is_inconclusive_too_often(steps):
        return None
    if not steps or steps[-1] is not inconclusive or _is_worth_repeating(plan, steps[-1], results):
        if is_invalid_twice(steps) or (steps and is_scenario_broken(steps[-1])):
            return None
        if steps and steps[-1].verdict is Verdict.INVALID:
            return Step(steps[-1].users, plan.timing)
    if (reference := choose_reference_step(plan, held, is_first=not neighbours)) is not None:
        return reference
    if find_constant_errors(steps, neighbours) is not None:
        return None
    if (check := choose_error_check(plan, steps)) is not None:
        return check
    bracket = find_bracket(_drop_unproven_passes(plan, steps))
    bracket = _raise_sustained(bracket, inconclusive, unjudged_users, plan.search.precision_ratio)
    step = _choose_open_step(plan, cell, steps, neighbours, bracket, aim_users)
    return step or _choose_last_hold(plan, cell, steps, neighbours, bracket)


def _choose_open_step(
    plan: Plan,
    cell: Cell,
    steps: Sequence[StepResult],
    neighbours: Sequence[CellResult],
    bracket: Bracket,
    aim_users: int | None,
) -> Step | None:
    """Choose a step that the answer still needs; None if the bracket is narrow enough, or none can help."""
    if (check := choose_heavier_check(plan, cell.limits, steps)) is not None:
        return check if plan.users_required is None else Step(plan.users_required, plan.timing)
    if is_bracket_sufficient(plan.search, plan.users_limit, bracket):
        return None
    if plan.users_required is not None:
        return _choose_demand_step(plan, plan.users_required, steps, neighbours)
    if aim_users is not None and bracket.contains(aim_users):
        return Step(aim_users, plan.timing)
    return _choose_search_step(plan, cell, steps, neighbours, bracket)


def _choose_last_hold(
    plan: Plan,
    cell: Cell,
    steps: Sequence[StepResult],
    neighbours: Sequence[CellResult],
    bracket: Bracket,
) -> Step | None:
    """Choose an end of the final bracket that must be held again; None if both ends stand.

    It is the failure if the host was slow, the pass if it does not show how long the memory lasts, or the end
    that all windows together contradict. Failures above the bracket are not held again: they change nothing.
    """
    broken = bracket.broken_users
    if broken is not None and needs_faster_host(steps, broken, neighbours, plan.slos):
        return Step(broken, plan.timing)
    if not is_bracket_sufficient(plan.search, plan.users_limit, bracket):
        return None
    return _choose_longer_hold(plan, bracket, steps) or _choose_doubtful_end(plan, cell, bracket, steps)


def _choose_search_step(
    plan: Plan,
    cell: Cell,
    steps: Sequence[StepResult],
    neighbours: Sequence[CellResult],
    bracket: Bracket,
) -> Step | None:
    """Choose the next step between the ends of the bracket, by the plan's strategy."""
    if plan.search.strategy is SearchStrategy.PREDICT:
        estimate = predict_capacity(cell, drop_superseded_steps(steps), neighbours, plan.slos)
        have_errors = any(find_constant_errors(neighbour.steps) for neighbour in neighbours)
        if not steps and (estimate is None or have_errors):
            return _build_first_step(plan)
        predicted = _choose_predicted_users(plan.search, plan.users_limit, bracket, estimate)
        is_creeping = _is_creeping(plan.search, bracket, steps, estimate)
        users = min(predicted, (bracket.broken_users or 2) // 2) if is_creeping else predicted
        users = min(users, bound_by_failures(bracket, steps, plan.search.precision_ratio) or users)
        if _is_light_failure_outvoted(plan.search, bracket, steps):
            users = max(users, min(2 * (bracket.sustained_users or 0), plan.users_limit))
    else:
        chosen = choose_users_without_estimate(plan.search, plan.users_limit, bracket)
        if chosen is None:
            return None
        users = chosen
    return Step(users, plan.timing)


def _is_creeping(
    search: Search, bracket: Bracket, steps: Sequence[StepResult], estimate: LogNormalEstimate | None
) -> bool:
    """Return True if the users are to be halved at least: the estimate does not say where the size passes.

    That is so after three numbers of users that failed and none that passed, or after two if they are no more
    than those of the light step. It is so at once if the first failure is below the estimate and the light
    step's, because nothing then says how far below. Where a window has passed and others have outvoted it,
    the capacity is near: only failures with no more users count.
    """
    broken = bracket.broken_users
    if bracket.sustained_users is not None or broken is None or broken == 1:
        return False
    passed = [step.users for step in steps if step.verdict is Verdict.PASS and step.users >= broken]
    failed = {step.users for step in steps if step.verdict is Verdict.FAIL}
    failed_count = sum(users <= min(passed, default=users) for users in failed)
    if failed_count >= _MOST_FAILURES_BY_ESTIMATE:
        return True
    is_light = broken <= search.first_users
    return is_light and (failed_count > 1 or estimate is None or estimate.users >= broken)


def _is_light_failure_outvoted(search: Search, bracket: Bracket, steps: Sequence[StepResult]) -> bool:
    """Return True if the users are to be doubled at least: a failure at light load was chance.

    Then so many requests are slow without any load that each pass looks as if the size broke at the next
    number of users. That is so until something breaks the size.
    """
    if bracket.sustained_users is None or bracket.broken_users is not None:
        return False
    return any(step.verdict is Verdict.FAIL and step.users <= search.first_users for step in steps)


def _needs_longer_step(plan: Plan, step: StepResult) -> bool:
    """Return True if a longer step would show more of how long the memory lasts."""
    return step.memory is not None and step.memory.needs_longer_step(plan.timing.steady_at_most_s)


def _drop_unproven_passes(plan: Plan, steps: Sequence[StepResult]) -> list[StepResult]:
    """Return the steps without passes that don't show how long the memory lasts, if memory broke a step.

    Such a pass, as of the light step, proves little for a cell whose memory fills up.
    """
    if not any(is_memory_failure(step) for step in steps):
        return list(steps)
    return [step for step in steps if step.verdict is not Verdict.PASS or not _needs_longer_step(plan, step)]


def _choose_longer_hold(plan: Plan, bracket: Bracket, steps: Sequence[StepResult]) -> Step | None:
    """Choose the highest pass once more if none of its steps shows how long the memory lasts.

    That is so if it was the light step, whose window does not wait for this. A step whose SLOs seemed broken
    when its window was to go on does not wait either. So no more than two further steps are held.
    """
    passed = [step for step in steps if step.users == bracket.sustained_users]
    is_enough = len(passed) > _MAX_LONGER_STEPS or any(not _needs_longer_step(plan, step) for step in passed)
    if not passed or is_enough:
        return None
    return Step(passed[-1].users, plan.timing)


def _is_worth_repeating(plan: Plan, step: StepResult, results: Sequence[StepResult]) -> bool:
    """Return True if a step had too few requests because its window was planned before they were seen."""
    window_s = max((find_window_s(plan, slo, step.users, results) for slo in plan.slos), default=0.0)
    return step.users > plan.search.first_users and window_s > _LONGER_RATIO * step.window_s


def _raise_sustained(
    bracket: Bracket, inconclusive: StepResult | None, unjudged_users: int, precision_ratio: float
) -> Bracket:
    """Return the bracket without the users that make too few requests for a verdict, as if they had passed.

    But if a failure shows that the size hardly sustains more users than these, and no step has shown that
    they are too few, the next step does.
    """
    low, high = bracket.sustained_users, bracket.broken_users
    raised = Bracket(max(unjudged_users, inconclusive.users if inconclusive else 0) or None, high)
    if low is not None or (inconclusive is None and raised.is_narrow(precision_ratio)):
        return bracket
    return raised


def _choose_doubtful_end(
    plan: Plan, cell: Cell, bracket: Bracket, steps: Sequence[StepResult]
) -> Step | None:
    sustained, broken = bracket.sustained_users, bracket.broken_users
    if sustained is None or broken is None or plan.users_required is not None:
        return None
    return choose_doubtful_end(plan, cell.limits, steps, sustained, broken)


def _is_inconclusive_too_often(steps: Sequence[StepResult]) -> bool:
    last = steps[-_MAX_INCONCLUSIVE_STEPS:]
    return len(last) == _MAX_INCONCLUSIVE_STEPS and all(step.rule.lacks_requests for step in last)


def order_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Order the cells for measuring, so that every cell but the first has a similar neighbour before it.

    They are sorted by repetition, then by replicas (fewest first), then by the memory and by the CPU of each
    replica (largest first).
    """
    return sorted(cells, key=_rank_cell)


def is_bracket_sufficient(search: Search, users_limit: int, bracket: Bracket) -> bool:
    """Return True if the users limit is sustained, one user is too many, or the bracket is narrow enough."""
    return (
        bracket.sustained_users == users_limit
        or bracket.broken_users == 1
        or bracket.is_narrow(search.precision_ratio)
    )


def choose_users_without_estimate(search: Search, users_limit: int, bracket: Bracket) -> int | None:
    """Choose the next number of users by the strategy `ladder` or `bisect`; None when the search is done."""
    if is_bracket_sufficient(search, users_limit, bracket):
        return None
    if search.strategy is SearchStrategy.LADDER:
        return _climb_ladder(search, users_limit, bracket)
    return _bisect(search, users_limit, bracket)


def _build_first_step(plan: Plan) -> Step:
    """Build the first step, at light load, which measures the CPU time per request."""
    return Step(min(plan.users_limit, plan.search.first_users), plan.timing)


def _choose_demand_step(
    plan: Plan, users: int, steps: Sequence[StepResult], neighbours: Sequence[CellResult]
) -> Step | None:
    """Choose the one step at the users required; None after a failure.

    The campaign's first cell gets a step at light load before, the baseline of all other steps.
    """
    if not steps and not neighbours:
        return _build_first_step(plan)
    return None if find_bracket(steps).broken_users is not None else Step(users, plan.timing)


def _climb_ladder(search: Search, users_limit: int, bracket: Bracket) -> int | None:
    """Choose the next rung, `ladder_users` above the last; None after a failure, which ends a ladder."""
    if bracket.broken_users is not None:
        return None
    return min(users_limit, (bracket.sustained_users or 0) + search.ladder_users)


def _bisect(search: Search, users_limit: int, bracket: Bracket) -> int:
    """Double the users until a step fails, or halve them until one passes; then choose the middle."""
    if bracket.sustained_users is None and bracket.broken_users is None:
        return min(users_limit, search.first_users)
    if bracket.broken_users is None:
        assert bracket.sustained_users is not None
        return min(users_limit, 2 * bracket.sustained_users)
    if bracket.sustained_users is None:
        return bracket.broken_users // 2
    return bracket.compute_middle()


def _choose_predicted_users(
    search: Search, users_limit: int, bracket: Bracket, estimate: LogNormalEstimate | None
) -> int:
    """Choose the number of users that most likely becomes one end of a narrow bracket.

    It is the number that most likely finishes the search, if the probability is high enough, otherwise the
    median of the estimate. Without an estimate the users are bisected.
    """
    if estimate is None:
        return _bisect(search, users_limit, bracket)
    low, high = bracket.sustained_users, bracket.broken_users
    precision_factor = 1 + search.precision_ratio
    if low is None and high is None:
        if estimate.users > users_limit * _LIMIT_MARGIN_RATIO:
            return users_limit
        return _clamp(estimate.users / math.sqrt(precision_factor), 1, users_limit)
    users = _find_finishing_users(low, high, estimate, precision_factor)
    if low is not None and high is not None and _is_middle_best(low, high, estimate, precision_factor, users):
        return bracket.compute_middle()
    users = users or find_median(estimate, low, high)
    if low is not None:
        users = max(users, math.floor(low * precision_factor))
    if high is not None:
        users = min(users, math.ceil(high / precision_factor))
    return _clamp(users, (low or 0) + 1, users_limit if high is None else high - 1)


def _is_middle_best(
    low: int, high: int, estimate: LogNormalEstimate, precision_factor: float, finishing_users: float | None
) -> bool:
    """Return True if the bracket's middle is sure to finish the search, or if the estimate proved wrong.

    It did if it is far below a pass. It would then lead from that pass to the next number of users, and on.
    """
    is_refuted = low > estimate.users * math.exp(_REFUTED_FROM_SIGMAS * estimate.sigma)
    is_outside = finishing_users is None and not low < estimate.users < high
    return high <= low * precision_factor**2 or is_refuted or is_outside


def _find_finishing_users(
    low: int | None, high: int | None, estimate: LogNormalEstimate, precision_factor: float
) -> float | None:
    """Find the users that most likely complete a narrow bracket with the known pass or the known failure.

    At least one of the two (`low`, `high`) must be known. None if the probability is too low.
    """
    candidates = []
    if low is not None:
        above = low * precision_factor
        candidates.append((find_probability(estimate, low, high, low, above), math.floor(above)))
    if high is not None:
        below = high / precision_factor
        candidates.append((find_probability(estimate, low, high, below, high), math.ceil(below)))
    probability, users = max(candidates)
    return users if probability >= _MIN_FINISHING_PROBABILITY else None


def _clamp(users: float, low: int, high: int) -> int:
    return min(max(round(users), low), high)


def _rank_cell(cell: Cell) -> tuple[float, ...]:
    limits = cell.limits
    return cell.repetition, limits.replicas, -limits.memory_bytes, -limits.cpu_cores
