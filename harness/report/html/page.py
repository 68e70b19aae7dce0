"""report.html: one file that needs nothing from anywhere, and in which nothing from outside comes alive."""

import base64
import hashlib
import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.model import MIB, Verdict
from harness.report.html import charts, costs
from harness.report.view import cell_text, text
from harness.report.view.cells import CellView, decisive
from harness.report.view.recommendation import sentence
from harness.report.view.steps import StepView
from harness.report.view.view import View

TEMPLATES = Path(__file__).parent / "templates"
REFRESH_S = 10
VERDICT_SYMBOLS = {Verdict.PASS.value: "●", Verdict.FAIL.value: "✕", Verdict.INVALID.value: "◇"}


def html(view: View) -> str:
    """The page; while the campaign runs it loads itself again every few seconds."""
    drawn = charts.charts(view)
    return (
        environment_of_templates()
        .get_template("page.html.j2")
        .render(
            view=view,
            sentence=sentence(view),
            charts=drawn,
            cost=costs.cost_chart(view),
            costs={each.limits: each for each in view.costs},
            priced=_priced(view),
            statuses=_statuses(view),
            data=_embedded(drawn),
            style=source("style.css"),
            script=source("script.js"),
            policy=policy(),
            refresh_s=REFRESH_S,
        )
    )


@cache
def environment_of_templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["unbroken"] = text.unbroken
    environment.globals.update(
        decisive=decisive, geometry=charts, cost_geometry=costs, verdict_symbols=VERDICT_SYMBOLS
    )
    return environment


@cache
def source(name: str) -> Markup:
    """Our own style and script: the only markup that is not escaped."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


@cache
def policy() -> str:
    """The content security policy: no network at all; no style or script but ours, known by their hashes."""
    style, script = (_digest(source(name)) for name in ("style.css", "script.js"))
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _priced(view: View) -> list[CellView]:
    """The sizes with a price, the cheapest first, each once."""
    first = {cell.result.cell.limits: cell for cell in reversed(view.cells)}
    return [first[cost.limits] for cost in view.costs]


def _statuses(view: View) -> list[tuple[str, str, str]]:
    """The legend: only what occurs, with its symbol and meaning."""
    found = {cell.result.status for cell in view.cells}
    return [
        (status.value, symbol, cell_text.MEANINGS[status])
        for status, symbol in cell_text.SYMBOLS.items()
        if status in found
    ]


def _embedded(drawn: charts.Charts) -> Markup:
    """What the script reads while somebody hovers, as JSON that can't end its own element."""
    data = {chart.cell.id: _hover(chart.cell, chart) for chart in drawn.sizes}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _hover(cell: CellView, chart: charts.SizeChart) -> dict[str, Any]:
    ordered = sorted(chart.marks, key=lambda mark: mark.x)
    limits = cell.result.cell.limits
    return {
        "size": cell.size,
        "steps": [[mark.x, mark.text] for mark in ordered],
        "limits": {"cpu_cores": limits.all_cores, "memory_mib": round(limits.memory_bytes / MIB, 1)},
        "time": [_over_time(step) for step in cell.steps if step.result.series is not None],
    }


def _over_time(step: StepView) -> dict[str, Any]:
    """A step's series, as the script draws it."""
    series = step.result.series
    assert series is not None
    columns = {
        field.name: getattr(series, field.name) for field in fields(series)
    }  # asdict copies every point
    columns["users_over_time"] = columns.pop("users")
    return {"users": step.users, "verdict": step.verdict} | columns
