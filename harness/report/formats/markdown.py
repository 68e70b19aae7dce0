"""Write summary.md, for a pull request, and escape text for Markdown."""

import re

from harness.report.view import text
from harness.report.view.cells import CellView
from harness.report.view.recommendation import build_recommendation
from harness.report.view.view import View

_SPECIAL_CHARACTERS = re.compile(r"([\\`*_\[\]|~$]|(?<=www)\.|:(?=//))")
_MENTION = re.compile(r"([@#])(?=\w)")
_ZERO_WIDTH_SPACE = "\u200b"
_COLUMNS = ("size", "users", "RPS", "p95", "CPU used", "throttled", "memory peak")
_SPEED_COLUMN = "users at the host's best speed"
_PRICE_COLUMNS = ("price an hour", "per 100 users")


def render_markdown(view: View) -> str:
    """Return the recommendation, the warnings, the table of sizes, and the SLOs that they were judged by."""
    recommendation = build_recommendation(view)
    lines = [
        f"### {escape_markdown(view.target)}: which size for {text.format_users(view.users_limit)}?",
        "",
        *([f"_{escape_markdown(view.progress)}_", ""] if view.progress else []),
        f"**{escape_markdown(recommendation.answer)}**",
        *([""] if recommendation.reasons else []),
        *(f"- {escape_markdown(reason)}" for reason in recommendation.reasons),
        "",
        *(line for warning in view.warnings for line in (f"> Warning: {escape_markdown(warning)}", "")),
        *_build_table(view),
        "",
        *(f"- {escape_markdown(tuning)}" for tuning in view.tunings),
        *([""] if view.tunings else []),
        *(f"- {escape_markdown(trial.words)}" for trial in view.trials),
        *([""] if view.trials else []),
        f"SLOs: {escape_markdown(', '.join(view.slos)) or 'none'}. "
        "Users: highest sustained – lowest broken, both measured; ≥: it did not break. "
        f"Campaign {escape_markdown(view.campaign)}, {escape_markdown(view.started_at)}.",
        "",
    ]
    return "\n".join(lines)


def _build_table(view: View) -> list[str]:
    """Return the lines of the table; it has no columns of prices or of the host's speed without need."""
    is_priced = any(cell.price for cell in view.cells)
    is_slow = any(cell.slowdown for cell in view.cells)
    speed = (_SPEED_COLUMN,) if is_slow else ()
    headings = (*_COLUMNS, *speed, *(_PRICE_COLUMNS if is_priced else ()), "why it stopped")
    return [
        "| " + " | ".join(headings) + " |",
        "|:--|" + "--:|" * (len(headings) - 2) + ":--|",
        *(_build_row(cell, is_priced=is_priced, is_slow=is_slow) for cell in view.cells),
    ]


def _build_row(cell: CellView, *, is_priced: bool, is_slow: bool) -> str:
    cpu, memory = (
        amount if amount == text.NO_DATA else f"{amount} ({share})"
        for amount, share in ((cell.cpu_used, cell.cpu_share), (cell.memory_peak, cell.memory_share))
    )
    size = f"**{escape_markdown(cell.size)}**" if cell.is_recommended else escape_markdown(cell.size)
    size_with_name = f"{size} ({escape_markdown(cell.name)})" if cell.name else size
    prices = (cell.price or text.NO_DATA, cell.price_per_100 or text.NO_DATA) if is_priced else ()
    speed = (cell.reference or text.NO_DATA,) if is_slow else ()
    columns = (cell.bracket, cell.rps, cell.p95, cpu, cell.throttled, memory, *speed, *prices, cell.why)
    return "| " + " | ".join((size_with_name, *(escape_markdown(column) for column in columns))) + " |"


def escape_markdown(raw: str) -> str:
    """Escape a text: Markdown shows it literally, and it mentions no person and no issue (`@name`, `#12`).

    A zero-width space breaks each mention. A backslash would not help, because code hosts look for mentions
    in the rendered text.
    """
    without_html = raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    without_mentions = _MENTION.sub(rf"\1{_ZERO_WIDTH_SPACE}", without_html)
    return _SPECIAL_CHARACTERS.sub(r"\\\1", without_mentions)
