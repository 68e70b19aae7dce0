"""Format measured brackets, calculated capacities, and the errors between them as a Markdown table."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.means import compute_geometric_mean

_PROMISED_MEDIAN = 0.03
_PROMISED_WORST = 0.08
"""The errors that docs/benchmarks.md sets as goals."""

_QUIET_CORES = 0.3
"""The most cores that engine, kernel and harness use on a machine without other programs."""

_COLUMNS = (
    "size",
    "bracket",
    "estimate",
    "calculated",
    "error",
    "formula",
    "cost",
    "limiting factor",
    "other programs",
    "load",
)
_ALIGNMENT = "|:--|--:|--:|--:|--:|--:|--:|:--|--:|--:|"


@dataclass(frozen=True, slots=True)
class Row:
    """A size: its entry in summary.json, its question, and the answer by calculation (None: no answer).

    `foreign_cores` are the cores of the host that other programs used; None without a window.
    """

    cell: Mapping[str, Any]
    question: Mapping[str, Any] | None
    calculated: Mapping[str, float] | None
    foreign_cores: float | None = None

    @property
    def measured_users(self) -> float | None:
        """The estimate, or the middle of the bracket; None without a bracket."""
        if self.cell["status"] != "bracketed":
            return None
        middle = compute_geometric_mean([self.cell["sustained_users"], self.cell["broken_users"]])
        return float(self.cell["estimate_users"] or middle)

    @property
    def error_ratio(self) -> float | None:
        if self.measured_users is None or not self.calculated or self.calculated["users"] <= 0:
            return None
        return self.measured_users / self.calculated["users"] - 1

    @property
    def is_calculated_in_bracket(self) -> bool:
        """True if the calculated capacity lies within the bracket."""
        if self.error_ratio is None or self.calculated is None:
            return False
        low, high = self.cell["sustained_users"], self.cell["broken_users"]
        return bool(low <= self.calculated["users"] <= high)


def format_table(rows: Sequence[Row]) -> str:
    """Return a table with one row for each size, and a summary of all errors."""
    lines = [
        _format_line(_COLUMNS),
        _ALIGNMENT,
        *(_format_line(_format_row(row)) for row in rows),
        "",
        _format_errors(rows),
    ]
    return "\n".join(lines)


def _format_line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _format_row(row: Row) -> Sequence[str]:
    cell, calculated = row.cell, row.calculated
    return (
        cell["id"],
        _format_bracket(cell),
        _format_number(row.measured_users),
        _format_number(calculated["users"] if calculated else None),
        _format_error(row.error_ratio),
        _format_number(calculated["formula"] if calculated else None),
        _format_cost(row.question),
        cell["limiting_factor"] or "–",
        "–" if row.foreign_cores is None else f"{row.foreign_cores:.2f} cores",
        f"{cell['load_s']:.0f} s",
    )


def _format_bracket(cell: Mapping[str, Any]) -> str:
    if cell["status"] == "bracketed":
        return f"{cell['sustained_users']} – {cell['broken_users']}"
    return str(cell["status"])


def _format_cost(question: Mapping[str, Any] | None) -> str:
    if question is None:
        return "–"
    if question["mode"] == "memory":
        return f"{question['base_bytes'] / 2**20:.1f} MiB + {question['held_bytes'] / 2**20:g} MiB"
    return f"{question['work_s'] * 1000:.2f} ms"


def _format_errors(rows: Sequence[Row]) -> str:
    """Describe the median and the worst error, and what the harness promises."""
    errors = [abs(row.error_ratio) for row in rows if row.error_ratio is not None]
    if not errors:
        return "No size has both a bracket and a calculated capacity."
    hit_count = sum(row.is_calculated_in_bracket for row in rows)
    return (
        f"Of {len(rows)} sizes {len(errors)} were bracketed. Error: median {statistics.median(errors):.1%} "
        f"(promised {_PROMISED_MEDIAN:.0%}), worst {max(errors):.1%} (promised {_PROMISED_WORST:.0%}). "
        f"{hit_count} of {len(errors)} brackets contain the calculated capacity.{_format_warning(rows)}"
    )


def _format_warning(rows: Sequence[Row]) -> str:
    """Return a warning if other programs used the host: the target may have had less than its limits."""
    disturbed = [row for row in rows if (row.foreign_cores or 0.0) > _QUIET_CORES]
    if not disturbed:
        return ""
    return (
        f" At {len(disturbed)} of the sizes, other programs used more than {_QUIET_CORES:g} cores of the "
        "host, which may explain the errors there: measure these sizes again on a quiet machine."
    )


def _format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _format_error(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:+.1%}"
