"""How far to trust a campaign: what was not judged is said."""

from dataclasses import replace

import pytest

from harness.model.stalls import Stalls
from harness.report.view.trust import build_trust_facts
from tests.unit.report import example


@pytest.mark.parametrize(
    ("wait_ratio", "shortfall_ratio", "note"),
    [
        (1.0, None, "users hardly think, so their throughput only repeats the response time"),
        (0.5, None, "no other step was light, to compare with"),
        (0.5, 0.02, None),
    ],
)
def test_a_shortfall_that_was_not_judged_is_named_with_the_reason(
    wait_ratio: float, shortfall_ratio: float | None, note: str | None
) -> None:
    cell = example.build_cpu_bound(0.5, 96, (245,), (257,))
    steps = [replace(s, wait_ratio=wait_ratio, shortfall_ratio=shortfall_ratio) for s in cell.steps]
    result = example.build_campaign([replace(cell, steps=tuple(steps))])
    facts = [fact for fact in build_trust_facts(result) if "shortfall" in str(fact)]
    assert [fact.note for fact in facts] == ([] if note is None else [note])
    without = replace(result, slos=tuple(slo for slo in result.slos if slo.indicator != "shortfall"))
    assert not any("shortfall" in str(fact) for fact in build_trust_facts(without))


@pytest.mark.parametrize(
    ("seen_ratio", "is_named"), [(None, False), (0.97, False), (0.5, False), (0.0, True)]
)
def test_requests_that_are_not_seen_in_flight_are_named(seen_ratio: float | None, is_named: bool) -> None:
    cell = example.build_cpu_bound(0.5, 96, (245,), (257,))
    steps = [replace(s, generator=replace(s.generator, seen_ratio=seen_ratio)) for s in cell.steps]
    facts = build_trust_facts(example.build_campaign([replace(cell, steps=tuple(steps))]))
    assert [fact.value for fact in facts if fact.label == "Requests in flight"] == ["0 % seen"] * is_named


@pytest.mark.parametrize(("left_out_s", "value"), [(0.0, []), (15.0, ["30 s"])])
def test_the_time_that_was_left_out_is_named(left_out_s: float, value: list[str]) -> None:
    """Two windows lost 15 s each."""
    cell = example.build_cpu_bound(0.5, 96, (245,), (257,))
    steps = [replace(s, host=replace(s.host, left_out_s=left_out_s)) for s in cell.steps[:2]]
    facts = build_trust_facts(example.build_campaign([replace(cell, steps=tuple(steps))]))
    assert [fact.value for fact in facts if fact.label == "Left out"] == value


@pytest.mark.parametrize(
    ("spread_ratios", "is_named"),
    [
        ((0.0, 0.0), True),
        ((0.02, 0.4), True),  # constant pacing: the pauses differ by the response times, under load by more
        ((0.06, 0.06), False),
        ((0.35, 0.35), False),
        ((None, None), False),
    ],
)
def test_constant_think_times_are_named(spread_ratios: tuple[float | None, ...], is_named: bool) -> None:
    cell = example.build_cpu_bound(0.5, 96, (245,), (257,))
    pairs = zip(cell.steps, spread_ratios, strict=False)
    steps = [replace(step, think_spread_ratio=ratio) for step, ratio in pairs]
    facts = build_trust_facts(example.build_campaign([replace(cell, steps=tuple(steps))]))
    assert [fact.value for fact in facts if fact.label == "Arrivals"] == ["evenly spaced"] * is_named


def test_the_longest_waits_are_told_each_by_its_own_window() -> None:
    cell = example.build_censored_size()
    stalls = (Stalls(0.63, 0.02, None), Stalls(0.1, 0.34, None))
    steps = tuple(
        replace(step, target=replace(step.target, stalls=each))
        for step, each in zip(cell.steps, stalls, strict=False)
    )
    facts = build_trust_facts(example.build_campaign([replace(cell, steps=steps)]))
    assert {fact.label: fact.value for fact in facts}["Work waited for"] == "core 63 %, memory 34 %"
    facts = build_trust_facts(example.build_campaign([cell]))
    (unknown,) = (fact for fact in facts if fact.label == "Work waited for")
    assert unknown.value == "–"
    assert "not known" in unknown.note
