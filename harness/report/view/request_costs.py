"""Put into words what requests cost in CPU time, and what another mix of them would."""

from dataclasses import dataclass

from harness.model.request_costs import CostKind, MixPrediction, RequestCost, RequestCosts
from harness.report.view import text
from harness.report.view.text import FACTOR_WORDS

_NAMES_AT_MOST = 4
_LONGEST_NEED_S = 100 * 3600.0
_FAILED = "requests that failed"


@dataclass(frozen=True, slots=True)
class RequestCostRow:
    """A row of the table, as texts; `remark` is empty for the cost of one name that is resolved.

    An unresolved cost has no CPU time and no share: only its interval is known.
    """

    name: str
    request_share: str
    cpu: str
    interval: str
    cpu_share: str
    remark: str


@dataclass(frozen=True, slots=True)
class RequestCostsView:
    """What requests cost at a size, for the page and for the terminal.

    `answer` says what an average request costs, and how many of the costs are known. `is_told` is False if
    none of them is.
    """

    title: str
    answer: str
    is_told: bool
    rows: tuple[RequestCostRow, ...]
    notes: tuple[str, ...]


def build_request_costs_view(costs: RequestCosts) -> RequestCostsView:
    """Format what requests cost at a size."""
    return RequestCostsView(
        title=f"What a request costs at {text.format_size(costs.result.cell.limits)}",
        answer=_write_answer(costs),
        is_told=any(cost.is_resolved for cost in costs.rows),
        rows=tuple(_build_row(cost, costs) for cost in costs.rows),
        notes=tuple(_write_notes(costs)),
    )


def _write_answer(costs: RequestCosts) -> str:
    users, load = text.format_users(costs.users), text.format_estimate(costs.load_s)
    average = f"An average request costs {format_cpu_time(costs.mean_s)} of CPU time at {users}."
    known = sum(cost.is_resolved for cost in costs.rows)
    if known == len(costs.rows):
        return average
    if not known:
        return f"{average} What each name costs is not known: {load} of load could not tell them apart."
    rest = len(costs.rows) - known
    return f"{average} {load} of load could not tell {rest} of the {len(costs.rows)} costs: they have a dash."


def _build_row(cost: RequestCost, costs: RequestCosts) -> RequestCostRow:
    return RequestCostRow(
        name=name_requests(cost),
        request_share=text.format_ratio(cost.request_ratio),
        cpu=format_cpu_time(cost.cpu_s) if cost.is_resolved else text.NO_DATA,
        interval=f"{format_cpu_time(cost.low_s)} – {format_cpu_time(cost.high_s)}",
        cpu_share=text.format_ratio(cost.cpu_ratio) if cost.is_resolved else text.NO_DATA,
        remark="; ".join(_write_remarks(cost, costs)),
    )


def name_requests(cost: RequestCost) -> str:
    """Return the names of a cost: `GET /a, GET /b and 3 more`."""
    names = [text.clean_text(name) if name is not None else _FAILED for name in cost.names]
    return text.list_first(names, _NAMES_AT_MOST)


def suggest_proportion(cost: RequestCost, users: int) -> str:
    """Return in which proportion a mix may ask for names that have one cost, as measured at these users."""
    parts = [
        f"{text.clean_text(name)}={100 * ratio:.3g}"
        for name, ratio in zip(cost.names, cost.name_ratios, strict=True)
        if name is not None and ratio > 0
    ]
    if not parts:
        return f"leave them out: none of them was asked for at {text.format_users(users)}"
    return f"give them the proportion in which they were measured: {', '.join(parts)}"


def _write_remarks(cost: RequestCost, costs: RequestCosts) -> list[str]:
    remarks = []
    if cost.kind is CostKind.TOGETHER:
        remarks.append("these names come together nearly always: this is their mean")
    if cost.kind is CostKind.RARE:
        remarks.append("the mean of names with too few requests to tell them apart")
    if not cost.is_resolved:
        need = ""
        if cost.needed_s is not None and cost.needed_s < _LONGEST_NEED_S:
            need = (
                f": it would need about {text.format_estimate(cost.needed_s)} of such load, "
                f"not {text.format_estimate(costs.load_s)}"
            )
        remarks.append(f"unresolved{need}")
    return remarks


def format_cpu_time(seconds: float) -> str:
    """Return CPU time as milliseconds with about three digits: `0.25 ms`, `12.4 ms`, `412 ms`."""
    milliseconds = seconds * 1000
    return text.format_milliseconds(seconds, 0 if milliseconds >= 99.5 else 1 if milliseconds >= 9.95 else 2)


def _write_notes(costs: RequestCosts) -> list[str]:
    users = text.format_users(costs.users)
    notes = [f"CPU time of the target, with its 95 % interval. Shares are those at {users}."]
    if costs.idle_cores is None:
        notes.append(
            "What the target uses without any request is part of these costs: there were too few different "
            "numbers of users to tell it."
        )
    elif costs.idle_cores > 0:
        notes.append(
            f"Without any request it uses {text.format_cores(costs.idle_cores)} cores, "
            f"{text.format_ratio(costs.idle_ratio)} of its CPU time at {users}."
        )
    if not all(cost.is_resolved for cost in costs.rows):
        notes.append(
            "More load resolves more of them: longer windows (steps.window.at_least), a longer soak "
            "(search.soak), or more sizes."
        )
    if any(step.companions for step in costs.result.steps):
        notes.append("What its companions use is not part of it.")
    return notes


def describe_mix(prediction: MixPrediction, costs: RequestCosts) -> str:
    """Return what another mix would cost, and how many users would use as much CPU, marked as predicted."""
    size = text.format_size(costs.result.cell.limits)
    interval = f"{format_cpu_time(prediction.low_s)} – {format_cpu_time(prediction.high_s)}"
    sentences = [
        f"Predicted: in this mix an average request costs {format_cpu_time(prediction.cpu_s)} of CPU time "
        f"({interval}) instead of {format_cpu_time(costs.mean_s)}."
    ]
    if prediction.factor is not None:
        sentences.append(
            f"How many users {size} would sustain is not predicted: {FACTOR_WORDS[prediction.factor]} stops "
            "it, and not its CPU."
        )
    elif prediction.safe_users is None:
        sentences.append(f"{size} is not known to sustain any users.")
    elif prediction.users is None:
        sentences.append("So little CPU time can't be converted to users.")
    else:
        sentences.append(
            f"At {size} {text.format_users(prediction.users)} "
            f"({text.format_count(prediction.low_users)} – {text.format_count(prediction.high_users)}) would "
            f"use as much CPU as its safe load of {text.format_users(prediction.safe_users)} does now, "
            "if each of them makes as many requests a second as now, and if nothing but the CPU stops them."
        )
    if prediction.unresolved:
        names = "; ".join(name_requests(cost) for cost in prediction.unresolved)
        sentences.append(f"This is uncertain, because a cost in it is unresolved: {names}.")
    return " ".join(sentences)
