"""Which sizes each lane may measure: a lane is as large as the largest of its sizes needs."""

from collections.abc import Iterable, Mapping

from harness.analyse.search.search import order_cells
from harness.measure.host.cpu_affinity import sum_cores
from harness.model import Cell, Plan

_ROUNDING = 1e-9


class LaneSizes:
    """Which sizes of a plan each lane may measure, by the most CPU cores that a size may need there.

    An engine that measures one size at a time is a lane for all sizes.
    """

    def __init__(self, plan: Plan, most_cores: Mapping[str | None, float]) -> None:
        self._most_cores = most_cores
        self._needed = {
            cell: sum_cores(cell.limits, plan.target) for cell in plan.cells if cell.id not in plan.skipped
        }

    def may_measure(self, lane: str | None, cell: Cell) -> bool:
        """Return True if the lane has the cores for this size and its companions."""
        return self._needed[cell] <= self._most_cores[lane] + _ROUNDING

    def list_shared(self) -> list[Cell]:
        """Return the cells that every lane may measure."""
        return [cell for cell in self._needed if self._count_lanes(cell) == len(self._most_cores)]

    def group_cells(self, lane: str | None) -> list[list[Cell]]:
        """Return the lane's cells in groups: those first that the fewest lanes may measure.

        So a large lane leaves the small sizes to the small lanes while large ones are left.
        """
        groups: dict[int, list[Cell]] = {}
        for cell in self._needed:
            if self.may_measure(lane, cell):
                groups.setdefault(self._count_lanes(cell), []).append(cell)
        return [groups[count] for count in sorted(groups)]

    def choose_first(self, lane: str | None) -> Cell:
        """Return the lane's first cell in the order of the search."""
        return order_cells([cell for cell in self._needed if self.may_measure(lane, cell)])[0]

    def find_stranded(self, cells: Iterable[Cell], lanes: Iterable[str | None]) -> list[Cell]:
        """Return those of the cells that none of these lanes may measure."""
        left = list(lanes)
        measurable = [cell for cell in cells if cell in self._needed]
        return [cell for cell in measurable if not any(self.may_measure(lane, cell) for lane in left)]

    def _count_lanes(self, cell: Cell) -> int:
        return sum(self.may_measure(lane, cell) for lane in self._most_cores)
