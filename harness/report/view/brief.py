"""Choose what a manager decides from: one page with the answer, its price, its margin and its caveats."""

from dataclasses import dataclass, replace

from harness.model import CampaignState, Cost, Ground, Verdict
from harness.report.view import text
from harness.report.view.cell_text import describe_soak
from harness.report.view.cells import CellView
from harness.report.view.checks import Fact
from harness.report.view.growth import GrowthRowView
from harness.report.view.margin import format_capacity, format_headroom, format_probability, list_spare
from harness.report.view.memory import warn_of_growth
from harness.report.view.recommendation import write_recommendation
from harness.report.view.view import View

HOURS_OF_MONTH = 730
MOST_ROWS, MOST_COLUMNS = 8, 8
"""A larger matrix doesn't fit beside the rest; the sizes that are the answer for some users stand for it."""

_MOST_GROWTH_ROWS = 6
_MOST_CAVEATS = 5
_LONGEST_CAVEAT, _LONGEST_SENTENCE = 180, 700


@dataclass(frozen=True, slots=True)
class Brief:
    """What fits on one page.

    `figures` are the size, its price, its margin and how sure it is. `growth` are the rows from the size to
    take on, with the rows before it as far as there is room. `has_matrix` is False if it is too large.
    """

    sentence: str
    figures: tuple[Fact, ...]
    has_matrix: bool
    growth: tuple[GrowthRowView, ...]
    caveats: tuple[str, ...]


def build_brief(view: View) -> Brief:
    """Return the page's content from a campaign's view."""
    taken = next((cell for cell in view.cells if cell.is_recommended), None)
    grid = view.grid
    return Brief(
        sentence=keep_whole_sentences(write_recommendation(view), _LONGEST_SENTENCE),
        figures=(_build_size(view, taken), _build_price(view, taken), *_build_margin(view)),
        has_matrix=0 < len(grid.cpus) <= MOST_ROWS and len(grid.memories) <= MOST_COLUMNS,
        growth=_choose_growth_rows(view),
        caveats=_write_caveats(view, taken),
    )


def keep_whole_sentences(answer: str, longest: int) -> str:
    """Return the first sentences of an answer that fit, or the begin of one that is too long itself."""
    if len(answer) <= longest:
        return answer
    before, end, _ = answer[:longest].rpartition(". ")
    return f"{before}." if end else text.shorten(answer, longest)


def _build_size(view: View, taken: CellView | None) -> Fact:
    if taken is not None:
        note = f"{taken.name}; " if taken.name else ""
        return Fact("Size", taken.size, f"{note}sustains {taken.bracket} users")
    best = view.sizing.best
    if best is None:
        trusted = " that can be trusted" if view.state is CampaignState.COMPLETE else " yet"
        return Fact("Size", "no answer", f"no size has an answer{trusted}")
    none = "none so far" if view.sizing.undecided_sizes else "none of these"
    if not best.sustained_users:
        return Fact("Size", none, "none sustains any number of users that was measured")
    size, users = text.format_size(best.cell.limits), text.format_users(best.sustained_users)
    return Fact("Size", none, f"the best is {size} with {users}")


def _build_price(view: View, taken: CellView | None) -> Fact:
    if taken is None:
        return Fact("Price", text.NO_DATA, "no measured size is enough")
    cost = next((each for each in view.costs if each.limits == taken.result.cell.limits), None)
    if cost is not None:
        return _build_money(view, taken, cost)
    relative = view.relative_costs.get(taken.result.cell.limits)
    if relative is None:
        return Fact("Price", text.NO_DATA, "the size has no price")
    return Fact(
        "Relative cost", relative, "against the smallest size, a core counting as 8 GiB: there are no prices"
    )


def _build_money(view: View, taken: CellView, cost: Cost) -> Fact:
    month = text.format_money(cost.hour * HOURS_OF_MONTH, view.currency)
    note = f"{month} a month of {HOURS_OF_MONTH} hours; {taken.price_per_100} an hour for 100 users"
    return Fact("Price", f"{taken.price} an hour", note)


def _build_margin(view: View) -> tuple[Fact, ...]:
    sizing = view.sizing
    margin = sizing.margin
    if sizing.recommended is None:
        return (Fact("Margin", text.NO_DATA, "no measured size is enough"),)
    if margin is None:
        return (Fact("Margin", "not known", "nothing that was measured tells it"),)
    users, spare = text.format_users(sizing.users), list_spare(margin)
    source = "predicted" if margin.is_predicted else "measured"
    capacity = f"expected to sustain {format_capacity(margin)} users ({source})"
    if sizing.needed > sizing.users:
        wanted = format_headroom(sizing)
        keeps = f"room for {wanted} more" if sizing.keeps_headroom else f"NO room for {wanted} more"
        capacity = f"{keeps}: {capacity}"
    return (
        Fact("Margin", f"{spare} spare" if spare else "not known", f"at {users}; {capacity}"),
        Fact("How sure", format_probability(margin.probability), f"that another run sustains {users}"),
    )


def _choose_growth_rows(view: View) -> tuple[GrowthRowView, ...]:
    """Return some rows with the one for the campaign's users: two before it, the others after it."""
    if view.growth is None:
        return ()
    rows = view.growth.rows
    at = next((number for number, row in enumerate(rows) if row.until_users >= view.users_limit), len(rows))
    start = max(0, min(at - 2, len(rows) - _MOST_GROWTH_ROWS))
    shown = rows[start : start + _MOST_GROWTH_ROWS]
    return tuple(replace(row, known_by=row.known_by.partition(";")[0]) for row in shown)


def _write_caveats(view: View, taken: CellView | None) -> tuple[str, ...]:
    """Return what may make the answer wrong, the worst first, each shortened."""
    machine = next((fact.value for fact in view.fingerprint if fact.label == "CPU"), "")
    caveats = [
        *([f"The campaign is not complete: {view.progress}."] if view.progress else []),
        *view.warnings,
        *_doubt_margin(view),
        *_doubt_length(view, taken),
        *_doubt_memory(taken),
        *_doubt_replicas(view),
        f"It holds for this machine{f' ({machine})' if machine else ''} and for users who behave as in "
        f"{view.scenario or 'the scenario'}, with {', '.join(view.slos) or 'no SLO'}.",
    ]
    kept = caveats[: _MOST_CAVEATS - 1] + caveats[-1:] if len(caveats) > _MOST_CAVEATS else caveats
    left_out = len(caveats) - len(kept)
    more = [f"{left_out} more in report.html."] if left_out else []
    return tuple(text.shorten(caveat, _LONGEST_CAVEAT) for caveat in (*kept, *more))


def _doubt_margin(view: View) -> list[str]:
    margin, limit = view.sizing.margin, view.users_limit
    if margin is None or not margin.is_predicted or view.sizing.needed == view.sizing.users:
        return []
    return [
        f"The margin is predicted from CPU and memory: users were tried up to {text.format_count(limit)}. A "
        "limit of the target's own, such as its workers, would show only under more load."
    ]


def _doubt_length(view: View, taken: CellView | None) -> list[str]:
    if taken is None or view.state is not CampaignState.COMPLETE:
        return []
    soak = taken.result.soak
    if soak is not None:
        doubt = describe_soak(taken.result) if soak.verdict is Verdict.INVALID else ""
        return [f"The size is {doubt}."] if doubt else []
    return ["The size was held no longer than a window of its search: what builds up later did not show."]


def _doubt_memory(taken: CellView | None) -> list[str]:
    doubt = "" if taken is None else warn_of_growth(taken.result)
    return [f"{doubt[0].upper()}{doubt[1:]}."] if doubt else []


def _doubt_replicas(view: View) -> list[str]:
    rows = _choose_growth_rows(view)
    if not any(row.ground == Ground.REASONED.value for row in rows):
        return []
    return [
        "More replicas than were measured share the users only if nothing stops them that all of them use, "
        "such as a database."
    ]
