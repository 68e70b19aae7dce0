"""Render JSON, CSV, Markdown, JUnit XML, and the terminal's table."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from jsonschema import ValidationError

from harness.model import MIB, CampaignResult, CompanionUse, CurvePoint, Limits, Slo, Status, StepCurves
from harness.model.evidence import Skipped
from harness.model.stalls import Stalls
from harness.report import (
    build_summary,
    build_view,
    render_csv,
    render_curve_csv,
    render_junit,
    render_markdown,
    render_report,
    render_table,
)
from tests.summary_schema import VALIDATOR
from tests.unit.report import example

CELL_KEYS = (
    "id cpu_cores memory_bytes status sustained_users broken_users estimate_users estimate_low estimate_high "
    "precision_ratio asked_precision_ratio reference_users reference_low reference_high slowdown_ratio "
    "limiting_factor evidence rps p95_s error_ratio cpu_used_cores throttled_ratio memory_peak_bytes steps "
    "load_s attempts breach remark price_hour price_hour_per_100_users on_price_front replicas engine "
    "variant soak_verdict soak_users soak_window_s soak_p95_s soak_memory_peak_bytes task_error_ratio "
    "task_error shape knee_users curve stalls"
).split()


def test_the_summary_has_exactly_the_keys_of_its_contract() -> None:
    summary = json.loads(render_report(example.build_campaign())["summary.json"])
    assert list(summary) == [
        "format",
        "campaign",
        "target",
        "state",
        "users_limit",
        "slos",
        "cells",
        "drift",
        "repetitions",
        "currency",
        "host_speed",
        "engines",
        "take",
        "tunings",
        "bursts",
        "soaks",
        "request_costs",
    ]
    assert all(list(cell) == CELL_KEYS for cell in summary["cells"])
    assert summary["slos"][0] == {"indicator": "p95", "at_most": 1.0}


@pytest.mark.parametrize(
    "result",
    [
        example.build_campaign(),
        example.build_campaign_with_undecided_sizes(),
        example.build_running_campaign(),
    ],
)
def test_real_output_follows_the_published_schema(result: CampaignResult) -> None:
    VALIDATOR.validate(json.loads(render_report(result)["summary.json"]))


def test_the_schema_refuses_a_zero_where_there_is_no_data() -> None:
    summary = build_summary(example.build_campaign([example.build_size_without_capacity()]))
    summary["cells"][0]["sustained_users"] = 0
    with pytest.raises(ValidationError):
        VALIDATOR.validate(summary)


def test_a_cell_that_is_not_done_is_left_out_of_the_summary() -> None:
    ids = [cell["id"] for cell in build_summary(example.build_running_campaign())["cells"]]
    assert len(ids) == 5
    assert "web-c0.50-m256" not in ids


def test_an_slo_for_one_request_name_has_that_name_in_the_summary() -> None:
    result = example.build_campaign(slos=(Slo("p99", 2.0, "/item/[id]"),))
    assert build_summary(result)["slos"] == [
        {"indicator": "p99", "at_most": 2.0, "request_name": "/item/[id]"}
    ]


def test_csv_leaves_a_field_without_data_empty_and_defuses_formulas() -> None:
    cell = example.build_cell(0.5, 64, Status.SKIPPED, evidence=Skipped('=HYPERLINK("http://example.org")'))
    line = render_csv(example.build_campaign([cell])).splitlines()[1]
    assert (
        line
        == f'web-c0.50-m64,0.5,{64 * MIB},skipped,,,,,,,,,,,,,"\'=HYPERLINK(""http://example.org"")",,,,,,,0,0.0,1,,,,,,1,,,,,,,,,,,'
    )


def test_junit_counts_failed_and_invalid_sizes_as_errors_and_small_capacities_as_passed() -> None:
    result = example.build_campaign_with_undecided_sizes()
    suite = ElementTree.fromstring(render_junit(build_view(result), result.started_at))
    assert {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "9", "failures": "0", "errors": "2", "skipped": "1",
    }  # fmt: skip
    passed = suite.find("testcase[@name='web-c0.50-m48']")
    assert passed is not None
    assert [child.tag for child in passed] == ["system-out"]


@pytest.mark.parametrize(
    "text", ["[x](http://example.org)", "<img src=x>", "@everyone", "a | b", "`code`", "www.example.org"]
)
def test_markdown_escapes_foreign_texts(text: str) -> None:
    line = render_markdown(
        build_view(
            example.build_campaign([example.build_cell(0.5, 64, Status.SKIPPED, evidence=Skipped(text))])
        )
    )
    assert text not in line


@pytest.mark.parametrize("width", [120, 100, 80, 60])
def test_the_table_fits_its_terminal(width: int) -> None:
    for result in (
        example.build_campaign(),
        example.build_campaign_with_undecided_sizes(),
        example.build_running_campaign(),
    ):
        assert max(len(line) for line in render_table(build_view(result), width).splitlines()) <= width


def test_a_wide_table_has_every_column_and_a_narrow_one_keeps_the_answer_and_its_reason() -> None:
    wide, narrow = (
        render_table(build_view(example.build_campaign()), width).splitlines()[0] for width in (140, 60)
    )
    assert wide.split("  ")[0] == "size"
    assert all(
        heading in wide
        for heading in (
            "±",
            "best speed",
            "RPS",
            "p95",
            "CPU used",
            "throttled",
            "memory peak",
            "why it stopped",
        )
    )
    assert narrow.split() == ["size", "users", "why", "it", "stopped"]


def test_each_step_tells_for_what_its_work_waited_in_the_summary() -> None:
    """The database is a companion; nothing is known of the second step."""
    use = CompanionUse("db", Limits(0.5, 128 * MIB), 0.1, 0.03, 64 * MIB, Stalls(0.0, 0.0, 0.8, 0, 0.5))
    steps = (
        example.build_step(1, 400, 1.0, companions=(use,)),
        example.build_step(2, 800, 1.2),
    )
    waiting = replace(steps[0].target, stalls=Stalls(0.63, 0.34, 0.02, 17, 5213.0))
    cell = replace(example.build_censored_size(), steps=(replace(steps[0], target=waiting), steps[1]))
    summary = build_summary(example.build_campaign([cell]))
    VALIDATOR.validate(summary)
    ratios = ("cpu_ratio", "memory_ratio", "io_ratio", "limit_hits", "reread_per_s")
    rows = summary["cells"][0]["stalls"]
    assert [(row["step"], row["users"], row["companion"]) for row in rows] == [
        (1, 400, None),
        (1, 400, "db"),
        (2, 800, None),
    ]
    assert [tuple(row[name] for name in ratios) for row in rows] == [
        (0.63, 0.34, 0.02, 17, 5213.0),
        (0.0, 0.0, 0.8, 0, 0.5),
        (None, None, None, None, None),
    ]


def test_curves_have_a_file_of_their_own_with_a_line_for_each_point() -> None:
    cell = example.build_cpu_bound(0.5, 96, (10, 160), (320,))
    ramp = CurvePoint(80.25, 100, 31.5, 0.1, 0.2, 0.0, 0.15, 0.5, 50.0 * MIB, is_on_ramp=True)
    steps = (*cell.steps[:2], replace(cell.steps[2], curves=StepCurves((ramp,), 20.0)))
    result = example.build_campaign([replace(cell, steps=steps)])
    lines = render_curve_csv(result).splitlines()
    assert lines[0] == "id,users,rps,p50_s,p95_s,error_ratio,cpu_cores,throttled_ratio,memory_bytes,on_ramp"
    assert lines[1] == f"web-c0.50-m96,80.2,31.5,0.1,0.2,0.0,0.15,0.5,{50 * MIB},True"
    assert [line.split(",")[1] for line in lines[2:]] == ["10.0", "160.0", "320.0"]
    assert "curve" not in render_csv(result).splitlines()[0].split(",")
