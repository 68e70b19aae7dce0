"""Render every report of any campaign: no foreign text becomes markup, script or a formula.

The recommendation of any campaign is the smallest size that sustains the users.
"""

import csv
import io
import json
import re
import unicodedata
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings

from harness.model import CampaignResult, CellResult, Status
from harness.report import (
    build_summary,
    build_view,
    render_brief,
    render_brief_text,
    render_csv,
    render_html,
    render_junit,
    render_markdown,
    render_report,
    render_table,
    write_recommendation,
)
from tests.examples import count_examples
from tests.summary_schema import VALIDATOR
from tests.unit.report.strategies import draw_campaign


def check_files(result: CampaignResult) -> None:
    """Check that a campaign has all report files."""
    assert set(render_report(result)) == {
        "summary.json",
        "summary.csv",
        "curve.csv",
        "summary.md",
        "junit.xml",
        "report.html",
    }


def check_summary(result: CampaignResult) -> None:
    """Check that the summary follows its schema."""
    summary = build_summary(result)
    VALIDATOR.validate(json.loads(json.dumps(summary, allow_nan=False)))
    assert len(summary["cells"]) == sum(cell.status is not Status.RUNNING for cell in result.cells)


def check_table(result: CampaignResult) -> None:
    """Check that the terminal shows one harmless line per size at any width."""
    view = build_view(result)
    for width in (None, 200, 120, 80, 40):
        lines = render_table(view, width).splitlines()
        assert len(lines) == 2 + len(result.cells)
    assert all(unicodedata.category(char) not in ("Cc", "Cf") for line in lines for char in line)
    assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in write_recommendation(view))


def check_csv(result: CampaignResult) -> None:
    """Check that no text of the CSV is a formula."""
    rows = list(csv.reader(io.StringIO(render_csv(result))))
    assert not any(re.match(r"[=+@\t\r]|-(?!\d)", field) for row in rows for field in row)


def check_junit(result: CampaignResult) -> None:
    """Check that the JUnit XML is well-formed, with one case per size."""
    suite = ElementTree.fromstring(render_junit(build_view(result), result.started_at))
    assert len(suite.findall("testcase")) == len(result.cells) == int(suite.attrib["tests"])


def check_markdown(result: CampaignResult) -> None:
    """Check that foreign texts are no markup in Markdown."""
    text = render_markdown(build_view(result))
    assert "<" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(result.cells)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 9 for row in rows)


def check_page(result: CampaignResult) -> None:
    """Check that the page has only our own scripts."""
    page = render_html(build_view(result))
    assert page.count("<script") == page.count("</script") == 3
    for name in ("data", "growth-data"):
        json.loads(page.split(f'id="{name}">')[1].split("</script>")[0])


def check_brief(result: CampaignResult) -> None:
    """Check that there is a brief without foreign markup."""
    view = build_view(result)
    page = render_brief(view)
    assert "<script" not in page
    assert "<b>" not in page.replace("<dd><b>", "")
    assert all(unicodedata.category(char) != "Cc" for char in render_brief_text(view).replace("\n", ""))


def check_recommended_size(result: CampaignResult) -> None:
    """Check that the smallest size is recommended of which every repetition sustains the users."""

    def sustains_users(cell: CellResult) -> bool:
        known = cell.status in (Status.CENSORED, Status.BRACKETED, Status.INFERRED)
        return known and (cell.sustained_users or 0) >= result.users_limit

    def contradicts(cell: CellResult) -> bool:
        """Return True if a repetition without an answer broke with users that this one sustained."""
        return any(
            other.is_undecided and other.cell.limits == cell.cell.limits and other.breaks_at(cell.known_users)
            for other in result.cells
        )

    answered: dict[tuple[float, int, str], list[bool]] = {}
    for cell in result.cells:
        if cell.status not in (Status.INVALID, Status.SKIPPED, Status.RUNNING):
            limits = cell.cell.limits
            key = (limits.cpu_cores, limits.memory_bytes, limits.variant or "")
            answered.setdefault(key, []).append(sustains_users(cell) and not contradicts(cell))
    sustaining = sorted(size[:2] for size, answers in answered.items() if all(answers))
    recommended = result.sizing.recommended
    size = recommended.cell.limits if recommended else None
    assert (size and (size.cpu_cores, size.memory_bytes)) == (sustaining[0] if sustaining else None)


CHECKS = (
    check_files,
    check_summary,
    check_table,
    check_csv,
    check_junit,
    check_markdown,
    check_page,
    check_brief,
    check_recommended_size,
)


@settings(max_examples=count_examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(draw_campaign())
def test_every_report_of_any_campaign_is_well_formed_and_harmless(
    result: CampaignResult,
) -> None:
    """To draw a campaign takes longer than to render it, so all is checked of the same ones."""
    for check in CHECKS:
        check(result)
