"""Write the one page that a manager decides from for the terminal, 80 characters wide."""

import textwrap
from collections.abc import Iterable, Iterator

from tabulate import tabulate

from harness.report.formats.growth_text import tabulate_rows
from harness.report.view.brief import build_brief
from harness.report.view.checks import Fact
from harness.report.view.text import format_users
from harness.report.view.view import View

_WIDTH = 80


def render_brief_text(view: View) -> str:
    """Return the sentence, the matrix, the price, the margin, the growth and the caveats."""
    brief = build_brief(view)
    parts = [
        _wrap(f"{view.target}: which size for {format_users(view.users_limit)}? ({view.campaign})"),
        _wrap(brief.sentence),
        "\n".join(_list_facts(brief.figures)),
        _tabulate_matrix(view) if brief.has_matrix else "",
        f"{view.growth.title}\n\n{tabulate_rows(view.growth, brief.growth)}" if view.growth else "",
        "\n".join(["Caveats:", *(_wrap(caveat, "- ") for caveat in brief.caveats)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _wrap(text: str, bullet: str = "") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=bullet, subsequent_indent=" " * len(bullet))


def _list_facts(facts: Iterable[Fact]) -> Iterator[str]:
    for fact in facts:
        line = f"{fact.value} ({fact.note})" if fact.note else fact.value
        yield textwrap.fill(
            line, _WIDTH, initial_indent=f"{fact.label + ':':<15}", subsequent_indent=" " * 15
        )


def _tabulate_matrix(view: View) -> str:
    """Return the users that each size sustains; an arrow marks the size to take."""
    grid = view.grid
    rows = []
    for cpu, words in grid.cpus:
        row = [words]
        for memory, _ in grid.memories:
            cells = grid.sizes.get((cpu, memory), ())
            taken = "→ " if any(cell.is_recommended for cell in cells) else ""
            row.append(taken + "; ".join(cell.bracket for cell in cells))
        rows.append(row)
    headings = ["", *(words for _, words in grid.memories)]
    alignment = ["left", *("right" for _ in grid.memories)]
    return tabulate(rows, headers=headings, tablefmt="simple", colalign=alignment, disable_numparse=True)
