"""One view model, and from it a page, a table, a sentence and files for other programs. Measures nothing."""

import json

from harness.model import CampaignResult
from harness.report.formats.comparison import Comparison, comparison, comparison_table, draw_comparison
from harness.report.formats.files import csv_text, junit_xml, markdown
from harness.report.formats.sizing_text import check_line, checks_junit, sizing_lines
from harness.report.formats.summary_json import summary_json
from harness.report.formats.table import terminal_table
from harness.report.html.index import index_html
from harness.report.html.page import html
from harness.report.view.recommendation import sentence
from harness.report.view.view import View, view

__all__ = [
    "Comparison",
    "View",
    "check_line",
    "checks_junit",
    "comparison",
    "comparison_table",
    "csv_text",
    "draw",
    "draw_comparison",
    "html",
    "index_html",
    "junit_xml",
    "markdown",
    "sentence",
    "sizing_lines",
    "summary_json",
    "terminal_table",
    "view",
]


def draw(result: CampaignResult) -> dict[str, str]:
    """Every file of a report, by its name in the campaign's folder."""
    shown = view(result)
    return {
        "summary.json": json.dumps(summary_json(result), indent=2, ensure_ascii=False, allow_nan=False)
        + "\n",
        "summary.csv": csv_text(result),
        "summary.md": markdown(shown),
        "junit.xml": junit_xml(result),
        "report.html": html(shown),
    }
