"""Render the terminal's table: one line for each size, with as many columns as fit."""

from dataclasses import dataclass

from tabulate import tabulate

from harness.report.view.cells import CellView
from harness.report.view.text import NO_DATA, shorten
from harness.report.view.view import View

_PIPED_WIDTH = 120
"""Columns of text if the output is no terminal."""

_FEWEST_REASON_CHARACTERS = 24
_GAP = 2
"""Spaces between two columns."""

_HEADING_PADDING = 2
"""tabulate makes a column at least this much wider than its heading."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A heading with its texts.

    In a narrow table the column with the highest `dispensable` is dropped first; 0 is never dropped.
    """

    heading: str
    texts: tuple[str, ...]
    dispensable: int = 0
    align: str = "right"

    @property
    def width(self) -> int:
        return max(len(self.heading) + _HEADING_PADDING, *(len(text) for text in self.texts), 0) + _GAP


def render_table(view: View, width: int | None) -> str:
    """Return the table, at most `width` characters wide; None means that the output is no terminal.

    A narrow table has fewer columns, so that its last one, the reason, keeps 24 characters if possible.
    """
    available = width or _PIPED_WIDTH
    columns = _build_columns(view.cells)
    for column in sorted(columns, key=lambda each: -each.dispensable):
        if (
            sum(each.width for each in columns) + _FEWEST_REASON_CHARACTERS <= available
            or not column.dispensable
        ):
            break
        columns.remove(column)
    columns.append(_build_reason_column(view.cells, available - sum(column.width for column in columns)))
    return tabulate(
        list(zip(*(column.texts for column in columns), strict=True)),
        headers=[column.heading for column in columns],
        tablefmt="simple",
        colalign=[column.align for column in columns],
        disable_numparse=True,
    )


def _build_columns(cells: tuple[CellView, ...]) -> list[_Column]:
    spread = (
        [_Column("runs agree", tuple(cell.spread for cell in cells), 1)]
        if any(cell.spread for cell in cells)
        else []
    )
    precision = (
        [_Column("±", tuple(cell.precision.removeprefix("± ") for cell in cells), 4)]
        if any(cell.result.precision_ratio is not None for cell in cells)
        else []
    )
    at_best_speed = (
        [_Column("best speed", tuple(cell.reference.partition(" ")[0] or NO_DATA for cell in cells), 3)]
        if any(cell.slowdown for cell in cells)
        else []
    )
    prices = (
        [_Column("an hour", tuple(cell.price for cell in cells), 2)]
        if any(cell.price for cell in cells)
        else []
    )
    return [
        _Column("size", tuple(_label_size(cell) for cell in cells), align="left"),
        _Column("users", tuple(cell.bracket for cell in cells)),
        *precision,
        *at_best_speed,
        *spread,
        *prices,
        _Column("RPS", tuple(cell.rps for cell in cells), 2),
        _Column("p95", tuple(cell.p95 for cell in cells), 1),
        _Column("CPU used", tuple(_format_with_share(cell.cpu_used, cell.cpu_share) for cell in cells), 3),
        _Column("throttled", tuple(cell.throttled for cell in cells), 5),
        _Column(
            "memory peak", tuple(_format_with_share(cell.memory_peak, cell.memory_share) for cell in cells), 4
        ),
    ]


def _label_size(cell: CellView) -> str:
    return f"{cell.size} ({cell.name})" if cell.name else cell.size


def _format_with_share(amount: str, share: str) -> str:
    return amount if amount == NO_DATA else f"{amount} ({share})"


def _build_reason_column(cells: tuple[CellView, ...], width: int) -> _Column:
    texts = tuple(shorten(cell.why, max(width, 12)) for cell in cells)
    return _Column("why it stopped", texts, align="left")
