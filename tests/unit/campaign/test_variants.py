"""A campaign runs each cell with what its variant sets, and with its image."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.variant_images import list_image_targets, sum_up_images
from harness.errors import UsageError
from harness.measure.protocols import Image
from harness.model import ImageSource, Plan, Variant
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.campaign.fake_campaign import FakeCampaign


def make_plan_with_variants(
    variants: Sequence[tuple[str, Variant]], sizes: Sequence[tuple[float, int]] = ((0.5, 256),)
) -> Plan:
    plan = make_plan(*sizes, strategy="bisect", users_limit=20)
    cells = tuple(
        replace(cell, id=f"{cell.id}_{name}", limits=replace(cell.limits, variant=name), variant=variant)
        for cell in plan.cells
        for name, variant in variants
    )
    return replace(plan, cells=cells)


BASE_AND_HEAD = make_plan_with_variants(
    [("base", Variant()), ("head", Variant({"WORKERS": "2"}, image="web:2"))]
)


def test_a_cell_runs_the_target_and_the_image_of_its_variant(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, BASE_AND_HEAD, Service(), reports_each_step=True)
    campaign.measure()
    ran = {
        cell.limits.variant: (target, image)
        for cell, (target, image) in zip(campaign.fake.host.runs, campaign.fake.host.ran, strict=True)
    }
    assert ran["base"][0] == BASE_AND_HEAD.target
    assert ran["base"][1].reference == "web:1"
    assert ran["head"][0].environment == {"WORKERS": "2"}
    assert ran["head"][0].source == ImageSource("web:2")
    assert ran["head"][1].reference == "web:2"


def test_the_answer_of_a_variant_does_not_follow_from_that_of_another(tmp_path: Path) -> None:
    plan = replace(BASE_AND_HEAD, users_limit=20, users_required=20)
    results = FakeCampaign(tmp_path, plan, Service()).measure_cells()
    assert all(result.steps for result in results.values())


def test_the_variant_that_was_best_at_the_size_before_is_measured_first(tmp_path: Path) -> None:
    """The base needs 6 ms for a request and the head 3: 0.03 cores make 5 or 10 requests a second.

    With a pause of 2.5 s these are about 14 and 28 users, of whom 20 are asked for.
    """
    plan = make_plan_with_variants(
        [("base", Variant()), ("head", Variant(image="web:2"))], [(0.03, 256), (0.02, 256)]
    )
    campaign = FakeCampaign(tmp_path, plan, Service())
    quick = {"web:2": replace(Service(), cpu_s=0.003)}
    campaign.backends = {None: FakeBackends(services=quick).to_backends()}
    campaign.measure()
    assert [line for line in campaign.listener.lines if line.startswith("start ")] == [
        "start web-c0.03-m256_base",
        "start web-c0.03-m256_head",
        "start web-c0.02-m256_head",
        "start web-c0.02-m256_base",
    ]


def test_a_changed_image_of_a_variant_ends_a_resumed_campaign(tmp_path: Path) -> None:
    campaign = FakeCampaign(tmp_path, BASE_AND_HEAD, Service())
    campaign.measure()
    campaign.fake.host.digests["web"] = "sha256:other"
    with pytest.raises(UsageError, match="the image web:1, web:2 has changed since this campaign started"):
        campaign.measure()


def test_variants_without_images_run_the_target_s_own() -> None:
    plan = make_plan_with_variants([("a", Variant({"A": "1"})), ("b", Variant({"A": "2"}))])
    assert list(list_image_targets(plan)) == [None]
    image = Image("web:1", "sha256:1")
    assert sum_up_images([image]) is image
