"""Read report.html as text: it loads nothing, is small and quickly rendered, and has no foreign markup.

tests/browser opens the page.
"""

import html
import math
import re
import time
from dataclasses import replace

import pytest

from harness.analyse.result.comparison import compare_sizes
from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    CellResult,
    Curve,
    CurvePoint,
    CurveShape,
    Status,
    StepCurves,
    Verdict,
)
from harness.report import build_comparison, build_view, render_comparison, render_html
from harness.report.html.charts import build_charts
from harness.report.html.distribution_chart import build_distribution_chart
from harness.report.view.curves import describe_shape
from harness.report.view.glossary import INNER_TERMS, PAGE_TERMS
from tests.unit.report import example


def render_page(result: CampaignResult) -> str:
    return render_html(build_view(result))


def test_the_page_loads_nothing() -> None:
    text = render_page(example.build_campaign())
    assert not re.search(r"\b(src|srcset|href|action)\s*=\s*[\"'](?!#)", text)
    assert not re.search(r"url\(|@import|https?://|import\(|fetch\(", text)
    assert "default-src &#39;none&#39;" in text


def test_hostile_texts_are_shown_and_never_markup() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    text = render_page(example.build_campaign_of_foreign_texts(hostile))
    assert "<img" not in text
    assert "alert(1)&lt;/script&gt;" in text
    assert text.count("<script") == 3


def test_the_page_reloads_only_while_the_campaign_runs() -> None:
    assert 'id="refreshing" data-every-s="10"' in render_page(example.build_running_campaign())
    assert 'id="refreshing"' not in render_page(example.build_campaign())
    assert 'id="refreshing"' not in render_page(example.build_campaign(state=CampaignState.INTERRUPTED))


def test_a_campaign_without_any_step_has_a_page() -> None:
    assert "No size has a step yet" in render_page(
        example.build_campaign([example.build_cell(1.0, 64, Status.RUNNING)], state=CampaignState.RUNNING)
    )


def test_25_sizes_make_less_than_2_mb_in_less_than_a_second() -> None:
    view = build_view(example.build_large_campaign(5, 5))
    render_html(view)
    began = time.process_time()
    text = render_html(view)
    assert time.process_time() - began < 1
    assert len(text.encode()) < 2_000_000


def test_a_step_without_answers_leaves_a_gap_and_no_zero() -> None:
    charts = build_charts(build_view(example.build_campaign([example.build_memory_bound()])))
    (p95,) = [line.path for line in charts.sizes[0].lines if line.kind == "p95"]
    assert p95.count("M") + p95.count("L") == 3
    assert [mark.verdict for mark in charts.sizes[0].marks] == ["PASS", "PASS", "PASS", "FAIL"]


def test_the_band_spans_the_bracket() -> None:
    charts = build_charts(build_view(example.build_campaign()))
    bands = {chart.cell.size: chart.band for chart in charts.sizes}
    open_band, closed_band = bands["1 CPU / 96 MiB"], bands["0.5 CPU / 96 MiB"]
    assert open_band is not None
    assert closed_band is not None
    assert open_band.x + open_band.width >= 312.0
    assert closed_band.width == pytest.approx((312 - 44) * math.log(294 / 280) / math.log(500 / 5), abs=0.2)


def test_the_page_explains_its_words() -> None:
    text = render_page(example.build_campaign())
    assert "Words used here" in text
    words = html.unescape(text)
    for term in PAGE_TERMS:
        assert f"<dt>{term.name}</dt><dd>{term.meaning}</dd>" in words


def test_every_word_has_one_meaning() -> None:
    names = [term.name for term in (*PAGE_TERMS, *INNER_TERMS)]
    assert len(names) == len(set(names))


def add_ramp(cell: CellResult, cpu_cores: float) -> CellResult:
    """Return the cell with a ramp to its last step by the closed model of the example."""
    *before, last = cell.steps
    ramp = []
    for share in range(1, 11):
        users = max(1, last.users * share // 11)
        step = example.build_step(1, users, cpu_cores)
        point = CurvePoint(
            float(users),
            40,
            step.rps,
            step.latency.p50_s,
            step.latency.p95_s,
            0.0,
            step.target.cpu_cores,
            step.target.throttled_ratio,
            float(step.target.memory_peak_bytes or MIB),
            is_on_ramp=True,
        )
        ramp.append(point)
    return replace(cell, steps=(*before, replace(last, curves=StepCurves(tuple(ramp), 20.0))))


def build_campaign_with_ramps() -> CampaignResult:
    return example.build_campaign(
        add_ramp(cell, cell.cell.limits.cpu_cores) if cell.steps else cell for cell in example.NINE_SIZES
    )


def find_paths(kind: str, page: str) -> list[str]:
    return re.findall(rf'<path class="line {kind}" d="([^"]*)"/>', page)


def test_every_curve_has_eight_points_over_four_fifths_of_its_users() -> None:
    charts = build_charts(build_view(build_campaign_with_ramps()))
    assert len(charts.sizes) == 8
    for chart in charts.sizes:
        if chart.cell.result.cell.limits.memory_bytes == 48 * MIB:
            continue
        assert chart.rps.count("L") + 1 >= 8
        users = [point.users for point in chart.cell.result.curve.points]  # type: ignore[union-attr]
        assert max(users) - min(users) >= 0.8 * max(users)


def test_no_curve_of_nine_is_a_speck() -> None:
    """On the common scale of users every curve spans at least a quarter of the chart's width."""
    charts = build_charts(build_view(build_campaign_with_ramps()))
    for chart in charts.sizes:
        places = [float(x) for x in re.findall(r"[ML]([\d.]+) ", chart.rps)]
        if len(places) > 3:
            assert max(places) - min(places) > (530 - 48) / 4


def test_the_labels_at_the_ends_of_curves_do_not_overlap() -> None:
    charts = build_charts(build_view(build_campaign_with_ramps()))
    labels = [chart.label for chart in charts.sizes if chart.label]
    assert len(labels) == len(charts.sizes)
    for number, one in enumerate(labels):
        for other in labels[number + 1 :]:
            assert abs(one.x - other.x) >= 80 or abs(one.y - other.y) >= 9


def test_many_sizes_are_named_beside_the_chart_only() -> None:
    charts = build_charts(build_view(example.build_large_campaign(5, 5)))
    assert all(chart.label is None for chart in charts.sizes)


def test_the_shape_of_a_curve_is_said_and_its_knee_drawn() -> None:
    page = render_page(build_campaign_with_ramps())
    assert "bottleneck from about 125 users on: RPS stays at about 50.0" in page
    assert "stable up to 400 users: RPS follows the users" in page
    assert "stable up to 10 users: RPS follows the users, but it breaks there" in page
    assert page.count('class="knee"') == 4


@pytest.mark.parametrize(
    ("top_users", "verdict", "breaks"),
    [
        (400.0, Verdict.FAIL, ", but it breaks at 367 users already"),
        (367.0, Verdict.FAIL, ", but it breaks there"),
        (353.0, Verdict.PASS, ""),
    ],
)
def test_a_stable_curve_of_a_size_that_breaks_says_where(
    top_users: float, verdict: Verdict, breaks: str
) -> None:
    """The size broke at 367 users, although RPS still followed 400."""
    top = CurvePoint(top_users, 3000, 148.0, verdict=verdict)
    cell = example.build_cpu_bound(1.0, 96, (353,), (367,))
    shaped = replace(cell, curve=Curve((top,), shape=CurveShape.STABLE, top=top))
    assert describe_shape(shaped) == f"stable up to {top_users:.0f} users: RPS follows the users{breaks}"


def test_a_campaign_without_ramps_has_its_windows_only() -> None:
    page = render_page(example.build_campaign())
    assert find_paths("ramp p95", page) == []
    assert len(find_paths("p95", page)) == 8


def test_a_comparison_draws_both_curves_of_every_common_size() -> None:
    campaign = build_campaign_with_ramps()
    differences = compare_sizes(campaign.cells, campaign.cells[:5])
    view = build_comparison(campaign, campaign, differences, [], [])
    page = render_comparison(view, differences)["comparison.html"]
    assert page.count('<figure class="panel">') == 4
    assert len(find_paths("before", page)) == len(find_paths("after", page)) == 3 * 4


def test_response_times_of_the_last_pass_and_the_first_failure_lie_over_each_other() -> None:
    """Half of the requests are as fast at the failure; its slowest hundredth takes ten times as long."""
    cell = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    *_, passed, failed = cell.steps
    times = (((50.0, 0.1), (99.0, 0.5)), ((50.0, 0.1), (99.0, 5.0)))
    steps = [
        replace(step, curves=StepCurves(percentiles=each))
        for step, each in zip((passed, failed), times, strict=True)
    ]
    view = build_view(example.build_campaign([replace(cell, steps=tuple(steps))]))
    chart = build_distribution_chart(view.cells[0], view.rt_limits)
    assert chart is not None
    assert [(each.users, each.verdict) for each in chart.distributions] == [(280, "PASS"), (294, "FAIL")]
    starts = {each.path.partition("L")[0] for each in chart.distributions}
    ends = {each.path.partition("L")[2] for each in chart.distributions}
    assert (len(starts), len(ends)) == (1, 2)
    assert "280 users: PASS" in render_html(view)


def test_older_campaigns_have_no_distributions() -> None:
    view = build_view(example.build_campaign())
    assert [build_distribution_chart(cell, view.rt_limits) for cell in view.cells] == [None] * 9
