"""Show sizes with several replicas in rows of their own, and shares of the limits of all replicas."""

from dataclasses import replace

from harness.model import MIB, CampaignResult, CellResult, Limits
from harness.report import build_view, render_report
from tests.unit.report import example


def double_replicas(result: CellResult) -> CellResult:
    limits = replace(result.cell.limits, replicas=2)
    return replace(result, cell=replace(result.cell, id=f"{result.cell.id}-x2", limits=limits))


def build_campaign_with_replicas() -> CampaignResult:
    one = example.build_cpu_bound(0.5, 96, (10, 120), (130,))
    two = double_replicas(example.build_cpu_bound(0.25, 96, (10, 130), (140,)))
    return example.build_campaign([one, two])


def test_sizes_with_several_replicas_have_a_row_of_their_own() -> None:
    grid = build_view(build_campaign_with_replicas()).grid
    assert [words for _, words in grid.cpus] == ["0.5 CPU", "2 × 0.25 CPU"]
    assert set(grid.sizes) == {((0.5, 1), 96 * MIB), ((0.25, 2), 96 * MIB)}


def test_replicas_are_shown_in_every_file() -> None:
    files = render_report(build_campaign_with_replicas())
    for name in ("report.html", "summary.md"):
        assert "2 × 0.25 CPU / 96 MiB" in files[name], name
    assert ",replicas,engine," in files["summary.csv"].splitlines()[0]
    assert '"replicas": 2' in files["summary.json"]


def test_cpu_used_is_a_share_of_the_limits_of_all_replicas() -> None:
    two = build_view(build_campaign_with_replicas()).cells[1]
    used = two.result.cpu_used_cores or 0.0
    assert two.cpu_share == f"{used / 0.5 * 100:.0f} %"
    assert two.result.cell.limits == Limits(0.25, 96 * MIB, 2)
