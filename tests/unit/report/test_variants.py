"""Variants in every report: a matrix of each, the best of each size, and what tuning is worth."""

from dataclasses import replace

import pytest

from harness.analyse.result.comparison import compare_sizes
from harness.model import CampaignResult, CellResult, Tuning, Variant
from harness.report import build_comparison, build_view, render_report
from harness.report.view.variant_text import describe_variant
from harness.report.view.variants import select_best_variants
from tests.unit.report import example


def name_variant(result: CellResult, name: str, workers: int) -> CellResult:
    cell = replace(
        result.cell,
        id=f"{result.cell.id}_{name}",
        limits=replace(result.cell.limits, variant=name),
        variant=Variant({"WORKERS": str(workers)}),
    )
    return replace(result, cell=cell)


def build_campaign_with_variants() -> CampaignResult:
    sizes = ((0.5, (10, 97), (101,), (10, 98), (102,)), (1.0, (10, 195), (204,), (10, 390), (399,)))
    cells = []
    for cores, one_passes, one_fails, four_passes, four_fails in sizes:
        cells.append(name_variant(example.build_cpu_bound(cores, 96, one_passes, one_fails), "one", 1))
        cells.append(name_variant(example.build_cpu_bound(cores, 96, four_passes, four_fails), "four", 4))
    cells.append(name_variant(example.build_censored_size(2.0, 96), "one", 1))
    cells.append(name_variant(example.build_censored_size(2.0, 96), "four", 8))
    return example.build_campaign(cells)


def test_the_matrix_has_the_best_variant_of_each_size() -> None:
    view = build_view(build_campaign_with_variants())
    shown = [cell.id for cells in view.grid.sizes.values() for cell in cells]
    assert "web-c1.00-m96_four" in shown
    assert "web-c1.00-m96_one" not in shown
    assert len(shown) == 3


def test_at_the_size_to_take_the_matrix_has_the_variant_to_take() -> None:
    """Both variants pass with all 400 users at 2 CPUs. The other one is expected to sustain more."""
    views = build_view(build_campaign_with_variants())
    pair = [cell for cell in views.cells if cell.result.cell.limits.cpu_cores == 2.0]
    one, four = (replace(cell, is_recommended=False) for cell in pair)
    tuning = Tuning(one.result.cell.limits.drop_variant(), one.result, four.result, differs=False)
    assert select_best_variants([one, four], [tuning]) == [one]
    taken = replace(four, is_recommended=True)
    assert select_best_variants([one, taken], [tuning]) == [taken]


def test_each_variant_has_a_matrix_of_its_own_with_what_it_sets() -> None:
    one, four = build_view(build_campaign_with_variants()).variants
    assert (one.name, one.sets, len(one.grid.sizes)) == ("one", "WORKERS=1", 3)
    assert (four.name, four.sets) == ("four", "")


def test_what_tuning_is_worth_is_told_against_a_larger_size() -> None:
    tunings = build_view(build_campaign_with_variants()).tunings
    assert tunings == (
        "At 1 CPU / 96 MiB four sustains 390 (390–399) users, one 195 (195–204); "
        "with one it takes 2 CPU / 96 MiB for as many.",
        "No difference between the variants is shown at 0.5 CPU / 96 MiB, 2 CPU / 96 MiB.",
    )


def test_variants_are_shown_in_every_file() -> None:
    files = render_report(build_campaign_with_variants())
    for name in ("report.html", "summary.md"):
        assert "1 CPU / 96 MiB (four)" in files[name].replace("\u00a0", " "), name
        assert "with one it takes" in files[name], name
    assert ",variant," in files["summary.csv"].splitlines()[0]
    assert '"variant": "four"' in files["summary.json"]
    assert '"instead": "web-c2.00-m96_one"' in files["summary.json"]
    assert "WORKERS=8" in files["report.html"]


def test_while_a_size_has_no_answer_all_of_its_variants_are_shown() -> None:
    running = [name_variant(example.build_running_size(), name, 1) for name in ("one", "four")]
    view = build_view(example.build_campaign(running))
    (cells,) = view.grid.sizes.values()
    assert len(cells) == 2
    assert view.tunings == ()


def test_a_campaign_without_variants_shows_none() -> None:
    view = build_view(example.build_campaign())
    assert (view.variants, view.tunings) == ((), ())
    assert "Each variant by itself" not in render_report(example.build_campaign())["report.html"]


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (Variant(), "the target as it is"),
        (Variant({"A": "1", "B": "x y"}), "A=1, B=x y"),
        (Variant(command=("serve", "-w", "2 3"), entrypoint=()), "entrypoint: none, command: serve -w '2 3'"),
        (Variant(image="web:2"), "image: web:2"),
        (Variant({"A": "\x1b[31mred\n"}), "A=red"),
    ],
)
def test_what_a_variant_sets_is_one_line(variant: Variant, words: str) -> None:
    assert describe_variant(variant) == words


def test_a_variant_that_sets_something_else_in_the_second_campaign_is_told_once() -> None:
    """Four sets WORKERS=4 at 0.5 and 1 CPU, and 8 at 2; then 6 at all sizes. One is as it was."""
    campaign = build_campaign_with_variants()
    changed = [
        name_variant(each, "four", 6) if each.cell.limits.variant == "four" else each
        for each in [
            replace(cell, cell=replace(cell.cell, id=cell.cell.id.partition("_")[0]))
            for cell in campaign.cells
        ]
    ]
    differences = compare_sizes(campaign.cells, changed)
    view = build_comparison(campaign, campaign, differences, ["matrix"], [])
    assert view.changed == (
        "the matrix",
        "what the variant four sets (at 0.5 CPU / 96 MiB WORKERS=6, before WORKERS=4)",
    )
    unchanged = build_comparison(campaign, campaign, compare_sizes(campaign.cells, campaign.cells), [], [])
    assert unchanged.changed == ()
