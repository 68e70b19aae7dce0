"""A host measures only sizes that leave a core for the generator, and memory for the host itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import GIB, MIB
from harness.plan import fit_to_host
from harness.plan.host_fit import compute_available_bytes, compute_available_cores
from tests.unit.plan.project import LoadWith


def test_cells_larger_than_the_host_can_give_are_skipped_with_the_reason(load_with: LoadWith) -> None:
    plan = load_with("include: [{cpus: 1.5, memory: 64m}, {cpus: 1, memory: 4g}, {cpus: 4, memory: 8g}]\n")
    cores_text = "needs {} cores; this host has 2 and the generator keeps one, which leaves 1.00"
    memory_text = "needs {} MiB; this host has 4096 MiB, of which a target may use 3072 MiB"
    assert fit_to_host(plan, 2, 4 * GIB).skipped == {
        "web-c1.50-m64": cores_text.format("1.50"),
        "web-c1.00-m4096": memory_text.format(4096),
        "web-c4.00-m8192": f"{cores_text.format('4.00')}; {memory_text.format(8192)}",
    }


def test_fitting_to_a_larger_host_drops_the_skips_of_a_smaller_one(load_with: LoadWith) -> None:
    plan = load_with("")
    assert fit_to_host(fit_to_host(plan, 1, GIB), 8, 16 * GIB) == plan


@pytest.mark.parametrize(("cores", "left"), [(1, 0.5), (1.5, 0.75), (2, 1), (8, 7)])
def test_the_generator_keeps_a_core_or_half_of_the_only_one(cores: float, left: float) -> None:
    assert compute_available_cores(cores) == left


@pytest.mark.parametrize(
    ("total", "left"), [(GIB // 2, 0), (GIB, 0), (2 * GIB, GIB), (4 * GIB, 3 * GIB), (10 * GIB, 8 * GIB)]
)
def test_a_fifth_of_the_memory_and_at_least_a_gib_stays_with_the_host(total: int, left: float) -> None:
    assert compute_available_bytes(total) == left


@given(st.integers(0, 2**50))
def test_more_memory_never_gives_less(total: int) -> None:
    assert 0 <= compute_available_bytes(total) <= compute_available_bytes(total + MIB) <= total + MIB
