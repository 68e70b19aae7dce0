"""Render every report of any campaign: no foreign text becomes markup, script or a formula."""

import csv
import io
import json
import re
import unicodedata
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings

from harness.model import CampaignResult, Status
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
from tests.summary_schema import VALIDATOR
from tests.unit.report.strategies import draw_campaign

no_deadline = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


@no_deadline
@given(draw_campaign())
def test_any_campaign_has_all_report_files(result: CampaignResult) -> None:
    assert set(render_report(result)) == {
        "summary.json",
        "summary.csv",
        "curve.csv",
        "summary.md",
        "junit.xml",
        "report.html",
    }


@no_deadline
@given(draw_campaign())
def test_the_summary_follows_its_schema(result: CampaignResult) -> None:
    summary = build_summary(result)
    VALIDATOR.validate(json.loads(json.dumps(summary, allow_nan=False)))
    assert len(summary["cells"]) == sum(cell.status is not Status.RUNNING for cell in result.cells)


@no_deadline
@given(draw_campaign())
def test_the_terminal_shows_one_harmless_line_per_size_at_any_width(result: CampaignResult) -> None:
    view = build_view(result)
    for width in (None, 200, 120, 80, 40):
        lines = render_table(view, width).splitlines()
        assert len(lines) == 2 + len(result.cells)
    assert all(unicodedata.category(char) not in ("Cc", "Cf") for line in lines for char in line)
    assert not any(unicodedata.category(char) in ("Cc", "Cf") for char in write_recommendation(view))


@no_deadline
@given(draw_campaign())
def test_no_csv_text_is_a_formula(result: CampaignResult) -> None:
    rows = list(csv.reader(io.StringIO(render_csv(result))))
    assert not any(re.match(r"[=+@\t\r]|-(?!\d)", field) for row in rows for field in row)


@no_deadline
@given(draw_campaign())
def test_junit_xml_is_well_formed_with_one_case_per_size(result: CampaignResult) -> None:
    suite = ElementTree.fromstring(render_junit(build_view(result), result.started_at))
    assert len(suite.findall("testcase")) == len(result.cells) == int(suite.attrib["tests"])


@no_deadline
@given(draw_campaign())
def test_foreign_texts_are_no_markup_in_markdown(result: CampaignResult) -> None:
    text = render_markdown(build_view(result))
    assert "<" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(result.cells)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 9 for row in rows)


@no_deadline
@given(draw_campaign())
def test_the_page_has_only_our_own_scripts(result: CampaignResult) -> None:
    page = render_html(build_view(result))
    assert page.count("<script") == page.count("</script") == 3
    for name in ("data", "growth-data"):
        json.loads(page.split(f'id="{name}">')[1].split("</script>")[0])


@no_deadline
@given(draw_campaign())
def test_any_campaign_has_a_brief_without_foreign_markup(result: CampaignResult) -> None:
    view = build_view(result)
    page = render_brief(view)
    assert "<script" not in page
    assert "<b>" not in page.replace("<dd><b>", "")
    assert all(unicodedata.category(char) != "Cc" for char in render_brief_text(view).replace("\n", ""))
