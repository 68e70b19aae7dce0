"""Put a cell's answer into words: its bracket, its symbol, and what stopped it."""

from harness.model import CellResult, Judgement, Limits, Soak, Status, StepResult, TargetUse, Verdict
from harness.model.cell_evidence import BrokeInSoak, ErrorsAtAnyLoad
from harness.model.evidence import SlosHold
from harness.report.view.explanations import explain_evidence
from harness.report.view.memory import warn_of_companions, warn_of_memory
from harness.report.view.shortfall import describe_shortfall
from harness.report.view.text import (
    FACTOR_WORDS,
    NO_DATA,
    clean_text,
    compute_share,
    format_count,
    format_duration,
    format_mebibytes,
    format_ratio,
    format_rounded,
    format_seconds,
    format_size,
    format_users,
    keep_finite,
)

_MANY_FILES_RATIO = 0.1

STATUS_SYMBOLS = {
    Status.BRACKETED: "",
    Status.CENSORED: "✓",
    Status.NONE: "∅",
    Status.FAILED: "✕",
    Status.INVALID: "?",
    Status.SKIPPED: "⊘",
    Status.INFERRED: "∴",
    Status.RUNNING: "…",
}
STATUS_MEANINGS = {
    Status.BRACKETED: "sustained and broken users are both measured",
    Status.CENSORED: "sustained all users of the campaign: it may sustain more",
    Status.NONE: "the smallest step already failed",
    Status.FAILED: "could not be brought up at this size, or answered no request",
    Status.INVALID: "measured, but not trustworthy",
    Status.SKIPPED: "not measured: larger than this host can give",
    Status.INFERRED: "not measured: follows from another size",
    Status.RUNNING: "not done yet",
}


def format_bracket(result: CellResult) -> str:
    """Return what is known of the capacity, or the status.

    Examples: `142 – 151` (sustained – broken), `≥ 400`, `none (< 10)`, `skipped`, `invalid (< 3)` for a size
    that broke at 3 users, of which fewer told nothing. It is `< 400` for a size that broke in its soak, if
    its search held no fewer users. The words for a search that is not over are true of an interrupted
    campaign too.
    """
    sustained, broken = result.sustained_users, result.broken_users
    match result.status:
        case Status.CENSORED:
            return f"≥ {format_count(sustained)}"
        case Status.BRACKETED:
            return f"{format_count(sustained)} – {format_count(broken)}"
        case Status.NONE if isinstance(result.evidence, ErrorsAtAnyLoad):
            return "none"
        case Status.NONE if not isinstance(result.evidence, BrokeInSoak):
            return f"none (< {format_count(broken)})" if broken is not None else "none"
        case Status.INFERRED | Status.NONE:
            return _format_open_bracket(sustained, broken) or result.status.value
        case Status.INVALID if sustained is None and broken is not None:
            return f"{result.status.value} (< {format_count(broken)})"
        case Status.RUNNING:
            return _format_open_bracket(sustained, broken) or (
                "no answer yet" if result.steps else "not begun"
            )
        case _:
            return result.status.value


def _format_open_bracket(sustained: int | None, broken: int | None) -> str:
    if sustained is not None and broken is not None:
        return f"{format_count(sustained)} – {format_count(broken)}"
    if sustained is not None:
        return f"≥ {format_count(sustained)}"
    return f"< {format_count(broken)}" if broken is not None else ""


def describe_failed_start(result: CellResult) -> str:
    """Return how a size failed from the start: it did not come up, or it came up and answered nothing."""
    if isinstance(result.evidence, Judgement):
        return "came up, but answered no request"
    return "could not be brought up"


def describe_outcome(result: CellResult) -> str:
    """Return a finished cell's answer for one line: `sustains 250 users, breaks at 262 — out of memory`."""
    outcome = {
        Status.CENSORED: f"sustained all {format_users(result.sustained_users)}",
        Status.BRACKETED: f"sustains {format_users(result.sustained_users)}, "
        f"breaks at {format_count(result.broken_users)}",
        Status.NONE: f"already breaks at {format_users(result.broken_users)}",
        Status.FAILED: describe_failed_start(result),
        Status.INVALID: "not trustworthy",
    }.get(result.status, result.status.value)
    if isinstance(result.evidence, ErrorsAtAnyLoad):
        outcome = "sustains no users"
    reason = explain_evidence(result.evidence).strip().partition("\n")[0]
    return f"{outcome} — {reason}" if reason and result.status is not Status.CENSORED else outcome


def format_estimated_users(result: CellResult) -> str:
    """Return the estimated capacity with its 95 % interval: `250 (245–257)`. A dash without one."""
    estimate, interval = keep_finite(result.estimate_users), _format_estimated_interval(result)
    return NO_DATA if estimate is None or not interval else f"{format_rounded(estimate)} ({interval})"


def _format_estimated_interval(result: CellResult) -> str:
    """Return the 95 % interval of the capacity: `245–257`. Empty without one."""
    low, high = keep_finite(result.estimate_low), keep_finite(result.estimate_high)
    return "" if low is None or high is None else f"{format_rounded(low)}–{format_rounded(high)}"


def is_estimate_outside(result: CellResult) -> bool:
    """Return True if all windows together say that the capacity lies outside of the measured bracket."""
    estimate, low, high = keep_finite(result.estimate_users), result.sustained_users, result.broken_users
    return None not in (estimate, low, high) and not (low or 0) <= round(estimate or 0) < (high or 0)


def describe_capacity(result: CellResult) -> str:
    """Return the users that passed, for a sentence that starts with "sustains".

    That is `245 (240–257)` with the interval of all windows, otherwise `245 and breaks at 257` or `at least
    400`. An interval that does not hold these users says whose it is: `14 (by all windows 15–20)`.
    """
    sustained, interval = result.sustained_users, _format_estimated_interval(result)
    if result.broken_users is None:
        return f"at least {format_count(sustained)}"
    if format_estimated_users(result) == NO_DATA:
        return f"{format_count(sustained)} and breaks at {format_count(result.broken_users)}"
    low, high = round(result.estimate_low or 0.0), round(result.estimate_high or 0.0)
    is_inside = sustained is not None and low <= sustained <= high
    users = format_count(sustained)
    return f"{users} ({interval})" if is_inside else f"{users} (by all windows {interval})"


def format_precision(result: CellResult) -> str:
    """Return the precision reached: `± 9 %`. A dash if the windows don't tell it."""
    ratio = keep_finite(result.precision_ratio)
    return NO_DATA if ratio is None else f"± {format_ratio(ratio)}"


def name_factor(result: CellResult) -> str:
    """Return the name of the limiting factor; empty if nothing stopped the cell."""
    return FACTOR_WORDS[result.limiting_factor] if result.limiting_factor else ""


def explain_result(result: CellResult) -> str:
    """Return the limiting factor and its evidence, such as `CPU: its CPU quota is used up (100 % used)`.

    A monotonicity violation precedes them.
    """
    if result.status is Status.CENSORED:
        return f"never broke up to {format_users(result.sustained_users)}"
    evidence = clean_text(explain_evidence(result.evidence))
    factor = ": ".join(part for part in (name_factor(result), evidence) if part)
    return "; ".join(part for part in (describe_violation(result), factor) if part)


def describe_violation(result: CellResult) -> str:
    """Return which smaller size sustains more; empty without a monotonicity violation.

    An example: `sustains less than the smaller 0.5 CPU / 96 MiB`.
    """
    smaller = result.monotonicity_violation
    if smaller is None:
        return ""
    again = ", also when measured again" if result.first is not None else ""
    return f"sustains less than the smaller {format_size(smaller.limits)}{again}"


def write_remark(result: CellResult) -> str:
    """Return what a reader must know in addition to the bracket; empty for most cells.

    These are the remarks on the cell's search, and what its soak has shown.
    """
    when = "at the end" if result.soak is None or not result.soak.is_later else "later"
    soak = f"{when} {describe_soak(result)}" if result.soak is not None else ""
    return "; ".join(part for part in (write_search_remark(result), soak) if part)


def write_search_remark(result: CellResult) -> str:
    """Return what a reader must know of the cell's search in addition to the bracket; empty for most cells.

    These are both answers of a cell that was measured twice, a monotonicity violation, why the bracket is
    wider than the precision demands, that the throughput shortfall stopped it or was not judged, that it is
    not known how long its memory lasts, and companions whose memory would be full.
    """
    twice = (
        f"measured twice: {format_bracket(result.first)}, then {format_bracket(result)}"
        if result.first
        else ""
    )
    parts = (
        twice,
        describe_violation(result),
        explain_wide_bracket(result),
        describe_shortfall(result),
        warn_of_memory(result),
        warn_of_companions(result),
    )
    return "; ".join(part for part in parts if part)


def describe_soak(result: CellResult) -> str:
    """Return what the cell's soak has shown; empty without one.

    An example: `held for 5 min at 400 users: p95 0.31 s, 99 % of its CPU, 154 MiB of memory`.
    """
    soak = result.soak
    if soak is None:
        return ""
    users, reason = format_users(soak.users), clean_text(explain_evidence(soak.evidence))
    if soak.step is None:
        return f"not confirmed for longer at {users}, because it did not come up again ({reason})"
    if soak.verdict is Verdict.INVALID:
        return f"not confirmed for longer at {users}, because holding it was invalid twice ({reason})"
    if soak.verdict is Verdict.FAIL:
        return f"broken at {users} when held longer ({reason})"
    figures = ", ".join(list_figures(soak.step, result.cell.limits))
    held = f"held for {format_duration(soak.step.window_s)} at {users}{': ' + figures if figures else ''}"
    return "; ".join(filter(None, (held, describe_slow_failure(soak))))


def has_come_up_again(result: CellResult) -> bool:
    """Return False if the size was to be held longer, and its target did not come up for that."""
    return result.soak is None or result.soak.step is not None


def describe_slow_failure(soak: Soak) -> str:
    """Return that a size was held twice, because it broke on a slower host at first; empty if it was not."""
    if soak.slow_failure is None or soak.step is None or soak.verdict is not Verdict.PASS:
        return ""
    slow_s, usual_s = soak.slow_failure.host.work_s, soak.step.host.work_s
    slower = slow_s / usual_s - 1 if slow_s and usual_s else 0.0
    host = f"the host was {format_ratio(slower, 0)} slower" if slower > 0 else "the host was slow"
    reason = clean_text(explain_evidence(soak.slow_failure.judgement))
    return f"it broke when it was held before, while {host} ({reason})"


def list_figures(step: StepResult, limits: Limits) -> list[str]:
    """Return what was measured of p95, CPU and memory in a step of a cell with these limits."""
    used = compute_share(step.target.cpu_cores, limits.total_cores)
    figures = (
        f"{format_ratio(used)} of its CPU" if used is not None else "",
        _describe_memory_peak(step.target),
    )
    return [*list_response_times(step), *(figure for figure in figures if figure)]


def list_response_times(step: StepResult) -> list[str]:
    """Return the response times of a step that passed that SLOs limit: `p99 0.31 s`; without one the p95."""
    times_s, p95_s = collect_response_times(step), keep_finite(step.latency.p95_s)
    if not times_s and p95_s is not None:
        times_s = {"p95": p95_s}
    return [f"{clean_text(name)} {format_seconds(value)}" for name, value in times_s.items()]


def collect_response_times(step: StepResult) -> dict[str, float]:
    """Return the response times of a step that passed, by the indicators of its SLOs on all requests."""
    evidence = step.judgement.evidence
    evaluations = evidence.evaluations if isinstance(evidence, SlosHold) else ()
    return {
        each.slo.indicator: value
        for each in evaluations
        if each.slo.request_name is None and each.slo.is_response_time
        if (value := keep_finite(each.value)) is not None
    }


def find_sustained_step(result: CellResult) -> StepResult | None:
    """Return the last step that passed with the users that the size sustained; None if it was not held."""
    passed = (step for step in reversed(result.usable_steps) if step.verdict is Verdict.PASS)
    return next((step for step in passed if step.users == result.sustained_users), None)


def _describe_memory_peak(use: TargetUse) -> str:
    """Return `154 MiB of memory`, and how much it is with pages of files if a tenth of it are these."""
    peak_bytes, own_bytes = use.memory_peak_bytes, use.own_memory_peak_bytes
    if peak_bytes is None:
        return ""
    peak = format_mebibytes(peak_bytes)
    if own_bytes is None or own_bytes > (1 - _MANY_FILES_RATIO) * peak_bytes:
        return f"{peak} of memory"
    return f"{format_mebibytes(own_bytes)} of memory ({peak} with pages of files)"


def explain_wide_bracket(result: CellResult) -> str:
    """Return why a bracket is wider than the precision demands; empty if it is not."""
    reason = clean_text(explain_evidence(result.stop_reason))
    return f"wider than the precision demands: {reason}" if reason else ""
