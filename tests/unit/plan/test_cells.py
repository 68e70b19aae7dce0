"""Expanding a matrix gives the cells that a simple expansion by hand gives."""

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.model import MIB, Limits
from harness.plan.cells import expand_cells, format_cell_id
from harness.plan.schema.matrix import MatrixFile

CPUS = st.sampled_from([0.25, 0.5, 1, 2])
MEMORY = st.sampled_from(["64m", "128MiB", "1g"])
SIZE = st.fixed_dictionaries({"cpus": CPUS, "memory": MEMORY})
RULE = SIZE | st.fixed_dictionaries({"cpus": CPUS}) | st.fixed_dictionaries({"memory": MEMORY})
AXES = st.fixed_dictionaries(
    {"cpus": st.lists(CPUS, min_size=1, max_size=4), "memory": st.lists(MEMORY, min_size=1, max_size=4)}
)
MATRIX = st.fixed_dictionaries(
    {"repetitions": st.integers(1, 3)},
    optional={
        "limits": AXES,
        "exclude": st.lists(RULE, max_size=2),
        "include": st.lists(SIZE, max_size=2),
        "sizes": st.dictionaries(st.sampled_from(["small", "large"]), SIZE),
    },
)
BYTES = {"64m": 64 * MIB, "128MiB": 128 * MIB, "1g": 1024 * MIB}


def expand_by_hand(matrix: dict[str, Any]) -> list[Limits] | None:
    """Return the limits of one repetition, by a simpler algorithm; None for a matrix with a fault."""
    axes = matrix.get("limits", {"cpus": [], "memory": []})
    product_sizes = [
        {"cpus": cpus, "memory": memory} for cpus, memory in product(axes["cpus"], axes["memory"])
    ]
    remaining = list(product_sizes)
    for rule in matrix.get("exclude", []):
        excluded = [size for size in product_sizes if all(size[key] == rule[key] for key in rule)]
        if not excluded:
            return None
        remaining = [size for size in remaining if size not in excluded]
    sizes = [*remaining, *matrix.get("include", []), *matrix.get("sizes", {}).values()]
    repeated = [values for values in axes.values() if len(set(values)) < len(values)]
    if repeated or not sizes or any(sizes.count(size) > 1 for size in sizes):
        return None
    return [Limits(size["cpus"], BYTES[size["memory"]]) for size in sizes]


@given(MATRIX)
def test_cells_equal_those_expanded_by_hand(values: dict[str, Any]) -> None:
    matrix = MatrixFile.model_validate(values)
    cells, faults = expand_cells(matrix, "web")
    expected = expand_by_hand(values)
    assert (expected is None) == bool(faults)
    assert [cell.limits for cell in cells] == (expected or []) * matrix.repetitions
    assert len({cell.id for cell in cells}) == len(cells)


@given(MATRIX)
def test_every_size_is_measured_once_before_any_is_repeated(values: dict[str, Any]) -> None:
    cells, _ = expand_cells(MatrixFile.model_validate(values), "web")
    assert [cell.repetition for cell in cells] == sorted(cell.repetition for cell in cells)


def test_an_id_is_readable_and_exact() -> None:
    assert format_cell_id("web", Limits(0.5, 256 * MIB), None) == "web-c0.50-m256"
    assert format_cell_id("web", Limits(0.125, 256 * MIB), 2) == "web-c0.125-m256-r2"
    assert format_cell_id("web", Limits(12, 2048 * MIB), None) == "web-c12.00-m2048"


def test_include_adds_a_size_that_exclude_removed() -> None:
    size = {"cpus": 1, "memory": "64m"}
    values = {"limits": {"cpus": [1, 2], "memory": ["64m"]}, "exclude": [size], "include": [size]}
    cells, faults = expand_cells(MatrixFile.model_validate(values), "web")
    assert [cell.id for cell in cells] == ["web-c2.00-m64", "web-c1.00-m64"]
    assert not faults
