"""A window that was disturbed for a part of its time is judged by the rest."""

from dataclasses import replace

import pytest

from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import is_verdict_settled, judge_step
from harness.analyse.step.sound_part import is_recovering, select_sound_part
from harness.model import EndReason, HostSample, Rule, Slo, StepFacts, Verdict
from tests.unit.analyse.synthetic import make_closed_step

SLOS = (Slo("p95", 1.0),)
LIGHT = Baseline(users=5, mean_s=0.1)


def make_disturbed_step(from_s: float, to_s: float, window_s: float = 60.0, **changed: object) -> StepFacts:
    """Return a step in whose window, from 12 s on, other programs use 1.2 of 2 cores from `from_s` to `to_s`.

    Target and Locust use 0.6 cores.
    """
    host = []
    for at in range(int(12 + window_s) + 2):
        busy_s = (0.6 * at + 1.2 * max(0.0, min(at, to_s) - from_s)) / 2
        host.append(HostSample(at, (busy_s, busy_s), 0, 2**30, 1.0, 0, 0, 0, 0, 0.0, 0.0, 0.0))
    return replace(make_closed_step(window_s=window_s, host=tuple(host)), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("from_s", "to_s", "judged"),
    [
        (27.0, 37.0, (42.0, 72.0)),
        (12.0, 22.0, (27.0, 72.0)),
        (57.0, 67.0, (12.0, 57.0)),
        (38.0, 48.0, (12.0, 37.0)),
    ],
)
def test_the_longest_undisturbed_part_is_judged(
    from_s: float, to_s: float, judged: tuple[float, float]
) -> None:
    """10 s of 1.2 cores are 0.2 cores on average over 60 s: 10 % of two, and a little more with the edges.

    Blocks begin at 12 s, 17 s and so on. The block after a disturbed one is left out too.
    """
    facts = make_disturbed_step(from_s, to_s + 0.5)
    part = select_sound_part(facts, SLOS)
    assert (part.window_from_s, part.window_to_s) == pytest.approx(judged, abs=5.0)
    result = judge_step(facts, SLOS, LIGHT)
    assert result.verdict is Verdict.PASS
    assert result.window_s == pytest.approx(judged[1] - judged[0], abs=5.0)
    assert result.window_s + result.host.left_out_s == pytest.approx(60.0)
    assert build_baseline(facts) is not None


@pytest.mark.parametrize(("disturbed_from_s", "judged_s"), [(112.0, 70.0), (97.0, None)])
def test_a_part_that_is_judged_spans_two_cycles_of_the_users(
    disturbed_from_s: float, judged_s: float | None
) -> None:
    """Users think for 30 s. From 42 s on 70 s are sound, or 55 s, and the rest of 150 s is not."""
    host = make_disturbed_step(disturbed_from_s, 193.0, window_s=180.0).host
    facts = make_closed_step(60, think_s=29.9, window_s=180.0, window_from_s=42.0, host=host)
    result = judge_step(facts, [Slo("p95", 1.0)], Baseline(users=5, mean_s=0.1))
    if judged_s is None:
        assert (result.rule, result.window_s) == (Rule.FOREIGN_LOAD, 150.0)
    else:
        assert result.verdict == Verdict.PASS
        assert result.window_s == pytest.approx(judged_s)


def test_a_window_without_a_long_enough_rest_is_invalid() -> None:
    """Of 40 s, 15 s in the middle are disturbed and 5 s after them are left out: no 20 s remain."""
    facts = make_disturbed_step(25.0, 40.0, window_s=40.0)
    assert select_sound_part(facts, SLOS) is facts
    result = judge_step(facts, SLOS, LIGHT)
    assert (result.rule, result.host.left_out_s) == (Rule.FOREIGN_LOAD, 0.0)


def test_a_sound_window_and_a_step_that_ended_early_stay_whole() -> None:
    sound = make_disturbed_step(20.0, 20.0)
    assert select_sound_part(sound, SLOS) is sound
    ended = make_disturbed_step(27.0, 37.5, end_reason=EndReason.STALLED)
    assert select_sound_part(ended, SLOS) is ended


@pytest.mark.parametrize(("now_s", "is_going_on"), [(33.0, True), (43.0, True), (58.0, False)])
def test_a_disturbed_window_goes_on_until_the_rest_is_long_enough(now_s: float, is_going_on: bool) -> None:
    """It is disturbed from 17 s to 24 s. From 32 s on it is sound, so 20 s are sound at 52 s.

    The last second is the drain. At 33 s the last 5 s are sound already.
    """
    facts = make_disturbed_step(17.0, 24.0)
    until = replace(
        facts,
        window_to_s=None,
        ended_s=now_s,
        host=tuple(sample for sample in facts.host if sample.at_s <= now_s),
        generator=tuple(sample for sample in facts.generator if sample.at_s <= now_s),
    )
    assert is_verdict_settled(until, SLOS, LIGHT, 1.0, 5.0) is not is_going_on
    assert is_recovering(until, SLOS, 1.0) is is_going_on


def test_a_window_that_is_still_disturbed_ends_as_before() -> None:
    facts = make_disturbed_step(20.0, 60.0, window_to_s=None)
    until = replace(facts, ended_s=33.0, host=facts.host[:34], generator=facts.generator[:34])
    assert not is_recovering(until, SLOS, 1.0)
    assert is_verdict_settled(until, SLOS, LIGHT, 1.0, 5.0)
