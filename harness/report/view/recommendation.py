"""Write the recommendation: the sentence that a reader sees first."""

from harness.model import CampaignState, CellResult, Factor, Limits, Status, Verdict
from harness.model.cell_evidence import BrokeInSoak, ErrorsAtAnyLoad
from harness.report.view import cell_text, text
from harness.report.view.explanations import explain_evidence
from harness.report.view.margin import describe_margin
from harness.report.view.memory import warn_of_memory
from harness.report.view.shortfall import explain_missing_shortfall
from harness.report.view.view import View

_REMEDIES = {
    Factor.CPU: "measure sizes with more CPU",
    Factor.MEMORY: "measure sizes with more memory",
    Factor.TARGET: "a larger size alone will not help, find what its requests wait for",
    Factor.ERRORS: "find the errors before buying a larger size",
    Factor.DEPENDENCY: "give its dependency more",
    Factor.DISK: "a larger size alone will not help, let it use its disk less or give it a faster one",
    Factor.GENERATOR: "give the generator more, then measure again",
    Factor.HOST: "measure on another host",
}


def write_recommendation(view: View) -> str:
    """Return the size to take for the campaign's users, its figures, and what stops the next smaller one."""
    sizing = view.sizing
    if sizing.recommended is not None:
        recommend = _recommend_smaller_sizes if sizing.all_sustain else _recommend_size
        sentence = recommend(view, sizing.recommended)
    elif sizing.best is not None:
        sentence = _name_best_size(view, sizing.best)
    elif view.is_running:
        sentence = "No size has an answer yet."
    else:
        sentence = "No size has an answer that can be trusted."
    return _prepend(_write_prefix(view), sentence) + _list_undecided_sizes(
        sizing.undecided_sizes, has_recommendation=sizing.recommended is not None
    )


def _prepend(prefix: str, sentence: str) -> str:
    return f"{prefix}{sentence[0].lower()}{sentence[1:]}" if prefix else sentence


def _write_prefix(view: View) -> str:
    if view.state is CampaignState.COMPLETE or view.sizing.best is None:
        return ""
    return "So far: " if view.is_running else "As measured until the interruption: "


def _recommend_size(view: View, recommended: CellResult) -> str:
    users, next_smaller = view.users_limit, view.sizing.next_smaller
    size, load = text.format_size(recommended.cell.limits), _describe_load(recommended)
    price, doubt = _mention_price(view, recommended), _describe_doubt(recommended)
    advice = f"For {users} users take {size}: it sustained all {users}{load}{price}"
    margin, just_enough = describe_margin(view.sizing), view.sizing.just_enough
    if next_smaller is None:
        return f"{advice}; it is the smallest size with an answer.{margin}{doubt}"
    if margin and just_enough is not None and just_enough.cell.limits == next_smaller.cell.limits:
        return f"{advice}.{margin}{doubt}"
    smaller = text.format_size(next_smaller.cell.limits)
    return f"{advice}; the next smaller size, {smaller}, {_describe_limit(next_smaller)}.{margin}{doubt}"


def _mention_price(view: View, recommended: CellResult) -> str:
    """Return `, for 0.041 EUR an hour the cheapest that does`; empty without prices.

    The smallest size that sustains the users is added if it is another one.
    """
    price = _find_price(view)
    if not price:
        return ""
    smallest = view.sizing.smallest
    other = (
        f" (the smallest is {text.format_size(smallest.cell.limits)})"
        if smallest is not None and smallest.cell.limits != recommended.cell.limits
        else ""
    )
    return f", for {price} an hour the cheapest that does{other}"


def _find_price(view: View) -> str:
    """Return the price per hour of the recommended size; empty without prices."""
    return next((cell.price for cell in view.cells if cell.is_recommended), "")


def _describe_load(result: CellResult) -> str:
    """Return ` with p95 0.21 s and 61 % of its CPU`, or only what was measured of it.

    Of a size that was held longer at the end it is ` for 5 min with …`, with the memory it needed by then.
    """
    step = result.soak.step if result.soak is not None else None
    if step is not None and step.verdict is Verdict.PASS:
        figures = _join(cell_text.list_figures(step, result.cell.limits))
        return f" for {text.format_hold(step.window_s)}{' with ' + figures if figures else ''}"
    used = text.compute_share(result.cpu_used_cores, result.cell.limits.total_cores)
    parts = [
        f"p95 {text.format_seconds(result.p95_s)}" if text.keep_finite(result.p95_s) is not None else "",
        f"{text.format_ratio(used)} of its CPU" if used is not None else "",
    ]
    load = " and ".join(part for part in parts if part)
    return f" with {load}" if load else ""


def _join(parts: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _describe_doubt(result: CellResult) -> str:
    """Return sentences on what is not known of the size; empty for most sizes.

    That is whether it survives when it is held longer, how long its memory lasts, and its throughput.
    """
    is_confirmed = result.soak is None or result.soak.verdict is not Verdict.INVALID
    doubts = ("" if is_confirmed else cell_text.describe_soak(result), warn_of_memory(result))
    return "".join(f" It is {doubt}." for doubt in doubts if doubt) + _describe_missing_shortfall(result)


def _describe_missing_shortfall(result: CellResult) -> str:
    """Return a sentence on why the throughput was not judged; empty if it was."""
    reason = explain_missing_shortfall(result)
    return f" {reason[0].upper()}{reason[1:]}." if reason else ""


def _describe_limit(result: CellResult) -> str:
    """Return what a size does instead of sustaining the users, and why."""
    evidence = text.clean_text(explain_evidence(result.evidence)).rstrip(".")
    because = f" because {evidence}" if evidence else ""
    match result.status:
        case Status.FAILED:
            return f"{cell_text.describe_failed_start(result)}{': ' + evidence if evidence else ''}"
        case Status.NONE if isinstance(result.evidence, ErrorsAtAnyLoad):
            return f"sustains no users{because}"
        case Status.NONE if not isinstance(result.evidence, BrokeInSoak):
            return f"does not even sustain {text.format_users(result.broken_users)}{because}"
        case _ if result.sustained_users is None:
            return f"sustains fewer than {text.format_count(result.broken_users)}{because}"
        case _ if result.broken_users is None:
            return f"sustains {cell_text.describe_capacity(result)}{because}"
        case _:
            return f"sustains {cell_text.describe_capacity(result)} and stops there{because}"


def _recommend_smaller_sizes(view: View, recommended: CellResult) -> str:
    """Return that all sizes sustain the users, so that smaller ones should be measured."""
    users, size = view.users_limit, text.format_size(recommended.cell.limits)
    load = _describe_load(recommended)
    doubt = describe_margin(view.sizing) + _describe_doubt(recommended)
    if len(view.grid.sizes) == 1:
        enough = f"For {users} users {size} is enough: it sustained all {users}{load}"
        return f"{enough}; measure smaller sizes.{doubt}"
    price = _find_price(view)
    which = f"cheapest, {size} for {price} an hour," if price else f"smallest, {size},"
    return f"All of these sizes sustain {users} users; the {which} did so{load}: measure smaller ones.{doubt}"


def _name_best_size(view: View, best: CellResult) -> str:
    """Return the size that sustains most, what stops it, and a remedy if all sizes have an answer."""
    users, are_all_decided = view.users_limit, not view.sizing.undecided_sizes
    subject = "None of these sizes" if are_all_decided else "None of the sizes with an answer"
    has_remedy = are_all_decided and not isinstance(best.evidence, ErrorsAtAnyLoad)
    remedy = _REMEDIES.get(best.limiting_factor, "") if best.limiting_factor and has_remedy else ""
    hint = f"; {remedy}." if remedy else "."
    size = text.format_size(best.cell.limits)
    if not best.sustained_users:
        return (
            f"{subject} sustains {users} users, nor any number that was measured: "
            f"the largest, {size}, {_describe_limit(best)}{hint}"
        )
    answer = f"{subject} sustains {users} users: the best, {size}, {_describe_limit(best)}{hint}"
    return answer + _describe_missing_shortfall(best)


def _list_undecided_sizes(undecided: tuple[Limits, ...], *, has_recommendation: bool) -> str:
    """Return a sentence with the undecided sizes, which might be better ones; empty if there are none."""
    if not undecided:
        return ""
    shown = text.list_first([text.format_size(limits) for limits in undecided])
    return f" {'Smaller, but without' if has_recommendation else 'Without'} an answer: {shown}."
