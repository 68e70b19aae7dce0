"""Presets hold the sizes that are on sale, with dated prices; a matrix takes those within its ranges."""

from dataclasses import replace
from datetime import date
from typing import get_args

import pytest

from harness.model import GIB, MIB, Limits, Price
from harness.plan.schema.presets import PresetName, SoldPrice
from harness.plan.size_presets import (
    PRESETS_FOLDER,
    SizePreset,
    build_preset_price,
    describe_preset_price,
    find_smallest_size,
    list_sizes,
    read_preset,
)
from tests.unit.plan.project import LoadWith, Project

NAMES: tuple[str, ...] = get_args(PresetName)
TARGET = "target: targets/web\n"


def load_sizes(project: Project, lines: str) -> list[tuple[float, int, int]]:
    project.write({"matrix.yaml": TARGET + lines})
    plan = project.load()
    return [
        (cell.limits.cpu_cores, cell.limits.memory_bytes // MIB, cell.limits.replicas) for cell in plan.cells
    ]


def test_every_preset_has_its_file_and_every_file_its_name() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in PRESETS_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_size_of_a_preset_is_listed_once(name: str) -> None:
    listed = [
        (cpus, memory)
        for entry in read_preset(name).sizes
        for cpus in entry.cpus
        for memory in (*entry.memory, *entry.gib_per_cpu, entry.memory_steps)
        if memory is not None
    ]
    assert len(list_sizes(read_preset(name))) >= len(listed)
    assert all(size.memory_bytes % MIB == 0 for size in list_sizes(read_preset(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_price_has_a_day_that_is_past_and_a_source(name: str) -> None:
    price = read_preset(name).price
    assert (price is None) == (name == "kubernetes-quarters")
    if price is not None:
        assert date(2026, 1, 1) <= date.fromisoformat(price.as_of) <= date.today()
        assert "/" in price.source
        assert price.cpu_hour > price.gib_hour > 0


def test_fargate_has_the_pairs_that_its_documentation_lists() -> None:
    sizes = list_sizes(read_preset("aws-fargate"))
    by_cpu = {cpus: [s.memory_bytes // MIB for s in sizes if s.cpu_cores == cpus] for cpus in (0.25, 0.5, 16)}
    assert by_cpu[0.25] == [512, 1024, 2048]
    assert by_cpu[0.5] == [1024, 2048, 3072, 4096]
    assert by_cpu[16] == [gib * 1024 for gib in range(32, 121, 8)]
    assert len(sizes) == 3 + 4 + 7 + 13 + 23 + 12 + 12


def test_container_apps_have_two_gib_for_each_core() -> None:
    sizes = list_sizes(read_preset("azure-container-apps"))
    assert len(sizes) == 16
    assert all(size.memory_bytes == size.cpu_cores * 2 * GIB for size in sizes)


def test_a_matrix_takes_the_sizes_within_its_ranges(project: Project) -> None:
    lines = "sizes: {preset: aws-fargate, cpus: {at_least: 0.5, at_most: 1}, memory: {at_most: 2GiB}}\n"
    assert load_sizes(project, lines) == [(0.5, 1024, 1), (0.5, 2048, 1), (1.0, 2048, 1)]


def test_a_preset_without_ranges_is_taken_whole_and_replicas_are_an_axis(project: Project) -> None:
    assert len(load_sizes(project, "sizes: {preset: azure-container-apps}\n")) == 16
    lines = "sizes: {preset: azure-container-apps, cpus: {at_most: 0.25}, replicas: [1, 2]}\n"
    assert load_sizes(project, lines) == [(0.25, 512, 1), (0.25, 512, 2)]


def test_further_sizes_stand_in_limits_and_include(project: Project) -> None:
    lines = "include: [{cpus: 3, memory: 1g}]\nsizes: {preset: aws-fargate, cpus: {at_most: 0.25}}\n"
    assert len(load_sizes(project, lines)) == 4


def test_a_size_may_still_be_called_preset(project: Project) -> None:
    assert load_sizes(project, "sizes: {preset: {cpus: 1, memory: 64m}}\n") == [(1.0, 64, 1)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "sizes: {preset: aws-fargte}\n",
            "sizes.preset: \"aws-fargte\" is not known; write 'aws-fargate', 'azure-container-apps', "
            "'gcp-cloud-run' or 'kubernetes-quarters'",
        ),
        (
            "sizes: {preset: aws-fargate, cpu: {at_most: 1}}\n",
            'sizes: unknown key "cpu"; did you mean "cpus"?',
        ),
        (
            "sizes: {preset: aws-fargate, cpus: {at_least: 2, at_most: 1}}\n",
            "sizes.cpus: at_most is less than at_least; write the smaller amount as at_least",
        ),
        (
            "sizes: {preset: aws-fargate, memory: {at_most: 64m}}\n",
            "sizes: aws-fargate has no size within these ranges; write wider ones, it has 0.25 cores with "
            "512MiB to 2048MiB; 0.50 cores with 1024MiB to 4096MiB; 1.00 cores with 2048MiB to 8192MiB; "
            "…; 16.00 cores with 32768MiB to 122880MiB",
        ),
        (
            "sizes: {preset: aws-fargate, cpus: 2}\n",
            "sizes.cpus: 2 is not a range; write {at_least: 2, at_most: 2}",
        ),
        (
            "sizes: {preset: aws-fargate, memory: [1GiB, 2GiB]}\n",
            "sizes.memory: a list is not a range; write {at_least: 1GiB, at_most: 2GiB}",
        ),
    ],
)
def test_a_mistake_is_one_line_with_what_to_write(project: Project, lines: str, message: str) -> None:
    project.write({"matrix.yaml": TARGET + lines})
    (mistake,) = project.find_mistakes()
    assert mistake.partition(" ")[2] == message


def test_a_size_that_is_listed_elsewhere_too_is_named(project: Project) -> None:
    project.write(
        {
            "matrix.yaml": TARGET
            + "include: [{cpus: 0.25, memory: 512m}]\nsizes: {preset: aws-fargate, cpus: {at_most: 0.25}}\n"
        }
    )
    (mistake,) = project.find_mistakes()
    assert mistake.endswith("the size of 0.25 cores and 512MiB is there already, in include; keep one")


def test_list_prices_count_unless_the_matrix_has_prices(project: Project) -> None:
    lines = TARGET + "sizes: {preset: aws-fargate, cpus: {at_most: 0.25}}\n"
    project.write({"matrix.yaml": lines})
    plan = project.load()
    assert plan.price is not None
    assert (plan.price.cpu_hour, plan.price.gib_hour, plan.price.currency) == (0.04048, 0.004445, "USD")
    assert plan.price.source.startswith("list price of AWS Fargate on 2026-03-01: on demand, Linux on x86")
    assert any("list price of AWS Fargate on 2026-03-01" in note for note in plan.notes)
    project.write({"matrix.yaml": lines + "price: {cpu_hour: 1, currency: EUR}\n"})
    plan = project.load()
    assert plan.price == Price("EUR", 1.0, is_of_list=True)
    assert plan.price.has_fixed_sizes
    assert any("those of the matrix" in note for note in plan.notes)


def test_a_preset_without_prices_says_so(load_with: LoadWith, project: Project) -> None:
    project.write({"matrix.yaml": TARGET + "sizes: {preset: kubernetes-quarters, cpus: {at_most: 0.25}}\n"})
    plan = project.load()
    assert plan.price is None
    assert any("kubernetes-quarters has no prices" in note for note in plan.notes)


def test_a_price_that_is_older_than_a_year_says_so() -> None:
    preset = SizePreset("aws-fargate", read_preset("aws-fargate"))
    fresh = describe_preset_price(preset, date(2027, 3, 1), is_replaced=False)
    assert "older" not in fresh
    assert "older than a year" in describe_preset_price(preset, date(2027, 3, 2), is_replaced=False)
    assert "older" not in describe_preset_price(preset, date(2030, 1, 1), is_replaced=True)


def test_the_smallest_size_on_sale_covers_cpu_and_memory_of_one_replica() -> None:
    fargate, cloud_run = read_preset("aws-fargate"), read_preset("gcp-cloud-run")
    assert find_smallest_size(fargate, Limits(0.5, 256 * MIB, 3)) == Limits(0.5, 1 * GIB)
    assert find_smallest_size(fargate, Limits(0.3, 5 * GIB)) == Limits(1, 5 * GIB)
    assert find_smallest_size(fargate, Limits(17, GIB)) is None
    assert find_smallest_size(cloud_run, Limits(0.5, 100 * MIB)) == Limits(1, 512 * MIB)
    assert find_smallest_size(cloud_run, Limits(1, 768 * MIB)) == Limits(1, 768 * MIB)
    assert find_smallest_size(cloud_run, Limits(1, 5 * GIB)) == Limits(2, 5 * GIB)


def test_a_preset_of_no_common_price_has_none() -> None:
    sold = read_preset("gcp-cloud-run")
    assert isinstance(sold.price, SoldPrice)
    preset = SizePreset("gcp-cloud-run", sold)
    price = build_preset_price(preset)
    assert price is not None
    assert price.cpu_hour == pytest.approx(3600 * 0.000018)
    assert price.gib_hour == pytest.approx(3600 * 0.000002)
    assert build_preset_price(replace(preset, sold=read_preset("kubernetes-quarters"))) is None
