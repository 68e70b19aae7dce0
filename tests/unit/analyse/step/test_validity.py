"""What makes a step invalid: each rule fires on its own fault, and not without it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.analyse.step.baseline import Baseline, build_baseline
from harness.analyse.step.judge import judge_step
from harness.analyse.step.littles_law import UnexplainedTime
from harness.analyse.step.usage import summarize_cpu, summarize_generator, summarize_host
from harness.analyse.step.validity import judge_validity
from harness.analyse.step.window import cut_window
from harness.model import (
    MIB,
    CompanionFacts,
    EndReason,
    EventKind,
    Factor,
    GeneratorSample,
    HostSample,
    HostUse,
    Judgement,
    Latency,
    Limits,
    Rule,
    Slo,
    StepFacts,
    TargetEvent,
    TargetSample,
    ThinkTimes,
    Verdict,
    WorkerSample,
)
from harness.model.evidence import (
    EndedStep,
    ForeignLoad,
    GeneratorBusy,
    HostFull,
    HostOutOfMemory,
    TimeUnexplained,
)
from tests.unit.analyse.synthetic import (
    always,
    make_closed_step,
    make_generator_samples,
    make_host_samples,
    make_target_samples,
    slow_share,
)

SECONDS = range(34)
LIGHT = Baseline(users=5, mean_s=0.1)


def find_rule(facts: StepFacts, baseline: Baseline | None = LIGHT) -> Rule | None:
    judgement = judge_validity(facts, cut_window(facts), baseline.unexplained if baseline else None)
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


@pytest.mark.parametrize(
    ("before_s", "after_s", "fires"), [(31, 38, True), (33, 40, False), (8, 13, True), (7, 12, False)]
)
def test_a_suspension_counts_if_a_part_of_it_lies_in_the_window(
    before_s: int, after_s: int, fires: bool
) -> None:
    """The window lasts from 12 s to 32 s. What is under way when it ends waits through the suspension too."""
    seconds = [second for second in range(42) if not before_s < second < after_s]
    facts = make_closed_step(
        host=make_host_samples(seconds), generator=make_generator_samples(seconds, 10), ended_s=41.0
    )
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


def summarize_pace(works_s: Callable[[float], float], **changes: Any) -> float | None:
    samples = make_accounted_host(0.0)
    at_pace = tuple(replace(sample, work_s=works_s(sample.at_s), **changes) for sample in samples)
    return summarize_host(make_closed_step(host=at_pace), 12, 32).work_s


def test_the_hosts_pace_is_the_mean_of_a_window_without_an_interrupted_piece_of_work() -> None:
    assert summarize_pace(lambda at_s: 0.9 if at_s == 20 else 0.002) == pytest.approx(0.002)
    # 21 samples from 12 s to 32 s, of which 11 are even: (11 * 2 ms + 10 * 3 ms) / 21
    assert summarize_pace(lambda at_s: 0.003 if at_s % 2 else 0.002) == pytest.approx(0.052 / 21)


def test_the_pace_of_this_machine_says_nothing_about_an_engine_on_another_host() -> None:
    assert summarize_pace(lambda _: 0.002, engine_cpu_s=None) is None


@pytest.mark.parametrize(("alive", "fires"), [(100, False), (96, False), (94, True), (50, True)])
def test_users_who_neither_think_nor_wait_break_littles_law(alive: int, fires: bool) -> None:
    samples = make_generator_samples(SECONDS, 100)
    facts = replace(make_closed_step(alive), users=100, generator=samples)
    assert (find_rule(facts) == "littles-law") is fires


def test_requests_that_a_user_sends_at_once_do_not_break_littles_law() -> None:
    """Response times then add up to more than the users' time, which no fault of the generator causes."""
    facts = replace(make_closed_step(110), users=100, generator=make_generator_samples(SECONDS, 100))
    assert find_rule(facts) is None


def make_pausing_step(alive: int, users: int, response_s: float, pause_s: float = 2.5) -> StepFacts:
    """Return a step whose users pause within their tasks, which Locust does not report."""
    facts = make_closed_step(alive, pause_s, always(response_s), thinks=ThinkTimes())
    return replace(facts, users=users, generator=make_generator_samples(SECONDS, users))


@pytest.mark.parametrize("response_s", [0.1, 1.5, 7.5])
def test_pauses_within_tasks_are_the_same_at_every_load(response_s: float) -> None:
    """A pause of 2.5 s is 96 % of the users' time at light load, and 25 % when answers take 7.5 s."""
    light = build_baseline(make_pausing_step(10, 10, 0.1))
    assert light is not None
    assert light.unexplained.per_request_s == pytest.approx(2.5, abs=0.05)
    assert find_rule(make_pausing_step(40, 40, response_s), light) is None


@pytest.mark.parametrize(("users", "fires"), [(48, False), (50, True)])
def test_lost_time_is_told_from_pauses_whose_mean_differs_by_chance(users: int, fires: bool) -> None:
    """40 users make 40 · 20 / 4 = 200 requests. Of 50 users a fifth is lost, of 48 users a sixth.

    The pauses may differ by 2 · 2.5 · √(1/100 + 1/200) = 0.61 s a request: by 12.2 % of the time of 50 users,
    and by 12.8 % of that of 48. With the 5 % that are always allowed these are 17.2 % and 17.8 %.
    """
    light = Baseline(users=10, mean_s=0.1, unexplained=UnexplainedTime(2.5, 100))
    facts = make_pausing_step(40, users, 1.5)
    judgement = judge_validity(facts, cut_window(facts), light.unexplained)
    assert (judgement is not None) is fires
    if judgement is not None:
        assert isinstance(judgement.evidence, TimeUnexplained)
        assert judgement.evidence.ratio == pytest.approx(0.2, abs=0.002)
        assert judgement.evidence.allowed_ratio == pytest.approx(0.1725, abs=0.002)


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


EARLY_ENDS = (EndReason.TARGET_DIED, EndReason.DEPENDENCY_DIED, EndReason.STALLED, EndReason.ALL_FAILED)
LIMITS = Limits(1.0, 256 * MIB)
SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))


@pytest.mark.parametrize("end_reason", EARLY_ENDS)
def test_a_step_that_the_target_ended_fails_on_a_quiet_host(end_reason: EndReason) -> None:
    facts = make_closed_step(end_reason=end_reason, note="seen", host=make_accounted_host(0.0))
    result = judge_step(facts, SLOS, LIGHT, LIMITS)
    assert (result.verdict, result.judgement.evidence) == (Verdict.FAIL, EndedStep("seen"))


@pytest.mark.parametrize("end_reason", EARLY_ENDS)
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"generator": make_generator_samples(SECONDS, 10, cpu_ratio=1.0)}, Rule.GENERATOR_CPU),
        ({"generator": make_generator_samples(SECONDS, 10, loop_lag_s=0.3)}, Rule.LOOP_LAG),
        ({"host": make_host_samples(SECONDS, steal_cores=1.0)}, Rule.STEAL),
        ({"host": make_accounted_host(1.9 - 0.77)}, Rule.FOREIGN_LOAD),
        ({"host": tuple(s for s in make_accounted_host(0.0) if not 25 < s.at_s < 30)}, Rule.SUSPENDED),
    ],
)
def test_a_step_that_ended_while_generator_or_host_were_disturbed_is_invalid(
    end_reason: EndReason, changed: dict[str, Any], rule: Rule
) -> None:
    """The step ends at 33 s, so 23 s to 33 s are checked."""
    facts = make_closed_step(end_reason=end_reason, **{"host": make_accounted_host(0.0), **changed})
    result = judge_step(facts, SLOS, LIGHT, LIMITS)
    assert (result.verdict, result.rule) == (Verdict.INVALID, rule)


def test_a_stall_while_other_programs_fill_the_host_is_invalid() -> None:
    """Both cores are busy. The target and Locust use 0.05 each, so other programs use 1.9."""
    host = tuple(HostSample(at, (at, at), 0, 2**30, 9.0, 0, 0, 0, 0, 0.0, 0.0, 0.0) for at in SECONDS)
    facts = make_closed_step(
        30,
        end_reason=EndReason.STALLED,
        host=host,
        cpu_cores=0.05,
        generator=make_generator_samples(SECONDS, 30, cpu_ratio=0.05),
    )
    judgement = judge_step(facts, SLOS, LIGHT, LIMITS).judgement
    assert judgement.rule is Rule.FOREIGN_LOAD
    assert isinstance(judgement.evidence, ForeignLoad)
    assert judgement.evidence.used_cores == pytest.approx(1.9)


def test_foreign_load_long_before_the_early_end_does_not_count() -> None:
    """Other programs used 1.2 cores until 20 s, and the step ended at 33 s."""
    host = tuple(
        replace(sample, busy_s=(sample.at_s * 0.4 + 0.6 * min(sample.at_s, 20.0),) * 2)
        for sample in make_accounted_host(0.0)
    )
    facts = make_closed_step(end_reason=EndReason.STALLED, host=host)
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.STALLED


def test_generator_and_host_are_not_checked_in_a_step_of_less_than_5_seconds() -> None:
    facts = make_closed_step(
        end_reason=EndReason.ALL_FAILED, ended_s=4.9, window_from_s=None, host=make_accounted_host(1.0)
    )
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.ALL_FAILED
    longer = replace(facts, ended_s=5.1)
    assert judge_step(longer, SLOS, LIGHT, LIMITS).rule is Rule.FOREIGN_LOAD


def make_scarce_host(available_mib: int) -> tuple[HostSample, ...]:
    return tuple(
        replace(sample, memory_available_bytes=available_mib * MIB if sample.at_s >= 30 else 2**30)
        for sample in make_accounted_host(0.0)
    )


@pytest.mark.parametrize("end_reason", [EndReason.TARGET_DIED, EndReason.STALLED])
@pytest.mark.parametrize(
    ("available_mib", "used_mib", "is_host_memory"),
    [(20, 64, True), (63, 204, True), (64, 64, False), (20, 205, False), (500, 64, False)],
)
def test_a_host_without_memory_makes_the_step_invalid_if_the_target_was_below_its_limit(
    end_reason: EndReason, available_mib: int, used_mib: int, is_host_memory: bool
) -> None:
    """The host needs 64 MiB. The target counts as below its limit up to 0.8 of its 256 MiB: 204.8 MiB."""
    target = tuple(
        replace(sample, working_set_bytes=used_mib * MIB) for sample in make_target_samples(SECONDS)
    )
    facts = make_closed_step(
        end_reason=end_reason, note="exit code 137", host=make_scarce_host(available_mib), target=target
    )
    rule = judge_step(facts, SLOS, LIGHT, LIMITS).rule
    assert (rule is Rule.HOST_MEMORY) is is_host_memory


def test_pages_of_files_do_not_fill_the_memory_of_a_target_that_the_host_killed() -> None:
    """250 of 256 MiB, of which 50 are pages of files: the kernel would have dropped these first."""
    target = tuple(
        replace(sample, working_set_bytes=250 * MIB, file_bytes=50 * MIB)
        for sample in make_target_samples(SECONDS)
    )
    facts = make_closed_step(
        end_reason=EndReason.TARGET_DIED, note="exit code 137", host=make_scarce_host(20), target=target
    )
    assert judge_step(facts, SLOS, LIGHT, LIMITS).judgement.evidence == HostOutOfMemory(20 * MIB, 200 / 256)


def test_the_evidence_of_a_host_without_memory_is_what_it_had_left() -> None:
    """The target used 64 of 256 MiB. cgroup v2 counts the host's OOM kill as one of the cgroup."""
    facts = make_closed_step(
        end_reason=EndReason.TARGET_DIED, note="exit code 137, out of memory", host=make_scarce_host(20)
    )
    evidence = judge_step(facts, SLOS, LIGHT, LIMITS).judgement.evidence
    assert evidence == HostOutOfMemory(20 * MIB, 0.25)
    killed = make_closed_step(host=make_scarce_host(20), events=(TargetEvent(31.0, EventKind.OOM),))
    assert judge_step(killed, SLOS, LIGHT, LIMITS).rule is Rule.HOST_MEMORY


def make_companion_death(used_mib: int, note: str, available_mib: int) -> StepFacts:
    """Return a step that the end of the database ended, whose limit is 100 MiB."""
    samples = tuple(replace(s, working_set_bytes=used_mib * MIB) for s in make_target_samples(SECONDS, 0.1))
    return make_closed_step(
        end_reason=EndReason.DEPENDENCY_DIED,
        note=f"database: {note}",
        host=make_scarce_host(available_mib),
        companions={"database": CompanionFacts(Limits(1.0, 100 * MIB), samples)},
    )


@pytest.mark.parametrize(
    ("used_mib", "available_mib", "rule"),
    [(40, 20, Rule.HOST_MEMORY), (95, 20, Rule.DEPENDENCY_DIED), (40, 500, Rule.DEPENDENCY_DIED)],
)
def test_a_companion_that_the_host_killed_is_told_from_one_that_was_full_itself(
    used_mib: int, available_mib: int, rule: Rule
) -> None:
    """Up to 80 % of its own 100 MiB a companion was not full. The target's 64 of 256 MiB don't matter."""
    facts = make_companion_death(used_mib, "exit code 137, out of memory", available_mib)
    judgement = judge_step(facts, SLOS, LIGHT, LIMITS).judgement
    assert judgement.rule is rule
    if rule is Rule.HOST_MEMORY:
        assert judgement.evidence == HostOutOfMemory(20 * MIB, 0.4, "database")


@pytest.mark.parametrize(
    ("used_mib", "available_mib", "rule"),
    [(40, 20, Rule.HOST_MEMORY), (95, 20, Rule.OOM_KILL), (40, 500, Rule.OOM_KILL)],
)
def test_a_process_of_a_companion_that_the_host_killed_says_nothing_of_the_size(
    used_mib: int, available_mib: int, rule: Rule
) -> None:
    death = make_companion_death(used_mib, "", available_mib)
    database = death.companions["database"]
    counted = tuple(replace(s, oom_kills=1 if s.at_s >= 31 else 0) for s in database.samples)
    facts = replace(
        death,
        end_reason=EndReason.HELD,
        note="",
        companions={"database": replace(database, samples=counted)},
    )
    judgement = judge_step(facts, SLOS, LIGHT, LIMITS).judgement
    assert judgement.rule is rule
    if rule is Rule.HOST_MEMORY:
        assert judgement.evidence == HostOutOfMemory(20 * MIB, 0.4, "database")


def test_a_companion_out_of_its_own_memory_fails_whatever_else_ran() -> None:
    busy = make_accounted_host(1.0)
    out_of_memory = replace(make_companion_death(95, "exit code 137, out of memory", 500), host=busy)
    assert judge_step(out_of_memory, SLOS, LIGHT, LIMITS).rule is Rule.DEPENDENCY_DIED
    killed = replace(make_companion_death(95, "exit code 137", 500), host=busy)
    assert judge_step(killed, SLOS, LIGHT, LIMITS).rule is Rule.FOREIGN_LOAD


@pytest.mark.parametrize(("available_mib", "rule"), [(20, Rule.HOST_MEMORY), (500, Rule.GENERATOR)])
def test_a_generator_that_the_host_killed_names_the_hosts_memory(available_mib: int, rule: Rule) -> None:
    """The target may be near its own limit: 250 of 256 MiB. That ends no Locust."""
    target = tuple(replace(s, working_set_bytes=250 * MIB) for s in make_target_samples(SECONDS))
    facts = make_closed_step(
        end_reason=EndReason.GENERATOR_DIED, note="-9", host=make_scarce_host(available_mib), target=target
    )
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is rule


def test_a_target_out_of_its_own_memory_fails_whatever_else_ran() -> None:
    """Other programs used one more core, which does not make a target exceed its memory limit."""
    facts = make_closed_step(
        end_reason=EndReason.TARGET_DIED, note="exit code 137, out of memory", host=make_accounted_host(1.0)
    )
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.DIED


# A host that target and load fill together


def make_full_step(target_cores: float = 0.8, throttled_in_20: int = 0, slow: float = 0.08) -> StepFacts:
    """Return a step of 60 users on two busy cores: Locust uses 0.85, the proxy 0.25 and the harness 0.1."""
    host = tuple(
        HostSample(at, (at, at), 0, 2**30, 3.0, 0, 0, 0, 0, 0.05 * at, 0.05 * at, 0.25 * at) for at in SECONDS
    )
    target = tuple(
        TargetSample(at, at * target_cores, at * 20, at * throttled_in_20, 0, 64 * MIB, None, 0, 0)
        for at in SECONDS
    )
    generator = make_generator_samples(SECONDS, 60, cpu_ratio=0.85)
    return make_closed_step(60, latency=slow_share(slow), host=host, target=target, generator=generator)


def test_a_failure_on_a_full_host_below_the_targets_quota_is_invalid() -> None:
    """8 % of the requests are slow, the target uses 0.8 of 1 core, and both cores of the host are busy."""
    judgement = judge_step(make_full_step(), SLOS, LIGHT, LIMITS).judgement
    assert judgement == Judgement(Rule.HOST_FULL, judgement.evidence)
    assert isinstance(judgement.evidence, HostFull)
    assert judgement.evidence.busy_cores == pytest.approx(2.0)
    assert judgement.evidence.target_used_ratio == pytest.approx(0.8)
    assert judgement.rule.at_fault is Factor.HOST


def test_a_stall_on_a_full_host_is_invalid() -> None:
    facts = replace(make_full_step(), end_reason=EndReason.STALLED)
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.HOST_FULL


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(make_full_step(target_cores=0.86), id="86 % of its quota"),
        pytest.param(make_full_step(target_cores=0.7, throttled_in_20=6), id="throttled in 30 % of periods"),
    ],
)
def test_a_target_at_its_quota_fails_even_on_a_full_host(facts: StepFacts) -> None:
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.SLO_BROKEN


def test_a_companion_at_its_quota_fails_the_step_even_on_a_full_host() -> None:
    companion = CompanionFacts(Limits(0.5, 256 * MIB), make_target_samples(SECONDS, 0.48))
    facts = replace(make_full_step(), companions={"database": companion})
    assert judge_step(facts, SLOS, LIGHT, LIMITS).rule is Rule.SLO_BROKEN


def test_a_pass_on_a_full_host_is_a_pass() -> None:
    """On a larger host the target would pass as well."""
    assert judge_step(make_full_step(slow=0.01), SLOS, LIGHT, LIMITS).verdict is Verdict.PASS


def test_a_host_with_idle_cores_is_not_full() -> None:
    """Two of four cores are busy."""
    facts = make_full_step()
    host = tuple(replace(s, busy_s=(s.at_s * 0.5,) * 4) for s in facts.host)
    assert judge_step(replace(facts, host=host), SLOS, LIGHT, LIMITS).rule is Rule.SLO_BROKEN


# The loop lag that the SLOs allow


@pytest.mark.parametrize(
    ("limits_s", "lag_s", "fires"),
    [
        ((0.1,), 0.026, True),
        ((0.1,), 0.024, False),
        ((2.0, 0.1), 0.026, True),
        ((2.0,), 0.26, True),
        ((2.0,), 0.24, False),
        ((0.02,), 0.009, False),
        ((0.02,), 0.011, True),
    ],
)
def test_the_loop_may_lag_by_a_quarter_of_the_tightest_response_time_slo(
    limits_s: Sequence[float], lag_s: float, fires: bool
) -> None:
    """A quarter of 0.1 s is 25 ms. A quarter of 2 s is 0.5 s, but at most 0.25 s and at least 10 ms count."""
    facts = make_closed_step(generator=make_generator_samples(SECONDS, 10, loop_lag_s=lag_s))
    slos = [Slo("errors", 0.01), *(Slo("p95", limit_s) for limit_s in limits_s)]
    assert (judge_step(facts, slos, LIGHT).rule is Rule.LOOP_LAG) is fires


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
    "samples", [(), make_generator_samples([32.0], 10), make_generator_samples([50.0, 51.0], 10)]
)
def test_the_generators_use_is_unknown_without_two_samples_in_the_window(
    samples: tuple[GeneratorSample, ...],
) -> None:
    assert summarize_generator(make_closed_step(generator=samples), 12, 32).cpu_ratio is None
    assert find_rule(make_closed_step(generator=samples)) is None


@pytest.mark.parametrize("samples", [(), make_host_samples([12.0])])
def test_the_hosts_use_is_unknown_without_two_samples(samples: tuple[HostSample, ...]) -> None:
    assert summarize_host(make_closed_step(host=samples), 12, 32) == HostUse()


def test_counters_of_a_container_that_was_started_again_tell_nothing_of_its_cpu() -> None:
    """It was started again after 20 s, and so were its counters: at 12 s and at 32 s they show 6 s."""
    samples = make_target_samples(SECONDS)
    again = tuple(replace(s, cpu_s=s.cpu_s - 10.0) if s.at_s >= 20 else s for s in samples)
    assert summarize_cpu(samples, 12.0, 32.0)[0] == 0.5
    assert summarize_cpu(again, 12.0, 32.0) == (None, None)


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
    judgement = judge_validity(invalid, cut_window(invalid), LIGHT.unexplained)
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


@pytest.mark.parametrize(("until_s", "fires"), [(10, True), (28, True), (30, False)])
def test_a_worker_that_was_silent_to_the_end_makes_a_step_invalid(until_s: int, fires: bool) -> None:
    """The window lasts from 12 s to 32 s."""
    silent = tuple(s for s in make_worker_samples([0.2, 0.2]) if s.worker != 2 or s.at_s <= until_s)
    assert (find_rule(make_closed_step(workers=silent)) == "suspended") is fires


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
