"""Read report.html as text: it loads nothing, is small and quickly rendered, and has no foreign markup.

tests/browser opens the page.
"""

import html
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
    Judgement,
    MemoryOutlook,
    MemoryTrend,
    Rule,
    Slo,
    Status,
    StepCurves,
    Verdict,
)
from harness.model.cell_evidence import ErrorsAtAnyLoad
from harness.model.evidence import SloEvaluation, SlosHold
from harness.model.failures import RequestFailure
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
    assert "No size has a step yet." in render_page(
        example.build_campaign([example.build_cell(1.0, 64, Status.RUNNING)], state=CampaignState.RUNNING)
    )
    assert "No size has a step." in render_page(example.build_campaign([example.build_failed_size()]))


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
    assert closed_band.width == pytest.approx((312 - 44) * (294 - 280) / (1.04 * 400), abs=0.2)


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
    """Every curve of a size that sustains some users spans at least 15 % of the common axis of users."""
    charts = build_charts(build_view(build_campaign_with_ramps()))
    for chart in charts.sizes:
        places = [float(x) for x in re.findall(r"[ML]([\d.]+) ", chart.rps)]
        if chart.cell.result.sustained_users:
            assert max(places) - min(places) > 0.15 * (530 - 48)


def test_users_and_rps_are_linear_where_no_curve_is_a_speck() -> None:
    """The curves end at 160 and at 400 users, so the axes reach 4 % beyond 400: 160 are at 38.5 %."""
    sizes = [example.build_cpu_bound(0.25, 96, (10, 139), (146, 160)), example.build_censored_size()]
    charts = build_charts(build_view(example.build_campaign(sizes)))
    assert [tick.label for tick in charts.overview.user_ticks] == ["0", "100", "200", "300", "400"]
    assert charts.overview.rps_ticks[0].label == "0"
    last = charts.sizes[0].overview_dots[3]
    assert last.x == pytest.approx(48 + (530 - 48) * 160 / 416, abs=0.1)
    assert charts.overview.light.startswith(f"M48 {charts.overview.frame.rps[0]:g}L")


def test_the_axis_of_users_ends_where_the_curves_do_and_not_at_the_users_asked_for() -> None:
    """2,000 users are asked for, and the only size was held at up to 160: the axis reaches 4 % beyond."""
    size = example.build_cpu_bound(0.25, 96, (10, 139), (146, 160))
    charts = build_charts(build_view(replace(example.build_campaign([size]), users_limit=2000)))
    assert [tick.label for tick in charts.overview.user_ticks] == ["0", "50", "100", "150"]
    last = charts.sizes[0].overview_dots[3]
    assert last.x == pytest.approx(48 + (530 - 48) / 1.04, abs=0.1)


def test_users_are_logarithmic_where_a_curve_would_be_a_speck() -> None:
    """From 4 to 40 of 400 users are 9 % of a linear axis, and ln 10 / ln 250 = 42 % of one from 2 to 500."""
    small = example.build_cpu_bound(0.25, 96, (4, 20), (30, 40))
    charts = build_charts(build_view(example.build_campaign([small, example.build_censored_size()])))
    first, *_, last = charts.sizes[0].overview_dots[:4]
    assert (last.x - first.x) / (530 - 48) == pytest.approx(0.417, abs=0.001)


def test_a_size_that_sustains_nothing_makes_no_axis_logarithmic() -> None:
    sizes = [example.build_size_without_capacity(), example.build_censored_size()]
    charts = build_charts(build_view(example.build_campaign(sizes)))
    assert charts.overview.user_ticks[0].label == "0"


def test_the_picture_of_all_sizes_is_scaled_by_what_it_draws() -> None:
    """It draws p95s of at most 1.5 s; a p99 of 94 s would press its curves to the ground."""
    size = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    *before, last = size.steps
    slow = replace(last, latency=replace(last.latency, p99_s=94.0))
    charts = build_charts(build_view(example.build_campaign([replace(size, steps=(*before, slow))])))
    assert "100 s" not in [tick.label for tick in charts.overview.rt_ticks]
    assert "100 s" in [tick.label for tick in charts.panel.rt_ticks]


def test_windows_lie_on_the_curves_of_all_sizes_and_show_their_verdicts() -> None:
    size = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    (chart,) = build_charts(build_view(example.build_campaign([size]))).sizes
    assert [dot.verdict for dot in chart.overview_dots] == ["PASS", "PASS", "FAIL"] * 2


def test_a_window_that_does_not_count_is_on_no_curve_but_can_be_read() -> None:
    """294 users were held twice: the first window does not count, although it is the slower one."""
    size = example.build_cpu_bound(0.5, 96, (10, 280), (294,))
    *before, last = size.steps
    slower = replace(last, rps=50.0, latency=replace(last.latency, p50_s=9.0, p95_s=9.0, p99_s=9.0))
    counted = replace(size, steps=(*before, replace(last, index=4)))
    both = replace(size, steps=(*before, slower, replace(last, index=4)), superseded_steps=(3,))
    (one,), (other,) = (
        build_charts(build_view(example.build_campaign([each]))).sizes for each in (counted, both)
    )
    assert (one.lines, one.dots) == (other.lines, other.dots)
    assert [mark.verdict for mark in other.marks] == ["PASS", "PASS", "FAIL", ""]
    assert "does not count" in other.marks[-1].description


def test_25_sizes_are_told_apart_by_colour_and_dashes() -> None:
    charts = build_charts(build_view(example.build_large_campaign(5, 5)))
    assert len({(chart.tone, chart.dash) for chart in charts.sizes}) == 25


def test_the_labels_at_the_ends_of_curves_do_not_overlap() -> None:
    charts = build_charts(build_view(build_campaign_with_ramps()))
    labels = [chart.label for chart in charts.sizes if chart.label]
    assert len(labels) == len(charts.sizes)
    for number, one in enumerate(labels):
        for other in labels[number + 1 :]:
            assert abs(one.x - other.x) >= 80 or abs(one.y - other.y) >= 9


def test_limits_next_to_each_other_are_named_together() -> None:
    """On a panel a factor of 1.2 is less than a label is high, and one of 10 is more."""
    slos = (Slo("p50", 0.1), Slo("p95", 1.0), Slo("p99", 1.2))
    charts = build_charts(build_view(example.build_campaign(slos=slos)))
    for axes in (charts.panel, charts.overview):
        assert [limit.label for limit in axes.rt_limits] == [
            "p99 of RT ≤ 1.2 s, p95 of RT ≤ 1 s",
            "",
            "p50 of RT ≤ 0.1 s",
        ]
        assert len({limit.y for limit in axes.rt_limits}) == 3


def test_an_slo_on_another_percentile_than_the_p95_has_a_column_and_a_note() -> None:
    note, size, slo = "The SLO is on the p99 of RT", example.build_censored_size(), Slo("p99", 0.5)
    evaluation = SloEvaluation(slo, 0.314, True, True)
    last = replace(size.steps[-1], judgement=Judgement(Rule.SLOS_HOLD, SlosHold((evaluation,))))
    size = replace(size, steps=(*size.steps[:-1], last))
    page = render_page(example.build_campaign([size], slos=(slo,)))
    assert note in page
    assert '<th scope="col" class="n">p99</th>\n      <th scope="col" class="n">Errors</th>' in page
    assert '<td class="n" data-sort="0.314">0.31 s</td>' in page
    for slos in (example.SLOS, (Slo("p95", 1.0), slo), (Slo("p99", 1.0, "GET /"),)):
        page = render_page(example.build_campaign([size], slos=slos))
        assert note not in page
        assert page.count('class="n">p99</th>') == 1, "only the table of the size's steps"


def test_a_search_that_is_not_over_is_called_unfinished_in_an_interrupted_campaign_too() -> None:
    page = render_page(replace(example.build_running_campaign(), state=CampaignState.INTERRUPTED))
    assert "<b>unfinished</b> not done yet" in page
    assert "not begun</span>" in page
    assert "measuring<" not in page


def test_what_a_remark_says_of_the_memory_is_not_said_twice() -> None:
    trend = MemoryTrend(MemoryOutlook.UNKNOWN, 30.0, 0, 70 * MIB, 0.0, 0.0, 0.0, 70.0 * MIB, None)
    cell = example.build_cpu_bound(0.5, 96, (280,), (294,))
    for outlook in (MemoryOutlook.UNKNOWN, MemoryOutlook.LASTS):
        steps = (replace(cell.steps[0], memory=replace(trend, outlook=outlook)), cell.steps[1])
        page = render_page(example.build_campaign([replace(cell, steps=steps)]))
        (facts,) = re.findall(r'<p class="facts">web-c0.50-m96.*</p>', page)
        assert facts.count("70 MiB of 96 MiB at 280 users") == 1


def test_repetitions_are_told_apart_beside_the_picture() -> None:
    once = example.build_cpu_bound(0.5, 96, (280,), (294,))
    again = replace(once, cell=replace(once.cell, id="again", repetition=2))
    page = render_page(example.build_campaign([once, again]))
    assert page.count("<span>0.5 CPU / 96 MiB <small>") + page.count("<span>0.5 CPU / 96 MiB</span>") == 1
    assert "<span>0.5 CPU / 96 MiB (run 2)" in page


def test_many_sizes_are_named_beside_the_chart_only() -> None:
    charts = build_charts(build_view(example.build_large_campaign(5, 5)))
    assert all(chart.label is None for chart in charts.sizes)


def test_the_shape_of_a_curve_is_said_and_its_knee_drawn() -> None:
    page = render_page(build_campaign_with_ramps())
    assert "bottleneck from about 125 users on: RPS stays at about 50.0" in page
    assert "stable up to 400 users: RPS follows the users" in page
    assert "stable up to 10 users: RPS follows the users, but it breaks there" in page
    assert page.count('class="knee"') == 4
    assert re.findall(r'class="knee-label[^>]*>(\w+)<', page) == ["bottleneck"] * 4
    assert "it lags where a queue builds" in page


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


@pytest.mark.parametrize(
    ("top", "behind", "words"),
    [
        ({"rps": 58.0}, 0.41, "stays at about 58.0 while users wait longer (p95 4.00 s at 250, 41 % behind"),
        (
            {"rps": 20.0},
            0.8,
            "falls from 60.0 to 20.0 while users wait longer (p95 4.00 s at 250, 80 % behind",
        ),
        ({"rps": 58.0, "error_ratio": 0.4}, 0.02, "(p95 4.00 s at 250, 40 % of the requests fail at 250)"),
    ],
)
def test_a_bottleneck_says_what_rps_does_and_why_answers_are_missing(
    top: dict[str, float], behind: float, words: str
) -> None:
    most = CurvePoint(200.0, 900, 60.0)
    last = replace(CurvePoint(250.0, 900, p95_s=4.0), **top)  # type: ignore[arg-type]
    curve = Curve((most, last), 0.4, CurveShape.BOTTLENECK, most, last, behind, knee_users=150.0)
    shape = describe_shape(replace(example.build_cpu_bound(0.5, 96, (200,), (250,)), curve=curve))
    assert shape.startswith("bottleneck from about 150 users on: ")
    assert words in shape


def test_errors_at_any_load_are_no_break_at_the_top_of_a_curve() -> None:
    top = CurvePoint(10.0, 300, 4.0, error_ratio=0.18, verdict=Verdict.FAIL)
    failure = RequestFailure("GET /", "HTTP 503", 54, 300)
    cell = replace(
        example.build_size_without_capacity(),
        evidence=ErrorsAtAnyLoad(example.SLOS[1], failure, ((10, 0.18),)),
        curve=Curve((top,), shape=CurveShape.STABLE, top=top),
    )
    assert describe_shape(cell) == (
        "stable up to 10 users: RPS follows the users, but too many requests fail at any load"
    )


def test_a_campaign_without_ramps_has_its_windows_only() -> None:
    page = render_page(example.build_campaign())
    assert "lags where a queue builds" not in page
    assert find_paths("ramp p95", page) == []
    assert len(find_paths("p95", page)) == 8


def test_a_comparison_draws_both_curves_of_every_common_size() -> None:
    campaign = build_campaign_with_ramps()
    differences = compare_sizes(campaign.cells, campaign.cells[:5])
    view = build_comparison(campaign, campaign, differences, [], [])
    page = render_comparison(view, differences)["comparison.html"]
    assert page.count('<figure class="panel">') == 4
    assert len(find_paths("before", page)) == len(find_paths("after", page)) == 3 * 4
    assert page.count('<path class="slo"') == 4
    assert page.count("<b>After</b> bottleneck from about 125 users on") == 2
    assert "Before: bottleneck from about 125 users on" in page


def test_slos_that_only_one_of_two_campaigns_has_are_not_drawn() -> None:
    campaign = build_campaign_with_ramps()
    stricter = replace(campaign, slos=(Slo("p95", 0.5), *example.SLOS[1:]))
    assert build_comparison(campaign, stricter, [], [], []).rt_limits == ()
    assert build_comparison(campaign, campaign, [], [], []).rt_limits == (("p95 of RT ≤ 1 s", 1.0),)


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
