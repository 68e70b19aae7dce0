"""Without prices sizes are compared by their CPU and memory."""

from harness.model import GIB, Limits, Price
from harness.report import build_view, render_html
from harness.report.view.relative_cost import compare_costs
from tests.builders import make_result
from tests.unit.report import example


def test_a_core_costs_as_much_as_8_gib() -> None:
    """0.5 CPU and 4 GiB cost as much as one core; 2 CPU and 16 GiB as much as four."""
    sizes = [make_result(0.5, mib=4096), make_result(2.0, mib=16384), make_result(0.5, mib=8192)]
    assert compare_costs(sizes) == {
        Limits(0.5, 4 * GIB): "1 ×",
        Limits(2.0, 16 * GIB): "4 ×",
        Limits(0.5, 8 * GIB): "1.5 ×",
    }


def test_the_table_compares_costs_only_without_prices() -> None:
    assert "Relative cost" in render_html(build_view(example.build_campaign()))
    priced = example.build_campaign(price=Price("EUR", 0.034, 0.004))
    assert "Relative cost" not in render_html(build_view(priced))


def test_no_size_has_no_cost() -> None:
    assert compare_costs([]) == {}
