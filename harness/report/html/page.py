"""Render report.html: one file that loads no other, and in which no foreign text becomes markup or script."""

import base64
import hashlib
import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.model import MIB, Limits, Series, Status, Verdict
from harness.report.html import charts, cost_chart, distribution_chart
from harness.report.html.export_section import build_exports
from harness.report.html.growth_chart import GrowthChart, build_growth_chart
from harness.report.view import cell_text, text
from harness.report.view.cells import CellView, select_decisive_steps
from harness.report.view.curves import describe_remedies
from harness.report.view.glossary import PAGE_TERMS
from harness.report.view.margin import format_headroom
from harness.report.view.recommendation import build_recommendation
from harness.report.view.trials import TrialView
from harness.report.view.view import View

_TEMPLATES = Path(__file__).parent / "templates"
_REFRESH_S = 10
_VERDICT_SYMBOLS = {Verdict.PASS.value: "●", Verdict.FAIL.value: "✕", Verdict.INVALID.value: "◇"}


def render_html(view: View) -> str:
    """Return the page; while the campaign runs, the page reloads itself every few seconds."""
    curves = charts.build_charts(view)
    growth = build_growth_chart(view.growth, view.currency)
    return (
        load_templates()
        .get_template("page.html.j2")
        .render(
            view=view,
            glossary=PAGE_TERMS,
            recommendation=build_recommendation(view),
            charts=curves,
            cost=cost_chart.build_cost_chart(view),
            costs={each.limits: each for each in view.costs},
            priced=_sort_by_price(view),
            exports=build_exports(view),
            statuses=_build_legend(view),
            data=_embed_chart_data(curves, view),
            growth_chart=growth,
            growth_data=_embed_growth_data(view, growth),
            style=read_asset("style.css"),
            script=read_script(),
            policy=build_security_policy(),
            refresh_s=_REFRESH_S,
        )
    )


@cache
def load_templates() -> Environment:
    """Return the templates with their filters and globals, loaded once."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(
        keep_units_together=text.keep_units_together,
        format_number=text.format_number,
        format_seconds=text.format_seconds,
        format_users=text.format_users,
        shorten=text.shorten,
    )
    templates.globals.update(
        select_decisive_steps=select_decisive_steps,
        cost_geometry=cost_chart,
        distribution_geometry=distribution_chart,
        build_distribution_chart=distribution_chart.build_distribution_chart,
        describe_remedies=describe_remedies,
        format_headroom=format_headroom,
        is_estimate_outside=cell_text.is_estimate_outside,
        verdict_symbols=_VERDICT_SYMBOLS,
    )
    return templates


@cache
def read_asset(name: str) -> Markup:
    """Return a style or script of the page: with the chart data, the only text that is not escaped."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))


@cache
def read_script() -> Markup:
    """Return the script of the page: what every chart needs, then the choice of a size."""
    return Markup("").join(read_asset(name) for name in ("script.js", "growth.js"))


@cache
def build_security_policy() -> str:
    """Return the content security policy: no network, and no style or script but the page's own, by hash."""
    return f"{build_style_policy('style.css')}; script-src '{hash_source(read_script())}'"


@cache
def build_style_policy(*styles: str) -> str:
    """Return the policy of a page without a script: no network, and no style but those of these files."""
    hashes = " ".join(f"'{hash_source(read_asset(style))}'" for style in styles)
    return f"default-src 'none'; style-src {hashes}; base-uri 'none'; form-action 'none'"


def hash_source(source: str) -> str:
    """Return the hash of a style or script, as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _sort_by_price(view: View) -> list[CellView]:
    """Return each size with a price once, the cheapest first."""
    first = {cell.result.cell.limits: cell for cell in reversed(view.cells)}
    return [first[cost.limits] for cost in view.costs]


def _build_legend(view: View) -> list[tuple[Status, str, str, str]]:
    """Return every status that occurs, with its name, its symbol and its meaning."""
    statuses = {cell.result.status for cell in view.cells}
    return [
        (
            status,
            "unfinished" if status is Status.RUNNING else status.value,
            symbol,
            cell_text.STATUS_MEANINGS[status],
        )
        for status, symbol in cell_text.STATUS_SYMBOLS.items()
        if status in statuses
    ]


def _embed_chart_data(curves: charts.Charts, view: View) -> Markup:
    """Return what the script shows on hovering, as JSON in which no text can end the script element."""
    p95_limit_s = view.p95_limit_s
    sizes = {chart.cell.id: _build_hover_data(chart, p95_limit_s) for chart in curves.sizes}
    return _embed_json(sizes | {trial.id: _build_trial_data(trial, p95_limit_s) for trial in view.trials})


def _embed_growth_data(view: View, chart: GrowthChart | None) -> Markup:
    """Return what the script chooses a size by, with the ends of the picture's scale; null without sizes."""
    if view.growth is None:
        return _embed_json(None)
    left, right = chart.scale if chart is not None else (0.0, 0.0)
    return _embed_json({**view.growth.data, "left": left, "right": right})


def _embed_json(data: object) -> Markup:
    """Return data as JSON in which no text can end the script element."""
    source = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(source.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _build_hover_data(chart: charts.SizeChart, p95_limit_s: float | None) -> dict[str, Any]:
    marks = sorted(chart.marks, key=lambda mark: mark.x)
    return {
        "size": chart.cell.size,
        "steps": [[mark.x, mark.description] for mark in marks],
        "limits": _build_limits_data(chart.cell.result.cell.limits, p95_limit_s),
        "time": [
            _build_series_data(step.users, step.verdict, step.result.series)
            for step in chart.cell.steps
            if step.result.series is not None
        ],
    }


def _build_trial_data(trial: TrialView, p95_limit_s: float | None) -> dict[str, Any]:
    """Return what the script draws of a trial over time."""
    series = trial.series
    return {
        "size": trial.size,
        "steps": [],
        "limits": _build_limits_data(trial.limits, p95_limit_s),
        "time": [] if series is None else [_build_series_data(trial.users, trial.verdict, series)],
    }


def _build_limits_data(limits: Limits, p95_limit_s: float | None) -> dict[str, float | None]:
    memory_mib = round(limits.memory_bytes / MIB, 1)
    return {"cpu_cores": limits.total_cores, "memory_mib": memory_mib, "p95_s": p95_limit_s}


def _build_series_data(users: int, verdict: str, series: Series) -> dict[str, Any]:
    """Return a step's time series by the names that the script reads."""
    # dataclasses.asdict would copy every point.
    columns = {field.name: getattr(series, field.name) for field in fields(series)}
    columns["users_over_time"] = columns.pop("users")
    return {"users": users, "verdict": verdict} | columns
