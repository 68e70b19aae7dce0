"""Write summary.csv and curve.csv, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from harness.model import CampaignResult, CurvePoint
from harness.report.formats.summary_json import build_curve_point, build_summary

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def render_csv(result: CampaignResult) -> str:
    """Return the cells of summary.json but for their lists, one line each; a field without data is empty.

    An apostrophe is put before a text that a spreadsheet would run as a formula.
    """
    cells: list[dict[str, Any]] = build_summary(result)["cells"]
    for cell in cells:
        del cell["curve"], cell["stalls"]
    return _write_rows(list(cells[0]) if cells else ["id"], (cell.values() for cell in cells))


def render_curve_csv(result: CampaignResult) -> str:
    """Return the curves of summary.json, a line for each point, after the id of its cell."""
    cells: list[dict[str, Any]] = build_summary(result)["cells"]
    columns = ["id", *build_curve_point(CurvePoint(users=0.0, requests=0))]
    return _write_rows(columns, ((cell["id"], *point.values()) for cell in cells for point in cell["curve"]))


def _write_rows(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_defuse_formula(value) for value in row] for row in rows)
    return output.getvalue()


def _defuse_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
