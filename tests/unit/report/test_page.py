"""Read report.html as text: it loads nothing, is small and quickly rendered, and has no foreign markup.

tests/browser opens the page.
"""

import html
import re
import time

from harness.model import CampaignResult, CampaignState, Status
from harness.report import build_view, render_html
from harness.report.html.charts import build_charts
from harness.report.view.glossary import GLOSSARY, PAGE_TERMS
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
    assert text.count("<script") == 2


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
    p95 = charts.sizes[0].rt[1].path
    assert p95.count("M") + p95.count("L") == 3
    assert [mark.verdict for mark in charts.sizes[0].marks] == ["PASS", "PASS", "PASS", "FAIL"]


def test_the_band_spans_the_bracket() -> None:
    charts = build_charts(build_view(example.build_campaign()))
    bands = {chart.cell.size: chart.band for chart in charts.sizes}
    open_band, closed_band = bands["1 CPU / 96 MiB"], bands["0.5 CPU / 96 MiB"]
    assert open_band is not None
    assert closed_band is not None
    assert open_band.x == 312.0
    assert round(closed_band.width / (312 - 44) * 400) == 14


def test_the_page_explains_its_words() -> None:
    text = render_page(example.build_campaign())
    assert "Words used here" in text
    words = html.unescape(text)
    for term in PAGE_TERMS:
        assert f"<dt>{term.name}</dt><dd>{term.meaning}</dd>" in words


def test_every_word_has_one_meaning() -> None:
    names = [term.name for term in GLOSSARY]
    assert len(names) == len(set(names))
