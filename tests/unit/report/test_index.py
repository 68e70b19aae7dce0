"""Render results/index.html: every campaign, the trend of each size, and every comparison of two versions."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from harness.model.summaries import Summary
from harness.report import render_ab, render_index
from harness.store import hold_folder, read_comparisons, read_summaries
from tests.soak.fuzz import mutate
from tests.unit.report import ab_example


def store_summary(results: Path, name: str, users: int | None, **changes: Any) -> None:
    cell = {
        "cpu_cores": 0.5,
        "memory_bytes": 256 << 20,
        "status": "bracketed",
        "sustained_users": users,
        "broken_users": users and users + 5,
    }
    document = {"format": 1, "target": "web", "state": "complete", "users_limit": 400, "cells": [cell]}
    (results / name).mkdir(parents=True)
    (results / name / "summary.json").write_text(json.dumps({**document, **changes}))


def test_campaigns_are_listed_newest_first_with_the_trend_of_each_size(tmp_path: Path) -> None:
    store_summary(tmp_path, "20260101-web", 100)
    store_summary(tmp_path, "20260102-web", 120)
    (tmp_path / "latest").symlink_to("20260102-web")
    page = render_index(read_summaries(tmp_path))
    assert page.index("20260102-web</a></th><td>web") < page.index("20260101-web</a></th><td>web")
    assert "100 – 105" in page
    assert "120 – 125" in page
    assert "+20 %" in page.replace("\u00a0", " ")
    assert page.count('<path d="M') == 1


def make_cell(
    cell_id: str, sustained: int | None, broken: int | None, status: str = "bracketed"
) -> dict[str, Any]:
    """Make a size of 0.5 CPU / 256 MiB as summary.json has it."""
    cell = {"id": cell_id, "cpu_cores": 0.5, "memory_bytes": 256 << 20, "status": status}
    return {**cell, "sustained_users": sustained, "broken_users": broken}


def test_the_list_says_which_size_to_take_and_how_many_sustain_the_users(tmp_path: Path) -> None:
    cells = [make_cell("large", 400, None, "censored"), make_cell("small", 100, 105)]
    store_summary(tmp_path, "20260101-web", None, cells=cells, take={"cell": "large"})
    store_summary(tmp_path, "20260102-web", None, cells=cells[1:], take=None)
    store_summary(tmp_path, "20260103-web", None, cells=[], state="interrupted")
    page = render_index(read_summaries(tmp_path))
    assert ">take 0.5 CPU / 256 MiB for 400 users; 1 of 2 sizes sustains them<" in page
    assert ">none of 1 size sustains 400 users<" in page
    assert ">no size has an answer<" in page


def test_a_campaign_that_was_killed_is_interrupted_and_one_whose_folder_is_held_runs(tmp_path: Path) -> None:
    store_summary(tmp_path, "20260101-web", 100, state="running")
    page = render_index(read_summaries(tmp_path))
    assert "<td>interrupted</td>" in page
    assert ">so far: none of 1 size sustains 400 users<" in page
    with hold_folder(tmp_path / "20260101-web"):
        assert "<td>running</td>" in render_index(read_summaries(tmp_path))


@pytest.mark.parametrize(
    ("before", "now", "change", "bracket"),
    [
        ((100, 105, "bracketed"), (90, 95, "bracketed"), "-10 %", "90 – 95"),
        ((100, 105, "bracketed"), (400, None, "censored"), "≥ +300 %", "≥ 400"),
        ((100, 105, "bracketed"), (80, None, "censored"), "–", "≥ 80"),
        ((400, None, "censored"), (300, 310, "bracketed"), "–", "300 – 310"),
        ((100, 105, "bracketed"), (None, 10, "none"), "–", "none"),
        ((100, 105, "bracketed"), (10, None, "invalid"), "–", "invalid"),
        ((100, 105, "bracketed"), (400, None, "inferred"), "–", "≥ 400"),
        ((100, 105, "bracketed"), (None, 400, "inferred"), "–", "&lt; 400"),
    ],
)
def test_the_latest_change_is_that_of_the_last_two_answers(
    tmp_path: Path, before: tuple[Any, ...], now: tuple[Any, ...], change: str, bracket: str
) -> None:
    """An older campaign of 50 users changes nothing."""
    for number, answer in enumerate(((50, 55, "bracketed"), before, now), 1):
        store_summary(tmp_path, f"2026010{number}-web", None, cells=[make_cell("one", *answer)])
    page = render_index(read_summaries(tmp_path)).replace("\u00a0", " ")
    assert f'<td class="n">{change}</td>' in page
    assert f'<td class="n">{bracket}</td></tr>' in page


def test_a_damaged_summary_is_named_and_hides_no_other(tmp_path: Path) -> None:
    store_summary(tmp_path, "20260101-web", 100)
    store_summary(tmp_path, "20260102-web", 100, cells=[{"cpu_cores": "many"}])
    store_summary(tmp_path, "20260103-web", 100, format=9)
    (tmp_path / "20260104-web").mkdir()
    (tmp_path / "20260104-web" / "summary.json").write_bytes(b"\xff")
    stored = read_summaries(tmp_path)
    assert [bool(each.damage) for each in stored] == [False, True, True, True]
    page = render_index(stored)
    assert page.count("can&#39;t be read") == 3
    assert page.count("none of 1 size sustains 400 users") == 1


def test_foreign_texts_of_a_summary_are_no_markup(tmp_path: Path) -> None:
    store_summary(tmp_path, "20260101-web", 100, target="<script>alert(1)</script>", state="<b>x</b>\u202e")
    page = render_index(read_summaries(tmp_path))
    assert "<script" not in page
    assert "<b>x" not in page
    assert "\u202e" not in page


def test_a_folder_without_campaigns_has_an_empty_index(tmp_path: Path) -> None:
    assert read_summaries(tmp_path / "nowhere") == []
    assert "Campaigns" in render_index([])


def test_a_folder_of_another_user_beside_campaigns_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign may have been copied into /tmp. Root may read everything, so the refusal is simulated."""
    store_summary(tmp_path, "20260101-web", 100)
    foreign = tmp_path / "systemd-private"
    foreign.mkdir()
    stat = os.stat

    def refuse(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if isinstance(path, str | Path) and Path(path).parent == foreign:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refuse)
    assert [each.campaign for each in read_summaries(tmp_path)] == ["20260101-web"]


def test_a_size_that_was_not_always_measured_has_gaps(tmp_path: Path) -> None:
    store_summary(tmp_path, "20260101-web", 100)
    store_summary(tmp_path, "20260102-web", None)
    store_summary(tmp_path, "20260103-web", 110, cells=[])
    page = render_index(read_summaries(tmp_path))
    assert "bracketed" in page
    assert "<path" not in page


def test_a_summary_has_no_sizes_by_default() -> None:
    assert Summary("one").sizes == ()


def store_comparison(results: Path, name: str, base: str = "web:1", **changes: Any) -> None:
    """Store the example of a comparison, whose head needs some 5 % more, with changes in its ab.json."""
    document = json.loads(render_ab(ab_example.build_record(base=base))["ab.json"])
    (results / name).mkdir(parents=True)
    (results / name / "ab.json").write_text(json.dumps({**document, **changes}))


def test_comparisons_are_listed_newest_first_with_their_answer(tmp_path: Path) -> None:
    store_comparison(tmp_path, "20260101-shop-ab")
    store_comparison(tmp_path, "20260102-shop-ab", over=False)
    store_summary(tmp_path, "20260103-web", 100)
    (tmp_path / "latest").symlink_to("20260102-shop-ab")
    comparisons = read_comparisons(tmp_path)
    assert [(each.campaign, each.is_over) for each in comparisons] == [
        ("20260101-shop-ab", True),
        ("20260102-shop-ab", False),
    ]
    page = render_index(read_summaries(tmp_path), comparisons).replace("\u00a0", " ")
    newer, older = page.index("20260102-shop-ab/ab.html"), page.index("20260101-shop-ab/ab.html")
    assert page.index("20260103-web/report.html") < newer < older
    assert page.count("<td>shop</td><td>web:1</td><td>web:2</td><td>0.5 CPU / 256 MiB, 150 users</td>") == 2
    assert "<td>not finished</td>" in page[newer:older]
    assert "more CPU time per request" in page[older:]


def test_a_folder_with_comparisons_alone_lists_no_campaigns(tmp_path: Path) -> None:
    store_comparison(tmp_path, "20260101-shop-ab")
    page = render_index(read_summaries(tmp_path), read_comparisons(tmp_path))
    assert "All campaigns" not in page
    assert "All campaigns" in render_index([], [])


def test_a_comparison_of_an_older_harness_has_no_target(tmp_path: Path) -> None:
    store_comparison(tmp_path, "20260101-shop-ab")
    path = tmp_path / "20260101-shop-ab/ab.json"
    document = json.loads(path.read_bytes())
    del document["target"], document["campaign"]
    path.write_text(json.dumps(document))
    (comparison,) = read_comparisons(tmp_path)
    assert (comparison.damage, comparison.target, comparison.base) == ("", "", "web:1")
    assert "<td>–</td><td>web:1</td>" in render_index([], [comparison])


def test_a_damaged_comparison_is_named_and_hides_no_other(tmp_path: Path) -> None:
    store_comparison(tmp_path, "20260101-shop-ab")
    store_comparison(tmp_path, "20260102-shop-ab", users="many")
    store_comparison(tmp_path, "20260103-shop-ab", format=9)
    page = render_index([], read_comparisons(tmp_path))
    assert page.count("ab.json can&#39;t be read") == 2
    assert page.count("<td>complete</td>") == 1


def test_foreign_texts_of_a_comparison_are_no_markup(tmp_path: Path) -> None:
    script = "<script>alert(1)</script>"
    store_comparison(tmp_path, "20260101-shop-ab", base=script, sentence="<b>x</b>\u202e")
    page = render_index([], read_comparisons(tmp_path))
    assert "<script" not in page
    assert "<b>x" not in page
    assert "\u202e" not in page


def test_whatever_an_ab_json_holds_the_index_is_written(tmp_path: Path) -> None:
    """Each of 150 broken files gives a line: with the damage, or with what is known."""
    store_comparison(tmp_path, "20260101-shop-ab")
    path, rng = tmp_path / "20260101-shop-ab/ab.json", random.Random(7)
    valid = path.read_bytes()
    for _ in range(150):
        path.write_bytes(mutate(valid, rng))
        assert "20260101-shop-ab/ab.html" in render_index([], read_comparisons(tmp_path))
