"""A size for so many users, and requirements, in words; JUnit XML for requirements."""

from collections.abc import Sequence
from xml.etree import ElementTree

from harness.model import CellResult, Check, Sizing
from harness.report.view import cell_text, text


def sizing_lines(sizing: Sizing, hour_price: float | None = None, currency: str = "") -> tuple[str, ...]:
    """The answer first, its evidence, then what nobody measured. The price is that of the size to take."""
    hour = "" if hour_price is None else text.money(hour_price, currency)
    needed = f"{text.count(sizing.users)} users"
    if sizing.needed != sizing.users:
        needed += f" and headroom ({text.count(sizing.needed)})"
    lines = [f"For {needed} {_answer(sizing, hour)}"]
    if sizing.interpolated is not None:
        between = sizing.interpolated
        lines.append(
            f"Interpolated, not measured: {text.size(between.limits)}, between "
            f"{_measured(between.smaller)} and {_measured(between.larger)}. Measure it before you buy it."
        )
    if sizing.open_sizes:
        lines.append(
            f"Without an answer: {', '.join(text.size(limits) for limits in sizing.open_sizes[:5])}."
        )
    return tuple(lines)


def _answer(sizing: Sizing, hour: str) -> str:
    if sizing.take is None:
        best = f"; the best is {_measured(sizing.best)}{_because(sizing.best)}" if sizing.best else ""
        return f"no measured size is known to be enough{best}."
    below = f" The next below, {_measured(sizing.below)}{_because(sizing.below)}." if sizing.below else ""
    return f"take {_measured(sizing.take)}{_cost(sizing, hour)}.{below}"


def _cost(sizing: Sizing, hour: str) -> str:
    """`, for 0.041 EUR an hour the cheapest`, and which is the smallest where that is another."""
    if not hour:
        return ""
    smallest, take = sizing.smallest, sizing.take
    if smallest is None or take is None or smallest.cell.limits == take.cell.limits:
        return f", for {hour} an hour the cheapest, and the smallest"
    return f", for {hour} an hour the cheapest; the smallest is {_measured(smallest)}"


def _measured(result: CellResult) -> str:
    """Such as "0.5 CPU / 256 MiB, which sustains 250 (245–257)"."""
    size = text.size(result.cell.limits)
    if result.sustained_users is None:
        return f"{size} ({cell_text.bracket(result)})"
    return f"{size}, which sustains {cell_text.capacity(result)} users"


def _because(result: CellResult) -> str:
    return f" and stops there because {text.inert(result.evidence)}" if result.broken_users else ""


def check_line(check: Check) -> str:
    """`met: users >= 400 at cpus <= 1: 1 CPU / 256 MiB, which sustains at least 400 users`."""
    said = {True: "met", False: "NOT MET", None: "NOT KNOWN"}[check.is_met]
    by = f": {_measured(check.by)}" if check.by else ": no measured size lies within these bounds"
    return f"{said}: {text.inert(check.requirement.text)}{by}"


def checks_junit(target: str, checks: Sequence[Check]) -> str:
    """A case a requirement: a failure where it is not met, an error where nobody knows."""
    suite = ElementTree.Element(
        "testsuite", name=f"{text.inert(target)} requirements", tests=str(len(checks))
    )
    for check in checks:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=text.inert(target),
            name=text.inert(check.requirement.text),
            time="0",
        )
        if check.is_met is not True:
            kind = "failure" if check.is_met is False else "error"
            ElementTree.SubElement(case, kind, message=check_line(check))
    suite.set("failures", str(sum(check.is_met is False for check in checks)))
    suite.set("errors", str(sum(check.is_met is None for check in checks)))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
