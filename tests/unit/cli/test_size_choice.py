"""A command's size is found by its id, its name or its limits; of a repeated size the worst repetition."""

from dataclasses import replace

import pytest

from harness.cli.size_choice import choose_size, require_size
from harness.errors import UsageError
from harness.model import CampaignResult, CampaignState, CellResult
from tests.builders import SLOS, make_plan, make_result


def repeat(number: int, users: int, name: str | None = "medium", variant: str | None = None) -> CellResult:
    """Make a repetition of 0.5 CPU / 256 MiB that sustains so many users."""
    result = make_result(0.5, users, users + 10)
    limits = replace(result.cell.limits, variant=variant)
    return replace(result, cell=replace(result.cell, id=f"r{number}", size_name=name, limits=limits))


def make_campaign(*cells: CellResult) -> CampaignResult:
    return CampaignResult("web-1", "web", CampaignState.COMPLETE, "", 400, SLOS, cells)


BETTER, WORSE = repeat(1, 190), repeat(2, 170)


@pytest.mark.parametrize(("size", "chosen"), [("r1", BETTER), ("medium", WORSE), ("0.5/256MiB", WORSE)])
def test_a_repeated_size_is_its_worst_repetition_unless_an_id_names_another(
    size: str, chosen: CellResult
) -> None:
    assert choose_size(make_campaign(BETTER, WORSE), size) is chosen


def test_variants_of_a_size_are_several_sizes() -> None:
    campaign = make_campaign(repeat(1, 190, variant="two"), repeat(2, 170, variant="four"))
    for size in ("medium", "0.5/256MiB"):
        with pytest.raises(UsageError, match="is more than one size") as refused:
            choose_size(campaign, size)
        assert "r1" in refused.value.hint
        assert "r2" in refused.value.hint
    assert choose_size(campaign, "r2").cell.limits.variant == "four"


@pytest.mark.parametrize("size", ["large", "1/256MiB", "", "r3"])
def test_an_unknown_size_is_refused_with_the_known_ones(size: str) -> None:
    with pytest.raises(UsageError, match="is no size of this campaign") as refused:
        choose_size(make_campaign(BETTER), size)
    assert "medium" in refused.value.hint


def test_a_mistyped_size_is_known_before_the_campaign_is_judged() -> None:
    plan = make_plan((0.5, 256), (1.0, 256))
    for size in (None, plan.cells[0].id, "1 CPU / 256 MiB"):
        require_size(plan, size)
    with pytest.raises(UsageError, match="'2/256MiB' is no size of this campaign") as refused:
        require_size(replace(plan, skipped={plan.cells[1].id: "larger than this host"}), "2/256MiB")
    assert refused.value.hint == f"its sizes are {plan.cells[0].id}"
