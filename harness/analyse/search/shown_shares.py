"""Read from a step which share of its requests was slow, by a percentile of all requests or of one name."""

from collections.abc import Iterable
from dataclasses import replace

from harness.analyse.search.capacity_estimate import find_percentile_slo
from harness.model import IndicatorKind, Slo, StepResult, Verdict
from harness.model.evidence import SlosHold


def select_share(step: StepResult, slo: Slo) -> StepResult | None:
    """Return the step with the requests and the slow shares that a percentile is about.

    None if the SLO is on anything else, or if the step does not show them. The shares of the first percentile
    of all requests are the step's own, those of any other are among its further shares. A step that passed
    tells which percentile was the first.
    """
    if slo.kind is not IndicatorKind.PERCENTILE:
        return None
    share = next((each for each in step.further_shares if each.slo == slo), None)
    if share is not None:
        return replace(step, requests=share.requests, latency=share.latency) if share.requests else None
    if slo.request_name is not None:
        return None
    if step.verdict is Verdict.PASS and _find_first_percentile(step) != slo:
        return None
    return step if step.latency.slow_ratio is not None and step.requests > 0 else None


def _find_first_percentile(step: StepResult) -> Slo | None:
    """Return the first SLO on a percentile of all requests that holds in a step; None if it tells none."""
    evidence = step.judgement.evidence
    evaluations = evidence.evaluations if isinstance(evidence, SlosHold) else ()
    return find_percentile_slo(each.slo for each in evaluations)


def sum_slow(steps: Iterable[StepResult]) -> tuple[float, int]:
    """Return how many requests were slow in these windows together, and of how many."""
    pairs = [(step.requests * (step.latency.slow_ratio or 0.0), step.requests) for step in steps]
    return sum(slow for slow, _ in pairs), sum(requests for _, requests in pairs)
