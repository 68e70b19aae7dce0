"""What makes a step invalid: each rule fires on its own fault, and not without it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.usage import summarize_generator, summarize_host
from harness.analyse.step.validity import judge_validity
from harness.analyse.step.window import cut_window
from harness.model import (
    EndReason,
    GeneratorSample,
    HostSample,
    HostUse,
    Latency,
    Rule,
    Slo,
    StepFacts,
    Verdict,
    WorkerSample,
)
from harness.model.evidence import EndedStep, GeneratorBusy
from tests.unit.analyse.synthetic import always, make_closed_step, make_generator_samples, make_host_samples

SECONDS = range(34)
LIGHT = Baseline(users=5, mean_s=0.1, unexplained_ratio=0.0)


def find_rule(facts: StepFacts, baseline: Baseline | None = LIGHT) -> Rule | None:
    judgement = judge_validity(facts, cut_window(facts), baseline.unexplained_ratio if baseline else None)
    if judgement is None:
        return None
    assert judgement.verdict is Verdict.INVALID
    return judgement.rule


def test_a_valid_step_breaks_no_rule() -> None:
    assert find_rule(make_closed_step()) is None


@pytest.mark.parametrize(("cpu_ratio", "fires"), [(0.5, False), (0.89, False), (0.91, True), (1.0, True)])
def test_a_generator_without_cpu_to_spare_makes_a_step_invalid(cpu_ratio: float, fires: bool) -> None:
    facts = make_closed_step(generator=make_generator_samples(SECONDS, 10, cpu_ratio=cpu_ratio))
    assert (find_rule(facts) == "generator-cpu") is fires


def test_a_generator_saturated_for_a_fifth_of_the_window_makes_a_step_invalid() -> None:
    """Judge by the busiest tenth of the seconds, because the mean would hide the saturation."""
    cpu_s = [at * 0.2 + max(0, at - 28) * 0.8 for at in SECONDS]
    samples = tuple(GeneratorSample(at, cpu, 0, 0.0, 10, 1) for at, cpu in zip(SECONDS, cpu_s, strict=True))
    use = summarize_generator(make_closed_step(generator=samples), 12, 32)
    assert use.cpu_ratio is not None
    assert use.cpu_ratio < 0.4
    assert find_rule(make_closed_step(generator=samples)) == "generator-cpu"


@pytest.mark.parametrize(("loop_lag_s", "fires"), [(0.02, False), (0.24, False), (0.26, True), (2.0, True)])
def test_a_late_event_loop_makes_a_step_invalid(loop_lag_s: float, fires: bool) -> None:
    facts = make_closed_step(generator=make_generator_samples(SECONDS, 10, loop_lag_s=loop_lag_s))
    assert (find_rule(facts) == "loop-lag") is fires


def test_one_late_second_does_not_make_a_step_invalid() -> None:
    samples = make_generator_samples(SECONDS, 10)
    once = tuple(replace(sample, loop_lag_s=3.0) if sample.at_s == 20 else sample for sample in samples)
    assert find_rule(make_closed_step(generator=once)) is None


@pytest.mark.parametrize("missing", ["generator", "host"])
@pytest.mark.parametrize(("until_s", "fires"), [(22, False), (24, True)])
def test_counters_that_were_not_read_for_a_while_show_a_suspension(
    missing: str, until_s: int, fires: bool
) -> None:
    samples: dict[str, Any] = {
        "generator": make_generator_samples(SECONDS, 10),
        "host": make_host_samples(SECONDS),
    }
    left = tuple(sample for sample in samples[missing] if not 20 < sample.at_s < until_s)
    facts = make_closed_step(**{**samples, missing: left})
    assert (find_rule(facts) == "suspended") is fires


def test_a_user_that_dies_within_the_window_makes_a_step_invalid() -> None:
    samples = make_generator_samples(SECONDS, 10)
    lost = tuple(replace(sample, users=9) if sample.at_s == 20 else sample for sample in samples)
    assert find_rule(make_closed_step(generator=lost)) == "users"


def test_users_that_are_missing_before_the_window_do_not_make_a_step_invalid() -> None:
    samples = make_generator_samples(SECONDS, 10)
    arriving = tuple(replace(sample, users=3) if sample.at_s < 12 else sample for sample in samples)
    assert find_rule(make_closed_step(generator=arriving)) is None


@pytest.mark.parametrize(("steal_cores", "fires"), [(0.0, False), (0.19, False), (0.21, True)])
def test_a_hypervisor_that_takes_a_tenth_of_the_host_makes_a_step_invalid(
    steal_cores: float, fires: bool
) -> None:
    """Allow a tenth of two cores: 0.2 cores."""
    facts = make_closed_step(host=make_host_samples(SECONDS, steal_cores))
    assert (find_rule(facts) == "steal") is fires


def make_accounted_host(
    foreign_cores: float, proxy_cores: float = 0.1, cores: int = 2
) -> tuple[HostSample, ...]:
    """Return samples of a host that runs target (0.5 cores), generator (0.1), harness, engine and proxy."""
    busy = (0.5 + 0.1 + 0.05 + 0.02 + proxy_cores + foreign_cores) / cores
    return tuple(
        HostSample(at, (at * busy,) * cores, 0, 2**30, 0, 0, 0, 0, 0, at * 0.05, at * 0.02, at * proxy_cores)
        for at in SECONDS
    )


@pytest.mark.parametrize(("foreign_cores", "fires"), [(0.0, False), (0.19, False), (0.21, True), (1.0, True)])
def test_other_programs_that_take_a_tenth_of_the_host_make_a_step_invalid(
    foreign_cores: float, fires: bool
) -> None:
    facts = make_closed_step(host=make_accounted_host(foreign_cores))
    assert (find_rule(facts) == "foreign-load") is fires
    used_cores = summarize_host(facts, 12, 32).foreign_cores
    assert used_cores == pytest.approx(foreign_cores, abs=1e-6)


def test_foreign_load_is_unknown_if_the_engine_runs_on_another_host() -> None:
    away = tuple(replace(sample, engine_cpu_s=None, proxy_cpu_s=None) for sample in make_accounted_host(1.0))
    facts = make_closed_step(host=away)
    assert summarize_host(facts, 12, 32).foreign_cores is None
    assert find_rule(facts) is None


@pytest.mark.parametrize(("proxy_cores", "fires"), [(0.1, False), (0.89, False), (0.95, True)])
def test_a_port_proxy_without_cpu_to_spare_makes_a_step_invalid(proxy_cores: float, fires: bool) -> None:
    assert (find_rule(make_closed_step(host=make_accounted_host(0.0, proxy_cores))) == "proxy") is fires


def test_the_hosts_pace_is_the_median_of_a_window() -> None:
    samples = tuple(
        replace(sample, work_s=0.9 if sample.at_s == 20 else 0.002) for sample in make_accounted_host(0.0)
    )
    assert summarize_host(make_closed_step(host=samples), 12, 32).work_s == 0.002


@pytest.mark.parametrize(("alive", "fires"), [(100, False), (96, False), (94, True), (50, True)])
def test_users_who_neither_think_nor_wait_break_littles_law(alive: int, fires: bool) -> None:
    samples = make_generator_samples(SECONDS, 100)
    facts = replace(make_closed_step(alive), users=100, generator=samples)
    assert (find_rule(facts) == "littles-law") is fires


def test_more_time_than_the_users_have_breaks_littles_law() -> None:
    facts = replace(make_closed_step(110), users=100, generator=make_generator_samples(SECONDS, 100))
    assert find_rule(facts) == "littles-law"


def test_pauses_within_tasks_are_known_from_the_baseline() -> None:
    """Let a task sleep for a tenth of the cycle: it does so at every load."""
    light, loaded = (
        replace(
            make_closed_step(users * 9),
            users=users * 10,
            generator=make_generator_samples(SECONDS, users * 10),
        )
        for users in (1, 10)
    )
    assert find_rule(loaded, build_baseline(light)) is None


def test_littles_law_is_not_checked_without_a_baseline() -> None:
    facts = replace(make_closed_step(5), generator=make_generator_samples(SECONDS, 10), users=10)
    assert find_rule(facts, baseline=None) is None


@pytest.mark.parametrize(
    ("end_reason", "expected"),
    [
        (EndReason.GENERATOR_DIED, "generator"),
        (EndReason.TARGET_REMOVED, "removed"),
        (EndReason.USERS_MISSING, "users"),
    ],
)
@pytest.mark.parametrize("window_from_s", [None, 12.0])
def test_a_step_that_ended_early_without_fault_of_the_target_is_invalid(
    end_reason: EndReason, expected: str, window_from_s: float | None
) -> None:
    facts = make_closed_step(
        end_reason=end_reason, note="seen", window_from_s=window_from_s, window_to_s=None
    )
    result = judge_step(facts, [Slo("p95", 1.0)])
    assert (result.verdict, result.rule) == (Verdict.INVALID, expected)
    assert result.judgement.evidence == EndedStep("seen")


@pytest.mark.parametrize("end_reason", [EndReason.TARGET_DIED, EndReason.STALLED, EndReason.ALL_FAILED])
def test_a_step_that_the_target_ended_fails_even_with_a_busy_generator(end_reason: EndReason) -> None:
    facts = make_closed_step(
        end_reason=end_reason, generator=make_generator_samples(SECONDS, 10, cpu_ratio=1.0)
    )
    assert judge_step(facts, [Slo("p95", 1.0)]).verdict is Verdict.FAIL


INVALID_STEPS = {
    "generator-cpu": make_closed_step(generator=make_generator_samples(SECONDS, 10, cpu_ratio=1.0)),
    "loop-lag": make_closed_step(generator=make_generator_samples(SECONDS, 10, loop_lag_s=1.0)),
    "users": make_closed_step(generator=make_generator_samples(SECONDS, 9)),
    "steal": make_closed_step(host=make_host_samples(SECONDS, 1.0)),
    "littles-law": replace(make_closed_step(5), users=10, generator=make_generator_samples(SECONDS, 10)),
}


@pytest.mark.parametrize("name", INVALID_STEPS)
def test_a_step_that_breaks_a_rule_is_neither_pass_nor_fail(name: str) -> None:
    for limit_s in (0.001, 10.0):
        result = judge_step(INVALID_STEPS[name], [Slo("p95", limit_s)], LIGHT)
        assert (result.verdict, result.rule) == (Verdict.INVALID, name)


@pytest.mark.parametrize(
    "samples", [(), make_generator_samples([12.0], 10), make_generator_samples([50.0, 51.0], 10)]
)
def test_the_generators_use_is_unknown_without_two_samples_in_the_window(
    samples: tuple[GeneratorSample, ...],
) -> None:
    assert summarize_generator(make_closed_step(generator=samples), 12, 32).cpu_ratio is None
    assert find_rule(make_closed_step(generator=samples)) is None


@pytest.mark.parametrize("samples", [(), make_host_samples([12.0])])
def test_the_hosts_use_is_unknown_without_two_samples(samples: tuple[HostSample, ...]) -> None:
    assert summarize_host(make_closed_step(host=samples), 12, 32) == HostUse()


def test_two_samples_of_one_instant_count_as_no_samples() -> None:
    assert (
        summarize_generator(
            make_closed_step(generator=make_generator_samples([20.0, 20.0], 10)), 12, 32
        ).cpu_ratio
        is None
    )
    assert summarize_host(make_closed_step(host=make_host_samples([20.0, 20.0])), 12, 32) == HostUse()


def test_a_window_in_which_no_request_started_is_invalid() -> None:
    facts = make_closed_step(1, think_s=100.0, latency=always(0.1))
    result = judge_step(facts, [Slo("p95", 1.0)])
    assert (result.verdict, result.rule) == (Verdict.INVALID, "no-data")
    assert (result.latency, result.failures.ratio, result.rps) == (Latency(), None, 0.0)


def make_worker_samples(cpu_ratios: Sequence[float], **more: Any) -> tuple[WorkerSample, ...]:
    """Return samples of an idle master and of a worker for each share of a core."""
    return tuple(
        WorkerSample(at, number, at * ratio, 0.001, 5 if number else 0, **more)
        for at in SECONDS
        for number, ratio in enumerate([0.01, *cpu_ratios])
    )


def test_the_busiest_of_several_workers_decides() -> None:
    """Judge each worker alone: together two workers may use more than a core."""
    together = make_generator_samples(SECONDS, 10, cpu_ratio=1.41)
    valid = make_closed_step(generator=together, workers=make_worker_samples([0.7, 0.7]))
    assert find_rule(valid) is None
    use = summarize_generator(valid, 12, 32)
    assert use.workers == 2
    assert use.cores == pytest.approx(1.41)
    invalid = make_closed_step(generator=together, workers=make_worker_samples([0.45, 0.95]))
    judgement = judge_validity(invalid, cut_window(invalid), LIGHT.unexplained_ratio)
    assert judgement is not None
    assert judgement.rule is Rule.GENERATOR_CPU
    assert isinstance(judgement.evidence, GeneratorBusy)
    assert judgement.evidence.process == 2
    assert judgement.evidence.used_ratio == pytest.approx(0.95)


@pytest.mark.parametrize(("error_s", "fires"), [(0.0049, False), (0.0051, True)])
def test_a_worker_with_an_uncertain_clock_makes_a_step_invalid(error_s: float, fires: bool) -> None:
    facts = make_closed_step(workers=make_worker_samples([0.2], clock_error_s=error_s))
    assert (find_rule(facts) == "clocks") is fires


def test_a_worker_that_was_silent_makes_a_step_invalid() -> None:
    silent = tuple(s for s in make_worker_samples([0.2, 0.2]) if s.worker != 2 or not 18 < s.at_s < 24)
    assert find_rule(make_closed_step(workers=silent)) == "suspended"


def test_only_local_workers_are_subtracted_from_the_hosts_load() -> None:
    """Count load on the host as foreign if the worker with the same CPU use ran on another host."""
    busy = tuple(
        replace(sample, busy_s=(sample.at_s * 0.85,), harness_cpu_s=0.0, engine_cpu_s=0.0, proxy_cpu_s=0.0)
        for sample in make_host_samples(SECONDS)
    )
    local = make_closed_step(host=busy, workers=make_worker_samples([0.34]))
    remote = replace(local, workers=tuple(replace(s, here=s.worker == 0) for s in local.workers))
    assert summarize_host(local, 12, 32).foreign_cores == pytest.approx(0.0, abs=0.01)
    assert summarize_host(remote, 12, 32).foreign_cores == pytest.approx(0.34, abs=0.01)
