"""Show a campaign's checks on itself: drift, monotonicity violations, repetitions."""

from dataclasses import replace

import pytest

from harness.model import (
    MIB,
    CampaignResult,
    CellResult,
    Drift,
    Judgement,
    MemoryOutlook,
    MemoryTrend,
    ReferenceCapacity,
    Repeatability,
    Rule,
    Slo,
    Verdict,
)
from harness.model.evidence import CpuStolen, SloBroken, SloEvaluation
from harness.model.light_load import NoShortfall, ShortfallGap
from harness.report import build_summary, build_view, render_html, render_markdown, render_table
from harness.report.view.checks import build_check_facts, describe_drift
from harness.report.view.text import format_change
from tests.unit.report import example

PASSED = example.build_step(1, 400, 1.0).judgement
TOO_SLOW = Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(Slo("p95", 1.0), 1.2, False, True)))
STEAL = Judgement(Rule.STEAL, CpuStolen(0.14))
MEMORY = MemoryTrend(MemoryOutlook.UNKNOWN, 30.0, 0, 70 * MIB, 0.0, 0.0, 0.0, 70.0 * MIB, None)
UNMARKED = Drift(example.NINE_SIZES[8].cell, 400, Verdict.PASS, PASSED, 0.012, -0.003, 0.04, 0.05)


def build_repetitions(*answers: CellResult) -> CampaignResult:
    """Return a campaign with repetitions of one size, and another size between the first two."""
    cells = [
        replace(answer, cell=replace(answer.cell, id=f"{answer.cell.id}-r{number}", repetition=number))
        for number, answer in enumerate(answers, 1)
    ]
    other = example.build_cpu_bound(0.25, 96, (139,), (146,))
    repeatability = Repeatability(cells[0].cell.limits, tuple(cells), 0.021)
    return example.build_campaign([cells[0], other, *cells[1:]], repeatability=(repeatability,))


@pytest.mark.parametrize(
    ("asked", "note"),
    [
        (0.05, "5 % was asked for, but"),
        (0.08, "8 % was asked of sizes away from the decision (search.elsewhere), but"),
        (None, "5 % was asked for, but"),
    ],
)
def test_a_size_that_is_known_less_precisely_than_was_asked_says_so(asked: float | None, note: str) -> None:
    """The size is known to 9 %."""
    cell = replace(example.build_cpu_bound(0.25, 96, (139,), (146,)), asked_precision_ratio=asked)
    facts = build_check_facts(example.build_campaign([cell], precision_ratio=0.05))
    assert [fact.value for fact in facts if fact.note.startswith(note)] == ["precision ± 9.0 %"]


def test_a_size_that_is_known_as_precisely_as_was_asked_says_nothing() -> None:
    cell = replace(example.build_cpu_bound(0.25, 96, (139,), (146,)), asked_precision_ratio=0.1)
    facts = build_check_facts(example.build_campaign([cell], precision_ratio=0.05))
    assert not any("known to" in fact.value for fact in facts)


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({"memory": MEMORY}, "memory"),
        ({"memory": MEMORY, "shortfall_gap": ShortfallGap(NoShortfall.NO_PACE, 280, 0.95)}, "shortfall"),
    ],
)
def test_a_remark_is_named_by_what_it_is_about(changes: dict[str, object], value: str) -> None:
    cell = example.build_cpu_bound(0.5, 96, (280,), (294,))
    steps = (replace(cell.steps[0], **changes), cell.steps[1])  # type: ignore[arg-type]
    facts = build_check_facts(example.build_campaign([replace(cell, steps=steps)]))
    (fact,) = [fact for fact in facts if "not known how long its memory lasts" in fact.note]
    assert fact.value == value


THREE_TIMES = build_repetitions(
    *(example.build_cpu_bound(0.5, 96, (low,), (high,)) for low, high in ((280, 294), (286, 300), (274, 287)))
)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "is unchanged: CPU per request +1.2 %, RPS -0.3 %, p95 +4.0 %."),
        (
            {"pace_ratio": 0.08},
            "needs as much CPU per request as before: CPU per request +1.2 %, RPS -0.3 %, p95 +4.0 %, the "
            "time of a fixed piece of work on the host +8.0 %.",
        ),
        (
            {"cpu_per_request_ratio": 0.11, "allowed_ratio": 0.21},
            "shows no change beyond noise: CPU per request +11 %, RPS -0.3 %, p95 +4.0 %; a change of the "
            "CPU per request up to 21 % is noise.",
        ),
        (
            {"verdict": Verdict.FAIL, "evidence": TOO_SLOW},
            "at the very edge of what it sustains; the host is unchanged: CPU per request +1.2 %",
        ),
        (
            {"verdict": Verdict.FAIL, "evidence": TOO_SLOW, "pace_ratio": 0.08},
            "at the very edge of what it sustains; the CPU per request is unchanged: CPU per request +1.2 %",
        ),
        (
            {"cpu_per_request_ratio": 0.12, "is_marked": True},
            "The host or the target changed during the campaign: sizes measured late may look smaller than "
            "they are, and no bracket was corrected. Measure again on a quieter host before you rely on a "
            "difference between two sizes. The evidence: 1 CPU / 256 MiB at 400 users, held once more at the "
            "end, still passed: CPU per request +12 %, RPS -0.3 %, p95 +4.0 %; a change of the CPU per "
            "request up to 5.0 % is noise.",
        ),
        ({"cpu_per_request_ratio": -0.12, "is_marked": True}, "may look larger than they are"),
        (
            {"cpu_per_request_ratio": 0.11, "pace_ratio": 0.043, "is_marked": True},
            "The host or the target changed during the campaign: sizes measured late may look smaller",
        ),
        (
            {
                "cpu_per_request_ratio": 0.2,
                "foreign_cores": (0.0, 0.12),
                "pace_ratio": 0.0,
                "is_marked": True,
            },
            "Other programs on the host used more CPU during the campaign: sizes measured late may look "
            "smaller",
        ),
        (
            {"cpu_per_request_ratio": 0.2, "foreign_cores": (0.0, 0.12), "is_marked": True},
            "p95 +4.0 %, other programs 0.12 cores instead of 0.00; a change of",
        ),
        (
            {"cpu_per_request_ratio": -0.2, "pace_ratio": 0.001, "is_marked": True},
            "The target changed during the campaign, but not the host's speed: sizes measured late may look "
            "larger than they are. Find what changed in the target",
        ),
        (
            {"cpu_per_request_ratio": 0.12, "pace_ratio": 0.14, "is_marked": True},
            "The host became slower during the campaign: sizes measured late may look smaller",
        ),
        (
            {"cpu_per_request_ratio": -0.12, "pace_ratio": -0.14, "is_marked": True},
            "The host became faster during the campaign: sizes measured late may look larger",
        ),
        (
            {"cpu_per_request_ratio": 0.12, "pace_ratio": -0.14, "is_marked": True},
            "The host or the target changed during the campaign",
        ),
        (
            {"cpu_per_request_ratio": 0.12, "pace_ratio": 0.14, "is_marked": True},
            "the time of a fixed piece of work on the host +14 %; a change of",
        ),
        (
            {"verdict": Verdict.FAIL, "evidence": TOO_SLOW, "is_marked": True},
            "Not confirmed: 1 CPU / 256 MiB at 400 users, held once more at the end, failed (p95 1.200 s",
        ),
        (
            {"verdict": Verdict.FAIL, "evidence": TOO_SLOW, "is_marked": True, "pace_ratio": 0.01},
            "the very edge of what the size sustains, or something changed that is not the host's speed.",
        ),
        (
            {"verdict": Verdict.INVALID, "evidence": STEAL},
            "The drift check is inconclusive: 1 CPU / 256 MiB at 400 users, held once more at the end, "
            "was an invalid step (the hypervisor took 14 % of the host's CPU time",
        ),
    ],
)
def test_a_drift_check_says_what_changed_and_what_the_change_means(
    changes: dict[str, object], sentence: str
) -> None:
    assert sentence in describe_drift(replace(UNMARKED, **changes))  # type: ignore[arg-type]


def test_only_a_marked_drift_causes_a_warning() -> None:
    assert build_view(example.build_campaign(drift=UNMARKED)).warnings == ()
    marked = example.build_campaign(drift=replace(UNMARKED, cpu_per_request_ratio=0.12, is_marked=True))
    (warning,) = build_view(marked).warnings
    assert warning.replace(" ", "") in render_html(build_view(marked)).replace("\u00a0", "").replace(" ", "")
    assert "> Warning: The host or the target changed" in render_markdown(build_view(marked))


def test_a_monotonicity_violation_is_named_in_every_report() -> None:
    small, large = (
        example.build_cpu_bound(0.25, 96, (139,), (146,)),
        example.build_cpu_bound(0.5, 96, (120,), (126,)),
    )
    large = replace(
        large,
        monotonicity_violation=small.cell,
        first=example.build_cpu_bound(0.5, 96, (100,), (105,)),
    )
    result = example.build_campaign([small, large])
    view = build_view(result)
    violation = "sustains less than the smaller 0.25 CPU / 96 MiB, also when measured again"
    assert view.cells[1].why.startswith(violation)
    assert view.cells[1].remark == f"measured twice: 100 – 105, then 120 – 126; {violation}"
    assert "Measured twice: 100 – 105" in render_html(view)
    assert "sustains less than" in render_table(view, 140)
    cells = build_summary(result)["cells"]
    assert [(cell["attempts"], cell["breach"]) for cell in cells] == [(1, None), (2, small.cell.id)]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (
            150.0,
            170.0,
            "the speed of the host may explain it, at its best they would sustain about 160 (150–170) and "
            "165 (160–171) users.",
        ),
        (130.0, 159.0, "one of the two is wrong."),
    ],
)
def test_a_contradiction_that_the_hosts_speed_explains_says_so(low: float, high: float, words: str) -> None:
    """What the larger size sustains at one speed overlaps with what the smaller one does, or not."""
    small = replace(
        example.build_cpu_bound(0.5, 96, (139,), (146,)),
        at_reference=ReferenceCapacity(165.0, 160.0, 171.0, 0.0, 0.002, 165.0, 0.02),
    )
    large = replace(
        example.build_cpu_bound(0.5, 512, (120,), (126,)),
        at_reference=ReferenceCapacity(160.0, low, high, 0.3, 0.0026, 123.0, 0.02),
        monotonicity_violation=small.cell,
    )
    (warning,) = build_view(example.build_campaign([small, large])).warnings
    assert warning.endswith(f"sustains less than the smaller 0.5 CPU / 96 MiB: {words}")


def test_repetitions_follow_one_another_and_show_their_spread() -> None:
    view = build_view(THREE_TIMES)
    assert [cell.id for cell in view.cells][:3] == [f"web-c0.50-m96-r{number}" for number in (1, 2, 3)]
    table = render_table(view, 140)
    assert "runs agree" in table
    assert table.count("2.1 %") == 3
    (fact,) = (fact for fact in view.trust if fact.label == "3 repetitions of 0.5 CPU / 96 MiB")
    assert fact.value == "agree within 2.1 %"
    assert fact.note.startswith("280 – 294; 286 – 300; 274 – 287;")
    (entry,) = build_summary(THREE_TIMES)["repetitions"]
    assert (entry["spread_ratio"], len(entry["cells"])) == (0.021, 3)


def test_a_campaign_without_repetitions_has_no_column_for_them() -> None:
    assert "runs agree" not in render_table(build_view(example.build_campaign()), 140)


def test_a_change_has_a_sign_unless_it_is_zero() -> None:
    assert [format_change(ratio) for ratio in (0.12, -0.12, 0.0, None)] == ["+12 %", "-12 %", "0 %", "–"]
