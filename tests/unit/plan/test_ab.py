"""A comparison is planned from a matrix: the size, and what each version sets."""

import pytest

from harness.errors import UsageError
from harness.model import MIB, Limits, Plan, Variant
from harness.plan import plan_from_json, plan_to_json
from harness.plan.ab import format_size_option, parse_within_s, plan_ab
from tests.unit.plan.project import LoadWith

FOUR = 'variants: {one: unchanged, four: {environment: {WORKERS: "{4 * cpus}"}}}\n'


def get_variants(plan: Plan) -> list[Variant | None]:
    return [cell.variant for cell in plan.cells]


def test_a_version_is_a_variant_of_the_matrix_at_the_size_or_an_image_or_the_target_as_it_is(
    load_with: LoadWith,
) -> None:
    plan = plan_ab(load_with(FOUR), "1/64MiB", "unchanged", "four")
    assert [cell.id for cell in plan.cells] == ["web-c1.00-m64_base", "web-c1.00-m64_head"]
    assert [cell.limits.variant for cell in plan.cells] == ["base", "head"]
    assert get_variants(plan) == [Variant(), Variant({"WORKERS": "4"})]
    assert get_variants(plan_ab(load_with(FOUR), "0.5/64MiB", "four", "shop:2")) == [
        Variant({"WORKERS": "2"}),
        Variant(image="shop:2"),
    ]


def test_the_same_version_may_be_named_twice(load_with: LoadWith) -> None:
    plan = plan_ab(load_with(""), "0.5/64MiB", "shop:1", "shop:1")
    assert get_variants(plan) == [Variant(image="shop:1")] * 2


@pytest.mark.parametrize("size", ["0.5/64MiB", "0.5 CPU / 64 MiB", "web-c0.50-m64"])
def test_a_size_is_named_as_for_export(load_with: LoadWith, size: str) -> None:
    plan = plan_ab(load_with(""), size, "unchanged", "shop:2")
    assert {cell.limits.drop_variant() for cell in plan.cells} == {Limits(0.5, 64 * MIB)}


def test_a_size_may_be_named_by_the_id_of_one_of_its_variants(load_with: LoadWith) -> None:
    plan = plan_ab(load_with(FOUR), "web-c0.50-m64_four", "one", "four")
    assert get_variants(plan) == [Variant(), Variant({"WORKERS": "2"})]


@pytest.mark.parametrize(
    ("size", "head", "message", "hint"),
    [
        (None, "shop:2", "several sizes", "--size: 0.5/64MiB, 0.5/128MiB, 1/64MiB, 1/128MiB"),
        ("3/64MiB", "shop:2", "'3/64MiB' is no size of the matrix", "--size: 0.5/64MiB"),
        ("0.5/64MiB", "two words", "--head: ", "one of its variants (one, four), an image, or unchanged"),
        ("0.5/64MiB", "", "--head: ", "an image"),
    ],
)
def test_a_size_or_a_version_that_is_none_is_refused_with_what_there_is(
    load_with: LoadWith, size: str | None, head: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        plan_ab(load_with(FOUR), size, "unchanged", head)
    assert message in caught.value.what
    assert hint in caught.value.hint


def test_the_plan_of_a_comparison_is_stored_and_is_no_plan_of_its_matrix(load_with: LoadWith) -> None:
    measured = load_with("")
    plan = plan_ab(measured, "0.5/64MiB", "unchanged", "shop:2")
    assert plan_from_json(plan_to_json(plan)).cells == plan.cells
    assert plan.hashes["matrix"] != measured.hashes["matrix"]
    assert plan.hashes["scenario"] == measured.hashes["scenario"]


def test_the_time_is_from_a_minute_to_an_hour() -> None:
    assert parse_within_s("10m") == 600.0
    for text in ("30s", "2h", "soon", ""):
        with pytest.raises(UsageError, match="--for"):
            parse_within_s(text)


def test_a_size_is_written_as_it_is_read() -> None:
    assert format_size_option(Limits(0.125, 64 * MIB, replicas=2)) == "2x0.125/64MiB"
