"""A cell's answer in words: the bracket, its badge, and what stopped it."""

from harness.model import CellResult, Status
from harness.report.view.text import FACTOR_WORDS, inert, known, size

SYMBOLS = {
    Status.BRACKETED: "",
    Status.CENSORED: "✓",
    Status.NONE: "∅",
    Status.FAILED: "✕",
    Status.INVALID: "?",
    Status.SKIPPED: "⊘",
    Status.INFERRED: "∴",
    Status.RUNNING: "…",
}
MEANINGS = {
    Status.BRACKETED: "sustained and broken are both measured",
    Status.CENSORED: "sustained every user asked for: its capacity is open upwards",
    Status.NONE: "the smallest step already failed",
    Status.FAILED: "could not be brought up at this size",
    Status.INVALID: "measured, but not trustworthy",
    Status.SKIPPED: "not measured: this host can't do so honestly",
    Status.INFERRED: "not measured: follows from a neighbour",
    Status.RUNNING: "not done yet",
}


def bracket(result: CellResult) -> str:
    """What is known of the capacity: `≥ 400`, `142 – 151` (sustained – broken), `none (< 10)`, a status."""
    sustained, broken = result.sustained_users, result.broken_users
    match result.status:
        case Status.CENSORED:
            return f"≥ {sustained}"
        case Status.BRACKETED:
            return f"{sustained} – {broken}"
        case Status.NONE:
            return f"none (< {broken})" if broken is not None else "none"
        case Status.INFERRED:
            return _open(sustained, broken) or result.status.value
        case Status.RUNNING:
            return _open(sustained, broken) or ("measuring" if result.steps else "waiting")
        case _:
            return result.status.value


def _open(sustained: int | None, broken: int | None) -> str:
    if sustained is not None and broken is not None:
        return f"{sustained} – {broken}"
    if sustained is not None:
        return f"≥ {sustained}"
    return f"< {broken}" if broken is not None else ""


def capacity(result: CellResult) -> str:
    """For a sentence: `250 (245–257)` where an estimate was fitted, else `245 and breaks at 257`."""
    estimate, low, high = (
        known(value) for value in (result.estimate_users, result.estimate_low, result.estimate_high)
    )
    if estimate is not None and low is not None and high is not None:
        return f"{estimate:.0f} ({low:.0f}–{high:.0f})"
    if result.broken_users is not None:
        return f"{result.sustained_users} and breaks at {result.broken_users}"
    return f"at least {result.sustained_users}"


def factor(result: CellResult) -> str:
    """The limiting factor's word, empty where nothing stopped it."""
    return FACTOR_WORDS[result.limiting_factor] if result.limiting_factor else ""


def why(result: CellResult) -> str:
    """The factor and its evidence: `CPU: its CPU quota is used up (throttled in 93 % of periods)`.

    A cell that lies below a smaller one says that first.
    """
    if result.status is Status.CENSORED:
        return f"nothing did, up to {result.sustained_users} users"
    evidence = inert(result.evidence)
    said = ": ".join(part for part in (factor(result), evidence) if part)
    return "; ".join(part for part in (breach(result), said) if part)


def breach(result: CellResult) -> str:
    """Such as "sustains less than the smaller 0.5 CPU / 96 MiB"; empty for a cell that does not."""
    if result.breach is None:
        return ""
    again = ", also when measured again" if result.first is not None else ""
    return f"sustains less than the smaller {size(result.breach.limits)}{again}"


def remark(result: CellResult) -> str:
    """Both answers of a cell that was measured twice, whether it still lies below a smaller one, and whether
    its bracket is wider than asked for.
    """
    twice = f"measured twice: {bracket(result.first)}, then {bracket(result)}" if result.first else ""
    return "; ".join(part for part in (twice, breach(result), wide(result)) if part)


def wide(result: CellResult) -> str:
    """Why a bracket is wider than asked for; empty for one that is not."""
    return f"wider than asked for: {inert(result.cut_short)}" if result.cut_short else ""
