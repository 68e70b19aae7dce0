"""Write the recommendation: which size to take and how sure that is, then the reasons."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.model import CampaignState, CellResult, Limits, Status, StepResult, Verdict
from harness.model.cell_evidence import BrokeInSoak, ErrorsAtAnyLoad
from harness.model.evidence import BrokenByLarger, SustainedBySmaller
from harness.report.view import cell_text, text
from harness.report.view.curves import suggest_remedy
from harness.report.view.explanations import explain_evidence
from harness.report.view.margin import describe_certainty, describe_margin, describe_toss_up
from harness.report.view.memory import warn_of_companions, warn_of_growth, warn_of_memory
from harness.report.view.shortfall import explain_missing_shortfall
from harness.report.view.view import View


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a reader sees first: one sentence with the answer, and its reasons, of a sentence or more each.

    `reasons` are empty if the answer says all that is known.
    """

    answer: str
    reasons: tuple[str, ...] = ()


def write_recommendation(view: View) -> str:
    """Return the answer with its reasons as one paragraph."""
    recommendation = build_recommendation(view)
    return " ".join((recommendation.answer, *recommendation.reasons))


def build_recommendation(view: View) -> Recommendation:
    """Return the size to take for the campaign's users and how sure that is, then the reasons."""
    sizing = view.sizing
    reasons: list[str] = []
    if sizing.recommended is not None:
        answer = _recommend_size(view, sizing.recommended)
        reasons += _give_reasons(view, sizing.recommended)
    elif sizing.best is not None:
        answer = _name_best_size(view, sizing.best)
        if sizing.best.sustained_users:
            reasons.append(_end_sentence(explain_missing_shortfall(sizing.best)))
    elif view.state is not CampaignState.COMPLETE:
        answer = "No size has an answer yet."
    else:
        answer = "No size has an answer that can be trusted."
    reasons.append(
        _list_undecided_sizes(sizing.undecided_sizes, has_recommendation=sizing.recommended is not None)
    )
    return Recommendation(_prepend(_write_prefix(view), answer), tuple(filter(None, reasons)))


def _prepend(prefix: str, sentence: str) -> str:
    return f"{prefix}{sentence[0].lower()}{sentence[1:]}" if prefix else sentence


def _write_prefix(view: View) -> str:
    if view.state is CampaignState.COMPLETE or view.sizing.best is None:
        return ""
    return "So far: " if view.is_running else "As measured until the interruption: "


def _recommend_size(view: View, recommended: CellResult) -> str:
    """Return the sentence to decide by: the size, its price, what it did, and how sure that is."""
    limit, margin = view.users_limit, view.sizing.margin
    size, price = text.format_size(recommended.cell.limits), _mention_price(view, recommended)
    size_name = recommended.cell.size_name
    name = f" ({text.clean_text(size_name)})" if size_name else ""
    advice = f"For {text.format_users(limit)} take {size}{name}{price}"
    sustained = f"all {text.format_count(limit)}" if limit > 1 else "that one"
    if isinstance(recommended.evidence, SustainedBySmaller) and _find_passed_soak(recommended) is None:
        smaller = text.format_size(recommended.evidence.smaller)
        return f"{advice}: it was not measured itself, but the smaller {smaller} sustains them."
    sure = ""
    if margin is not None and cell_text.has_come_up_again(recommended):
        sure = f", and it is {describe_certainty(margin)} that another run does too"
    return f"{advice}: it sustained {sustained}{_describe_hold(recommended)}{sure}."


def _mention_price(view: View, recommended: CellResult) -> str:
    """Return `, for 0.041 EUR an hour the cheapest that is enough`; empty without prices.

    The smallest size that sustains the users is added if it is another one. A size that is taken for want of
    one with the headroom is neither.
    """
    price = next((cell.price for cell in view.cells if cell.is_recommended), "")
    if not price:
        return ""
    if not view.sizing.keeps_headroom:
        return f", for {price} an hour"
    smallest = view.sizing.smallest
    other = (
        f" (the smallest is {text.format_size(smallest.cell.limits)})"
        if smallest is not None and smallest.cell.limits != recommended.cell.limits
        else ""
    )
    return f", for {price} an hour the cheapest that is enough{other}"


def _describe_hold(result: CellResult) -> str:
    """Return for how long a size sustained the users: ` for 5 min` if it passed when it was held longer.

    Without such a hold it is empty, or the length of the search's window if a longer one was tried.
    """
    soak = _find_passed_soak(result)
    if soak is not None:
        has_more = soak.users > (result.sustained_users or soak.users)
        held = f", and {text.format_count(soak.users)}" if has_more else ""
        return f"{held} for {text.format_duration(soak.window_s)}"
    step = cell_text.find_sustained_step(result) if result.soak is not None else None
    return "" if step is None else f" for {text.format_duration(step.window_s)}"


def _give_reasons(view: View, recommended: CellResult) -> list[str]:
    """Return sentences on the size's figures, on what is not known, on its margin and on smaller sizes."""
    figures = _join(_list_figures(recommended))
    return [
        f"It did so with {figures}." if figures else "",
        *_list_doubts(view, recommended),
        describe_margin(view.sizing).strip(),
        *_describe_smaller_sizes(view, recommended),
    ]


def _list_figures(result: CellResult) -> list[str]:
    """Return `p95 0.21 s`, `61 % of its CPU` and so on, as far as they are known.

    Of a size that was held longer at the end they are those of the hold, with the memory it needed by then.
    """
    soak = _find_passed_soak(result)
    if soak is not None:
        return cell_text.list_figures(soak, result.cell.limits)
    used = text.compute_share(result.cpu_used_cores, result.cell.limits.total_cores)
    sustained = cell_text.find_sustained_step(result)
    times = [] if sustained is None else cell_text.list_response_times(sustained)
    return [*times, *([f"{text.format_ratio(used)} of its CPU"] if used is not None else [])]


def _find_passed_soak(result: CellResult) -> StepResult | None:
    step = result.soak.step if result.soak is not None else None
    return step if step is not None and step.verdict is Verdict.PASS else None


def _join(parts: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _list_doubts(view: View, result: CellResult) -> list[str]:
    """Return sentences on what is not known of the size; none for most sizes.

    That is whether it survives when it is held longer, also on a slower host, how long its memory and that of
    its companions lasts, and its throughput.
    """
    doubts = (_doubt_length(view, result), warn_of_memory(result))
    failed = cell_text.describe_slow_failure(result.soak) if result.soak is not None else ""
    reasons = (
        failed,
        warn_of_growth(result),
        warn_of_companions(result),
        explain_missing_shortfall(result),
    )
    return [
        *(f"It is {doubt}." for doubt in doubts if doubt),
        *(_end_sentence(reason) for reason in reasons),
    ]


def _doubt_length(view: View, result: CellResult) -> str:
    """Return that nothing tells whether the size survives when it is held longer, and why; empty if it does.

    A size that was not held is one that takes the place of another, which broke in a later soak.
    """
    if result.soak is not None and result.soak.verdict is Verdict.INVALID:
        return f"{cell_text.describe_soak(result)}; hold it again with harness soak"
    soaks = [cell.result.soak for cell in view.cells if cell.result.soak is not None]
    has_broken_later = any(soak.is_later and soak.verdict is Verdict.FAIL for soak in soaks)
    is_held = result.soak is not None or not has_broken_later
    return "" if is_held else "not confirmed for longer than its windows; hold it with harness soak"


def _end_sentence(reason: str) -> str:
    """Return the words as a whole sentence; empty without any."""
    return f"{reason[0].upper()}{reason[1:]}." if reason else ""


def _describe_smaller_sizes(view: View, recommended: CellResult) -> Iterator[str]:
    """Yield what the next smaller size and the one with less memory sustain, or what to measure instead.

    A smaller size that is enough too was named before, by the sentences on the margin or the price.
    """
    sizing = view.sizing
    if len(view.grid.sizes) == 1:
        yield f"No other size was measured{': a smaller one may be enough' if sizing.all_sustain else ''}."
        return
    if sizing.all_sustain:
        yield "All sizes sustain them: measure smaller ones too, one may be enough."
        return
    if sizing.next_smaller is None:
        yield "It is the smallest size with an answer."
        return
    smaller = {
        each.cell.limits.drop_variant(): each
        for each in (sizing.next_smaller, _find_less_memory(view, recommended))
        if each is not None and not each.sustains(view.users_limit)
    }
    for each in smaller.values():
        doubt = describe_toss_up(sizing) if each is sizing.next_smaller else ""
        name = _name_smaller_size(each.cell.limits, recommended.cell.limits)
        yield f"{name} {_describe_limit(each)}{doubt}."


def _find_less_memory(view: View, recommended: CellResult) -> CellResult | None:
    """Return the next size with as much CPU and less memory, by its best variant; None without one.

    Of a repeated size the worst repetition counts, as for the recommended size.
    """
    taken, worst = recommended.cell.limits, dict[Limits, CellResult]()
    for result in (cell.result for cell in view.cells):
        limits = result.cell.limits
        is_smaller = (limits.cpu_cores, limits.replicas) == (taken.cpu_cores, taken.replicas)
        if is_smaller and limits.memory_bytes < taken.memory_bytes and not result.is_undecided:
            worst[limits] = min(worst.get(limits, result), result, key=lambda each: each.known_users)
    return max(
        worst.values(), key=lambda each: (each.cell.limits.memory_bytes, each.known_users), default=None
    )


def _name_smaller_size(limits: Limits, recommended: Limits) -> str:
    """Return the subject of a sentence: `With less CPU, 0.5 CPU / 96 MiB`."""
    size = text.format_size(limits)
    if limits.replicas == recommended.replicas and limits.memory_bytes == recommended.memory_bytes:
        return f"With less CPU, {size}"
    if limits.replicas == recommended.replicas and limits.cpu_cores == recommended.cpu_cores:
        return f"With less memory, {size}"
    return f"The next smaller size, {size},"


def _describe_limit(result: CellResult) -> str:
    """Return what a size does instead of sustaining the users, and why."""
    evidence = text.clean_text(explain_evidence(result.evidence)).rstrip(".")
    because = f", because {evidence}" if evidence else ""
    match result.status:
        case _ if isinstance(result.evidence, BrokenByLarger):
            return evidence
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
            return f"sustains only {cell_text.describe_capacity(result)}{because}"


def _name_best_size(view: View, best: CellResult) -> str:
    """Return the size that sustains most, what stops it, and a remedy if all sizes have an answer."""
    users, are_all_decided = text.format_users(view.users_limit), not view.sizing.undecided_sizes
    subject = "None of these sizes" if are_all_decided else "None of the sizes with an answer"
    has_remedy = are_all_decided and not isinstance(best.evidence, ErrorsAtAnyLoad)
    remedy = suggest_remedy(best) if has_remedy else ""
    hint = f"; {remedy}." if remedy else "."
    size = text.format_size(best.cell.limits)
    if len(view.cells) == 1:
        return f"The only size, {size}, does not sustain {users}. It {_describe_limit(best)}{hint}"
    if not best.sustained_users:
        return (
            f"{subject} sustains {users}, nor any number that was measured. "
            f"The largest, {size}, {_describe_limit(best)}{hint}"
        )
    return f"{subject} sustains {users}. The best, {size}, {_describe_limit(best)}{hint}"


def _list_undecided_sizes(undecided: tuple[Limits, ...], *, has_recommendation: bool) -> str:
    """Return a sentence with the undecided sizes, which might be better ones; empty if there are none."""
    if not undecided:
        return ""
    shown = text.list_first([text.format_size(limits) for limits in undecided])
    return f"{'Smaller, but without' if has_recommendation else 'Without'} an answer: {shown}."
