"""The terminal's table: one line a size, cut to fit, columns dropped before words become unreadable."""

from dataclasses import dataclass

from tabulate import tabulate

from harness.report.view.cells import CellView
from harness.report.view.text import NO_DATA, shortened
from harness.report.view.view import View

PIPED_WIDTH = 120
WHY_AT_LEAST = 24
GAP = 2
HEADING_PADDING = 2
"""tabulate makes a column at least this much wider than its heading."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading with its texts. Where there is no room the most `dispensable` go first; 0 always stays."""

    heading: str
    texts: tuple[str, ...]
    dispensable: int = 0
    align: str = "right"

    @property
    def width(self) -> int:
        return max(len(self.heading) + HEADING_PADDING, *(len(text) for text in self.texts), 0) + GAP


def terminal_table(view: View, width: int | None) -> str:
    """`width` in characters; None means that the output is no terminal."""
    room = width or PIPED_WIDTH
    columns = _columns(view.cells)
    for expendable in sorted(columns, key=lambda column: -column.dispensable):
        if sum(column.width for column in columns) + WHY_AT_LEAST <= room or not expendable.dispensable:
            break
        columns.remove(expendable)
    columns.append(_why(view.cells, room - sum(column.width for column in columns)))
    return tabulate(
        list(zip(*(column.texts for column in columns), strict=True)),
        headers=[column.heading for column in columns],
        tablefmt="simple",
        colalign=[column.align for column in columns],
        disable_numparse=True,
    )


def _columns(cells: tuple[CellView, ...]) -> list[Column]:
    spread = (
        [Column("runs agree", tuple(cell.spread for cell in cells), 1)]
        if any(c.spread for c in cells)
        else []
    )
    priced = [Column("an hour", tuple(c.price for c in cells), 2)] if any(c.price for c in cells) else []
    return [
        Column("size", tuple(_size(cell) for cell in cells), align="left"),
        Column("users", tuple(cell.bracket for cell in cells)),
        *spread,
        *priced,
        Column("RPS", tuple(cell.rps for cell in cells), 2),
        Column("p95", tuple(cell.p95 for cell in cells), 1),
        Column("CPU used", tuple(_with_share(cell.cpu_used, cell.cpu_share) for cell in cells), 3),
        Column("throttled", tuple(cell.throttled for cell in cells), 5),
        Column("memory peak", tuple(_with_share(cell.memory_peak, cell.memory_share) for cell in cells), 4),
    ]


def _size(cell: CellView) -> str:
    return f"{cell.size} ({cell.name})" if cell.name else cell.size


def _with_share(amount: str, share: str) -> str:
    return amount if amount == NO_DATA else f"{amount} ({share})"


def _why(cells: tuple[CellView, ...], room: int) -> Column:
    texts = tuple(shortened(cell.why, max(room, 12)) for cell in cells)
    return Column("why it stopped", texts, align="left")
