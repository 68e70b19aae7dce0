"""Write JUnit XML, for continuous integration: of a campaign, and of checked requirements."""

from collections.abc import Sequence
from xml.etree import ElementTree

from harness.model import Check, Status
from harness.model.trials import TrialCheck
from harness.report.formats.sizing_text import describe_check
from harness.report.view import text
from harness.report.view.cells import CellView
from harness.report.view.view import View


def render_junit(view: View, started_at: str) -> str:
    """Return one test case for each size of a campaign; `started_at` is in ISO 8601, empty if unknown.

    `failed` and `invalid` sizes are errors; `skipped` and running ones are skipped. All others pass, however
    small their capacity: only a requirement can fail (`render_checks_junit`).
    """
    suite = ElementTree.Element("testsuite", name=f"{view.target} capacity")
    for cell in view.cells:
        suite.append(_build_case(cell, view.target))
    suite.set("tests", str(len(view.cells)))
    suite.set("failures", "0")
    for kind, attribute in (("error", "errors"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("time", f"{sum(cell.result.load_s for cell in view.cells):.3f}")
    if started_at:
        suite.set("timestamp", text.clean_text(started_at))
    return _render_xml(suite)


def _build_case(cell: CellView, target: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=target, name=cell.id, time=f"{cell.result.load_s:.3f}")
    message = cell.why or cell.bracket
    match cell.result.status:
        case Status.FAILED | Status.INVALID:
            ElementTree.SubElement(case, "error", message=message, type=cell.status)
        case Status.SKIPPED | Status.RUNNING:
            ElementTree.SubElement(case, "skipped", message=message)
        case _:
            output = f"{cell.size}: {cell.bracket} users. {message}"
            ElementTree.SubElement(case, "system-out").text = output
    return case


def render_checks_junit(target: str, checks: Sequence[Check | TrialCheck]) -> str:
    """Return one test case for each requirement: a failure if it is not met, an error if inconclusive."""
    target_name = text.clean_text(target)
    suite = ElementTree.Element("testsuite", name=f"{target_name} requirements", tests=str(len(checks)))
    for check in checks:
        name = text.clean_text(check.requirement.text)
        case = ElementTree.SubElement(suite, "testcase", classname=target_name, name=name, time="0")
        if check.is_met is not True:
            kind = "failure" if check.is_met is False else "error"
            ElementTree.SubElement(case, kind, message=describe_check(check))
    suite.set("failures", str(sum(check.is_met is False for check in checks)))
    suite.set("errors", str(sum(check.is_met is None for check in checks)))
    return _render_xml(suite)


def _render_xml(suite: ElementTree.Element) -> str:
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
