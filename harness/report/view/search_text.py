"""Put a running search into words: the verdict on a step, and how far apart the ends of the bracket are."""

from harness.model import StepResult
from harness.report.view.explanations import explain_judgement
from harness.report.view.text import format_rate, format_ratio, format_users


def describe_step(result: StepResult) -> str:
    """Return a text such as "150 users FAIL: p95 1.204 s > 1 s (RPS 41.2)"."""
    rps = f" (RPS {format_rate(result.rps)})" if result.rps is not None else ""
    return f"{format_users(result.users)} {result.verdict}: {explain_judgement(result.judgement)}{rps}"


def describe_gap(sustained: int | None, broken: int | None, enough_ratio: float | None) -> str:
    """Return a text such as "sustains 184, breaks at 200: 8.7 % apart (5.0 % is enough)".

    `enough_ratio` is how close the ends must come; None if they are as close as that.
    """
    if sustained is None and broken is None:
        return "no verdict yet"
    if broken is None:
        return f"sustains {sustained}"
    if sustained is None:
        return f"breaks at {broken}"
    enough = "" if enough_ratio is None else f" ({format_ratio(enough_ratio)} is enough)"
    return f"sustains {sustained}, breaks at {broken}: {format_ratio(broken / sustained - 1)} apart{enough}"
