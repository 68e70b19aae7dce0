"""Draw how the bracket of a running search closes: the steps of a size on the axis of users, in one line."""

from collections.abc import Sequence

from rich.text import Text

from harness.analyse.search.bracket import Bracket, find_bracket
from harness.model import StepResult, Verdict
from harness.report.view.text import format_ratio

_WIDTH = 40
_MARKS = {Verdict.PASS: ("●", "green"), Verdict.FAIL: ("×", "red"), Verdict.INVALID: ("?", "yellow")}
_NOW = ("▲", "bold")


def draw_bracket(
    steps: Sequence[StepResult], users_now: int, users_limit: int, precision_ratio: float
) -> Text:
    """Return the steps so far and the running one from 0 to the users limit, and the bracket in words.

    The part of the axis in which the capacity lies is thick.
    """
    bracket = find_bracket(steps)
    low = _find_column(bracket.sustained_users or 0, users_limit)
    high = _find_column(bracket.broken_users or users_limit, users_limit)
    marks = dict.fromkeys(range(low, high + 1), ("━", "bold"))
    marks |= {_find_column(step.users, users_limit): _MARKS[step.verdict] for step in steps}
    marks[_find_column(users_now, users_limit)] = _NOW
    line = Text("0 ", style="dim")
    for column in range(_WIDTH):
        line.append(*marks.get(column, ("─", "dim")))
    line.append(f" {users_limit}", style="dim")
    line.append(f"  {_describe_bracket(bracket, precision_ratio)}")
    return line


def _find_column(users: int, users_limit: int) -> int:
    return round(min(users, users_limit) / max(1, users_limit) * (_WIDTH - 1))


def _describe_bracket(bracket: Bracket, precision_ratio: float) -> str:
    """Return a text such as "sustains 184, breaks at 200: 8.7 % apart (5 % is enough)"."""
    low, high = bracket.sustained_users, bracket.broken_users
    if low is None and high is None:
        return "no verdict yet"
    if high is None:
        return f"sustains {low}"
    if low is None:
        return f"breaks at {high}"
    return f"sustains {low}, breaks at {high}: {format_ratio(high / low - 1)} apart" + (
        "" if bracket.is_narrow(precision_ratio) else f" ({format_ratio(precision_ratio)} is enough)"
    )
