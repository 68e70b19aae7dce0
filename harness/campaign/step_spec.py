"""Build what `hold_step` needs for a step of a search."""

from harness.analyse.step.baseline import Baseline
from harness.analyse.step.cycle import build_cycle_measure, find_last_begin_s
from harness.analyse.step.judge import build_settled_predicate
from harness.analyse.step.spoiled import build_spoiled_predicate
from harness.analyse.step.steady import build_steady_predicate
from harness.analyse.step.warmup import build_rest_predicate, is_warm
from harness.measure.step import ProgressCallback, StepSpec
from harness.model import Limits, Plan, Step


def build_step_spec(
    plan: Plan,
    step: Step,
    index: int,
    baseline: Baseline | None,
    limits: Limits,
    report_progress: ProgressCallback,
    *,
    is_last_try: bool = False,
    is_fresh: bool = True,
) -> StepSpec:
    """Build the spec of a cell's step number `index`, which is judged by the plan's SLOs and this baseline.

    `limits` are the cell's. The step is the last try if it was INVALID before; it is the first one of
    its container if that `is_fresh`. `report_progress` is called
    about four times a second while the step is held.
    """
    return StepSpec(
        index,
        step,
        plan.spawn_rate,
        is_settled=build_settled_predicate(plan, step, baseline),
        report_progress=report_progress,
        is_warm=is_warm,
        measure_cycle=build_cycle_measure(step.timing.drain_s),
        find_last_begin=find_last_begin_s,
        is_steady=build_steady_predicate(plan, step, baseline, limits),
        is_spoiled=build_spoiled_predicate(plan.slos, step.timing.drain_s, is_last_try=is_last_try),
        is_at_rest=build_rest_predicate(step.timing.drain_s, is_fresh=is_fresh),
    )
