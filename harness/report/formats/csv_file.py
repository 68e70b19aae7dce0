"""Write summary.csv, for spreadsheets."""

import csv
import io
from typing import Any

from harness.model import CampaignResult
from harness.report.formats.summary_json import build_summary

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def render_csv(result: CampaignResult) -> str:
    """Return the cells of summary.json, one line each; a field without data is empty.

    An apostrophe is put before a text that a spreadsheet would run as a formula.
    """
    cells: list[dict[str, Any]] = build_summary(result)["cells"]
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(cells[0] if cells else ("id",))
    writer.writerows([_defuse_formula(value) for value in cell.values()] for cell in cells)
    return output.getvalue()


def _defuse_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
