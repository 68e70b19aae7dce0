"""Draw how the bracket of a running search closes: the steps of a size on the axis of users, in one line."""

from collections.abc import Sequence

from rich.text import Text

from harness.analyse.search.bracket import find_bracket
from harness.model import StepResult, Verdict
from harness.report.view.search_text import describe_gap

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
    enough_ratio = None if bracket.is_narrow(precision_ratio) else precision_ratio
    line.append(f"  {describe_gap(bracket.sustained_users, bracket.broken_users, enough_ratio)}")
    return line


def _find_column(users: int, users_limit: int) -> int:
    return round(min(users, users_limit) / max(1, users_limit) * (_WIDTH - 1))
