"""A window that would be INVALID even at its end is given up before."""

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.step.spoiled import is_spoiled
from harness.model import GeneratorSample, HostSample, Slo, StepFacts
from harness.model.task_facts import ErrorOrigin, TaskError, TaskErrorSample, TaskFacts
from tests.unit.analyse.synthetic import make_closed_step

SLOS = (Slo("p95", 1.0),)
DRAIN_S = 1.0
ENDS_BY_S = 12.0 + 60.0
"""The window of a synthetic step begins at 12 s, and the ramp at 0 s."""


def hold_until(now_s: float, *disturbed: tuple[float, float], users: int = 10) -> StepFacts:
    """Return a step in its window at `now_s`; other programs use 1.2 of 2 cores in the spans `disturbed`.

    `users` are there from 20 s on; all 10 were there before.
    """
    host, generator = [], []
    for at in range(int(now_s) + 1):
        busy_s = 0.6 * at + sum(1.2 * max(0.0, min(at, to_s) - from_s) for from_s, to_s in disturbed)
        host.append(HostSample(at, (busy_s / 2, busy_s / 2), 0, 2**30, 1.0, 0, 0, 0, 0, 0.0, 0.0, 0.0))
        generator.append(GeneratorSample(at, 0.1 * at, 2**20, 0.001, users if at >= 20 else 10, 1))
    step = make_closed_step(window_s=120.0, host=tuple(host), generator=tuple(generator))
    target = tuple(sample for sample in step.target if sample.at_s <= now_s)
    return replace(step, window_to_s=None, ended_s=now_s, target=target)


@pytest.mark.parametrize("disturbed", [[], [(12.0, 24.0)], [(30.0, 70.0)]])
def test_a_window_that_can_still_be_judged_goes_on(disturbed: list[tuple[float, float]]) -> None:
    """At 40 s: nothing happened; it is quiet since 24 s; 18 s were quiet, and there is time for 20 s more."""
    assert not is_spoiled(hold_until(40.0, *disturbed), SLOS, DRAIN_S, ENDS_BY_S)


def test_a_window_that_has_a_sound_part_is_never_spoiled() -> None:
    """The first 28 s are sound."""
    assert not is_spoiled(hold_until(70.0, (40.0, 70.0)), SLOS, DRAIN_S, ENDS_BY_S)


def test_a_disturbance_from_the_begin_on_is_waited_for_as_long_as_starting_again_takes() -> None:
    """That is 12 s from the ramp to the window, but 20 s at least. The last second is the drain.

    The last try waits: at 33 s there is still room for 5 s of recovery and 20 s after them before 72 s.
    """
    early, late = hold_until(31.0, (5.0, 99.0)), hold_until(33.0, (5.0, 99.0))
    assert not is_spoiled(early, SLOS, DRAIN_S, ENDS_BY_S)
    assert is_spoiled(late, SLOS, DRAIN_S, ENDS_BY_S)
    assert not is_spoiled(late, SLOS, DRAIN_S, ENDS_BY_S, is_last_try=True)


def test_a_long_ramp_is_not_held_again_for_a_short_disturbance() -> None:
    """Starting again would take 30 s, and the disturbance has lasted for 20 s of the window."""
    facts = hold_until(33.0, (5.0, 99.0))
    assert not is_spoiled(replace(facts, ramp_from_s=-18.0), SLOS, DRAIN_S, ENDS_BY_S)


@pytest.mark.parametrize(("now_s", "is_over"), [(50.0, False), (54.0, True)])
def test_a_window_is_given_up_once_no_sound_part_can_be_long_enough(now_s: float, is_over: bool) -> None:
    """Disturbed blocks end at 47 s and at 52 s. After 5 s of recovery 20 s are left, and then 15 s."""
    facts = hold_until(now_s, (27.0, 99.0))
    assert is_spoiled(facts, SLOS, DRAIN_S, ENDS_BY_S, is_last_try=True) is is_over


def set_pauses(facts: StepFacts, seconds: float) -> StepFacts:
    return replace(
        facts, thinks=replace(facts.thinks, planned_s=np.full_like(facts.thinks.planned_s, seconds))
    )


def test_a_window_of_users_with_a_long_cycle_is_given_up_once_two_cycles_do_not_fit() -> None:
    """The disturbance ends at 34 s, and the recovery at 42 s: 30 s are left, which are two cycles of 15 s."""
    facts = hold_until(45.0, (12.0, 34.0))
    assert not is_spoiled(set_pauses(facts, 14.0), SLOS, DRAIN_S, ENDS_BY_S, is_last_try=True)
    assert is_spoiled(set_pauses(facts, 16.0), SLOS, DRAIN_S, ENDS_BY_S, is_last_try=True)


def test_a_window_without_all_of_its_users_is_given_up_after_20_s() -> None:
    assert is_spoiled(hold_until(40.0, users=9), SLOS, DRAIN_S, ENDS_BY_S)
    assert not is_spoiled(hold_until(24.0, users=9), SLOS, DRAIN_S, ENDS_BY_S)


def test_users_whom_failed_requests_have_ended_do_not_spoil_a_window() -> None:
    """They may be the target's failure, which the whole window decides."""
    error = TaskError(ErrorOrigin.USER, "RuntimeError: no cart", "shop.py:9")
    tasks = TaskFacts((error,), (), (TaskErrorSample(20.0, 0, count=1, after_failure=1, user_tasks=5),))
    facts = replace(hold_until(40.0, users=9), tasks=tasks)
    assert not is_spoiled(facts, SLOS, DRAIN_S, ENDS_BY_S)
