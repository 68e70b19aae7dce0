"""Turn a campaign's result into a view, and the view into files, a table and a recommendation."""

import json

from harness.model import CampaignResult
from harness.report.export.systems import System, render_export
from harness.report.formats.ab_files import render_ab, render_ab_text
from harness.report.formats.brief_text import render_brief_text
from harness.report.formats.change import ChangeView, render_change
from harness.report.formats.comparison import (
    ComparisonView,
    build_comparison,
    render_comparison,
    render_comparison_table,
)
from harness.report.formats.costs_text import render_request_costs
from harness.report.formats.csv_file import render_csv, render_curve_csv
from harness.report.formats.growth_text import render_growth
from harness.report.formats.junit import render_checks_junit, render_junit
from harness.report.formats.markdown import render_markdown
from harness.report.formats.metrics import build_metrics
from harness.report.formats.sizing_text import describe_check, describe_sizing
from harness.report.formats.summary_json import build_summary
from harness.report.formats.table import render_table
from harness.report.html.brief import render_brief
from harness.report.html.index import render_index
from harness.report.html.page import render_html
from harness.report.view.explanations import explain_doubt, explain_machine_difference, name_part
from harness.report.view.recommendation import write_recommendation
from harness.report.view.request_costs import describe_mix
from harness.report.view.view import View, build_view

__all__ = [
    "ChangeView",
    "ComparisonView",
    "System",
    "View",
    "build_comparison",
    "build_metrics",
    "build_summary",
    "build_view",
    "describe_check",
    "describe_mix",
    "describe_sizing",
    "explain_doubt",
    "explain_machine_difference",
    "name_part",
    "render_ab",
    "render_ab_text",
    "render_brief",
    "render_brief_text",
    "render_change",
    "render_checks_junit",
    "render_comparison",
    "render_comparison_table",
    "render_csv",
    "render_curve_csv",
    "render_export",
    "render_growth",
    "render_html",
    "render_index",
    "render_junit",
    "render_markdown",
    "render_report",
    "render_request_costs",
    "render_table",
    "write_recommendation",
]


def render_report(result: CampaignResult) -> dict[str, str]:
    """Return every file of a report, by its name in the campaign's folder."""
    view = build_view(result)
    return {
        "summary.json": json.dumps(build_summary(result), indent=2, ensure_ascii=False, allow_nan=False)
        + "\n",
        "summary.csv": render_csv(result),
        "curve.csv": render_curve_csv(result),
        "summary.md": render_markdown(view),
        "junit.xml": render_junit(view, result.started_at),
        "report.html": render_html(view),
    }
