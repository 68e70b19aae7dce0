"""Lay out the sizes of each variant, and put into words what the choice among variants is worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.model import CellResult, Tuning
from harness.report.view import cell_text, text
from harness.report.view.cells import CellView
from harness.report.view.grid import Grid, build_grid

_MOST_SIZES = 5


@dataclass(frozen=True, slots=True)
class VariantView:
    """A variant with the matrix of its sizes; `sets` is what it sets, empty if that depends on the size."""

    name: str
    sets: str
    grid: Grid


def build_variant_views(cells: Sequence[CellView]) -> tuple[VariantView, ...]:
    """Return each variant with its own matrix, in the order of the cells; nothing without variants."""
    by_name: dict[str, list[CellView]] = {}
    for cell in cells:
        if cell.result.cell.limits.variant is not None:
            by_name.setdefault(cell.result.cell.limits.variant, []).append(cell)
    return tuple(
        VariantView(text.clean_text(name), _find_common_value(own), build_grid(own))
        for name, own in by_name.items()
    )


def _find_common_value(cells: Sequence[CellView]) -> str:
    values = {cell.sets for cell in cells}
    return values.pop() if len(values) == 1 else ""


def select_best_variants(cells: Sequence[CellView], tunings: Sequence[Tuning]) -> list[CellView]:
    """Return each size with its best variant; with all variants as long as none has an answer there.

    At the size to take it is the variant to take: variants that are alike may sustain more in either way, by
    the users that passed or by what they are expected to sustain.
    """
    taken = [cell.result.cell.limits for cell in cells if cell.is_recommended]
    best = {tuning.limits: tuning.best.cell.limits for tuning in tunings}
    best |= {limits.drop_variant(): limits for limits in taken}
    return [
        cell
        for cell in cells
        if best.get(cell.result.cell.limits.drop_variant(), cell.result.cell.limits)
        == cell.result.cell.limits
    ]


def write_tunings(tunings: Sequence[Tuning]) -> tuple[str, ...]:
    """Return for each size what its variants sustain, and what the best one is worth.

    The sizes at which no difference is shown follow in one sentence.
    """
    worth = [_write_worth(each, is_largest=each is tunings[-1]) for each in tunings if each.differs]
    same = [
        text.format_size(each.limits) for each in tunings if not each.differs and each.best is not each.worst
    ]
    shown = text.list_first(same, _MOST_SIZES)
    return (*worth, *([f"No difference between the variants is shown at {shown}."] if same else []))


def shorten_tunings(tunings: Sequence[str]) -> tuple[str, ...]:
    """Return what fits under a table in a terminal: the first five, and how many more there are."""
    hidden = len(tunings) - _MOST_SIZES
    more = [f"{hidden} more sizes with variants that differ are in the report."] if hidden > 0 else []
    return (*tunings[:_MOST_SIZES], *more)


def _write_worth(tuning: Tuning, *, is_largest: bool) -> str:
    size, best, worst = text.format_size(tuning.limits), tuning.best, tuning.worst
    answers = ", ".join(_list_answers(best, worst))
    if tuning.instead is not None:
        larger = text.format_size(tuning.instead.cell.limits.drop_variant())
        return f"At {size} {answers}; with {_name(worst)} it takes {larger} for as many."
    no_larger = (
        "" if is_largest else f"; no larger size that was measured carries as many with {_name(worst)}"
    )
    return f"At {size} {answers}{no_larger}."


def _list_answers(best: CellResult, worst: CellResult) -> Iterator[str]:
    for number, result in enumerate((best, worst)):
        if not result.sustains(1):
            yield f"{_name(result)} none"
        elif number == 0:
            yield f"{_name(result)} sustains {cell_text.describe_capacity(result)} users"
        else:
            yield f"{_name(result)} {cell_text.describe_capacity(result)}"


def _name(result: CellResult) -> str:
    return text.clean_text(result.cell.limits.variant or "")
