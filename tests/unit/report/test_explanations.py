"""The texts for verdicts and limiting factors: the evidence with its figures, and a remedy if invalid."""

from dataclasses import replace

import pytest

from harness.model import (
    MIB,
    Doubt,
    ErrorOrigin,
    Judgement,
    Limits,
    MachineDifference,
    MemoryOutlook,
    MemoryTrend,
    RequestFailure,
    Rule,
    Slo,
    TaskError,
    TaskUse,
    Verdict,
)
from harness.model.cell_evidence import CellEvidence
from harness.model.decisions import NoCommonSize, ScenarioChanged, SlosChanged
from harness.model.evidence import (
    BrokenByLarger,
    ClockUncertain,
    CompanionFull,
    CompanionMemoryFull,
    CountersSilent,
    CpuQuotaUsed,
    CpuStolen,
    EndedStep,
    EveryRequestFailed,
    ForeignLoad,
    GeneratorBusy,
    HostFull,
    HostOutOfMemory,
    LoopLate,
    MemoryFull,
    MemoryGrows,
    NeverBroke,
    NoRequests,
    NothingMeasured,
    NotReady,
    OutOfMemory,
    OwnConcurrency,
    ProcessKilled,
    ProxyBusy,
    RequestErrors,
    Skipped,
    SloBroken,
    SloEvaluation,
    SlosHold,
    StepEvidence,
    SustainedBySmaller,
    Thrashing,
    TimeUnexplained,
)
from harness.model.failures import TargetNotAsked
from harness.model.rare_requests import NameFailed, TooFewRequests
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort
from harness.model.task_evidence import (
    NothingAsked,
    ReportsUnread,
    TasksRaised,
    TasksSpin,
    UserEnds,
    UsersIdle,
    UsersLost,
)
from harness.model.user_time import ReportsInSeconds, TimeUnreported
from harness.report.view.explanations import (
    explain_doubt,
    explain_evidence,
    explain_judgement,
    explain_machine_difference,
    name_part,
    name_rule,
    quote_first_line,
)

NEGATIVE = TaskError(ErrorOrigin.REPORT, "rpc call with a response time of -3", "locustfile.py:7")
P95, ERRORS, SHORTFALL = Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15)


def make_broken_slo(slo: Slo, value: float) -> Judgement:
    return Judgement(Rule.SLO_BROKEN, SloBroken(SloEvaluation(slo, value, holds=False, is_settled=True)))


SLOW = make_broken_slo(P95, 1.204)


# Steps


def test_a_pass_says_by_how_much_each_slo_holds() -> None:
    values = ((P95, 0.1), (ERRORS, 0.0), (SHORTFALL, 0.0))
    evidence = SlosHold(
        tuple(SloEvaluation(slo, value, holds=True, is_settled=True) for slo, value in values)
    )
    assert explain_judgement(Judgement(Rule.SLOS_HOLD, evidence)) == (
        "p95 0.100 s ≤ 1 s; errors 0.0 % ≤ 1 %; shortfall 0.0 % ≤ 15 %"
    )


def test_no_failure_among_too_few_requests_is_named_as_such() -> None:
    """800 requests without a failure exclude a share above 0.38 %, but none above 0.05 %."""
    unsure = SloEvaluation(Slo("errors", 0.0005), 0.0, holds=True, is_settled=False)
    words = explain_judgement(Judgement(Rule.SLOS_HOLD, SlosHold((unsure,))))
    assert words == "errors 0.00 % ≤ 0.05 % (too few requests to be sure)"


def test_a_broken_slo_is_named_with_its_value_and_its_limit() -> None:
    assert explain_judgement(SLOW) == "p95 1.204 s > 1 s"
    assert explain_judgement(make_broken_slo(Slo("p95", 0.2, "GET /"), 0.5)) == "p95 of GET / 0.500 s > 0.2 s"
    assert explain_judgement(make_broken_slo(ERRORS, 0.043)) == "errors 4.3 % > 1 %"


def test_a_rule_is_named_by_the_slo_that_decided() -> None:
    assert name_rule(make_broken_slo(Slo("p95", 0.2, "GET /"), 0.5)) == "p95 of GET /"
    assert name_rule(Judgement(Rule.TOO_FEW_REQUESTS, TooFewRequests(Slo("p99.9", 1.0)))) == "p99.9"
    assert name_rule(Judgement(Rule.STEAL, CpuStolen(0.2))) == "steal"


ROWS = TaskError(ErrorOrigin.TASK, "KeyError: 'rows'", "locustfile.py:9")
WRONG_ANSWER = TaskError(ErrorOrigin.TASK, "AssertionError", "locustfile.py:12")
POP = TaskError(ErrorOrigin.USER, "IndexError: pop from empty list", "locustfile.py:16")
STOP = TaskError(ErrorOrigin.STOP, "StopUser", "locustfile.py:22")
LOST_GREENLET = TaskError(ErrorOrigin.GREENLET, "KeyError: 'token'")


@pytest.mark.parametrize(
    ("rule", "evidence", "words"),
    [
        (
            Rule.DIED,
            EndedStep("exit code 137\nlog"),
            "the target's container ended under load (exit code 137)",
        ),
        (Rule.DIED, EndedStep(""), "the target's container ended under load (no evidence)"),
        (Rule.DEPENDENCY_DIED, EndedStep("db: 137"), "a companion's container ended under load (db: 137)"),
        (Rule.STALLED, EndedStep("5 s without"), "the target stopped answering (5 s without)"),
        (Rule.ALL_FAILED, EndedStep("{404}"), "every request failed ({404})"),
        (Rule.ALL_FAILED, EveryRequestFailed("404\nbody", 20), "every request failed (404, 20 times)"),
        (
            Rule.ALL_FAILED,
            EveryRequestFailed(
                "x", 9, RequestFailure("GET /a", "HTTPError: 404 Client Error: Not Found for url: /a", 9, 10)
            ),
            "every request failed (GET /a: 404 Not Found, 9 of 10)",
        ),
        (
            Rule.ALL_FAILED,
            NameFailed(Slo("p95", 1.0, "/pay"), 20, RequestFailure("POST /pay", "reset", 15, 20)),
            "all 20 requests of /pay failed (POST /pay: reset, 15 of 20)",
        ),
    ],
)
def test_an_ending_is_explained_with_the_first_line_of_its_note(
    rule: Rule, evidence: StepEvidence, words: str
) -> None:
    assert explain_judgement(Judgement(rule, evidence)) == words


@pytest.mark.parametrize(
    ("rule", "evidence", "words"),
    [
        (Rule.GENERATOR, EndedStep("silent"), "the load ended early: silent; "),
        (
            Rule.GENERATOR,
            EndedStep("locustfile.py:8 called runner.quit(), so Locust ended with exit code 0\nlog"),
            "the load ended early: locustfile.py:8 called runner.quit(), so Locust ended with exit code 0; "
            "see in Locust's log, in the cell's folder, why it does, or remove this call",
        ),
        (
            Rule.GENERATOR,
            EndedStep("locustfile.py:8 called os._exit(3), so Locust ended with exit code 3"),
            "the load ended early: locustfile.py:8 called os._exit(3), so Locust ended with exit code 3; "
            "see in Locust's log, in the cell's folder, why it does, or remove this call",
        ),
        (Rule.REMOVED, EndedStep("somebody removed it"), "somebody removed it; "),
        (Rule.USERS, EndedStep("3 of 10 users came"), "3 of 10 users came; look for errors in on_start"),
        (Rule.USERS, UsersLost(9, 10), "only 9 of 10 users were alive; look for StopUser"),
        (
            Rule.USERS,
            UsersLost(1, 10, UserEnds(9, POP, 9, 0, 0.0)),
            "only 1 of 10 users were alive: 9 times a user ended in IndexError: pop from empty list "
            "(locustfile.py:16) after no task; mend the locustfile",
        ),
        (
            Rule.USERS,
            UsersLost(7, 10, UserEnds(3, STOP, 2, 2, 2.5)),
            "only 7 of 10 users were alive: 2 of 3 times a user stopped itself with StopUser "
            "(locustfile.py:22) after 2.5 tasks, mostly after a failed request; no other takes its place",
        ),
        (
            Rule.USERS,
            UsersLost(0, 10, UserEnds(1, LOST_GREENLET, 1, 0, 0.0)),
            "only 0 of 10 users were alive: the scenario raised KeyError: 'token'; mend the locustfile",
        ),
        (
            Rule.SCENARIO_ERRORS,
            TasksRaised(TaskUse(100, 98, 0, ROWS, 98), 0.05),
            "98 % of the tasks ended in KeyError: 'rows' (locustfile.py:9), so users did less than the "
            "scenario says (5 % or more make a step invalid); mend the locustfile",
        ),
        (
            Rule.SCENARIO_ERRORS,
            TasksRaised(TaskUse(100, 98, 0, WRONG_ANSWER, 98), 0.05),
            "98 % of the tasks ended in AssertionError (locustfile.py:12), so users did less than the "
            "scenario says (5 % or more make a step invalid); if the answer was wrong, let its request fail",
        ),
        (
            Rule.SCENARIO_ERRORS,
            TasksRaised(TaskUse(100, 30, 10, ROWS, 15), 0.05),
            "20 % of the tasks ended in exceptions, most often in KeyError: 'rows' (locustfile.py:9), so ",
        ),
        (
            Rule.SCENARIO_ERRORS,
            ReportsUnread(TaskUse(100, unread=40, unread_error=NEGATIVE), 100, 0.05),
            "40 % of the reports of requests can't be read, most often rpc call with a response time of -3 "
            "(locustfile.py:7), so their requests are in no number (5 % or more make a step invalid); ",
        ),
        (
            Rule.USERS,
            UsersIdle(7, 40, RequestFailure("POST /login", "503 Server Error: x for url: /", 7, 9)),
            "7 of 40 users asked for nothing in the window, after a failed request "
            "(POST /login: 503 x, 7 of 9), so users did less than the scenario says; ",
        ),
        (
            Rule.GENERATOR_CPU,
            TasksSpin(9000, 300),
            "Locust was busy with 9000 tasks, which made 300 requests; ",
        ),
        (
            Rule.NO_DATA,
            NothingAsked(error=ROWS),
            "no request started within the window; a listener of the scenario raised KeyError: 'rows' ",
        ),
        (
            Rule.NO_DATA,
            NothingAsked(pause_s=5000.0),
            "no request started within the window; users pause for 5000 s at a time, and wait_time is in ",
        ),
        (
            Rule.UNREPORTED,
            ReportsInSeconds(("rpc call", "rpc list"), 48, 50),
            "the response times of rpc call and rpc list seem to be in seconds: 48 of 50 requests came ",
        ),
        (
            Rule.NOT_ASKED,
            TargetNotAsked(420, 312),
            "the target was not asked: it sent 312 bytes while 420 requests ended; the scenario "
            "asks another address, or a cache of its own, so let its client ask self.host",
        ),
        (
            Rule.NOT_ASKED,
            TargetNotAsked(12, 0, RequestFailure("rpc call", "ConnectionRefusedError: x", 12, 12)),
            "the target was not asked: it sent 0 bytes while 12 requests ended "
            "(rpc call: ConnectionRefusedError: x, 12 of 12); ",
        ),
        (Rule.SUSPENDED, CountersSilent(4.2), "no counter was read for 4 s: "),
        (
            Rule.GENERATOR_CPU,
            GeneratorBusy(None, 0.954, 0.9),
            "Locust used 95 % of a core (more than 90 %); ",
        ),
        (Rule.GENERATOR_CPU, GeneratorBusy(2, 1.0, 0.9), "Locust's worker 2 used 100 % of a core "),
        (Rule.GENERATOR_CPU, GeneratorBusy(0, 1.0, 0.9), "Locust's master used 100 % of a core "),
        (Rule.LOOP_LAG, LoopLate(0.412), "Locust's event loop came 412 ms late; "),
        (
            Rule.CLOCKS,
            ClockUncertain(0.0071, 0.005),
            "a worker's clock may be wrong by 7 ms (5 ms allowed); ",
        ),
        (Rule.STEAL, CpuStolen(0.14), "the hypervisor took 14 % of the host's CPU time; "),
        (
            Rule.FOREIGN_LOAD,
            ForeignLoad(0.324, 2, 0.1),
            "other programs used 0.32 of the host's 2 cores (more than 10 %); ",
        ),
        (
            Rule.PROXY,
            ProxyBusy(0.95, 0.9),
            "the published port's docker-proxy used 0.95 cores (more than 0.9); ",
        ),
        (
            Rule.LITTLES_LAW,
            TimeUnexplained(0.062, 0.05),
            "+6.2 % of the users' time is neither thinking nor waiting (Little's law, 5 % allowed); ",
        ),
        (Rule.LITTLES_LAW, TimeUnexplained(0.2, 0.172), "+20.0 % of the users' time "),
        (
            Rule.UNREPORTED,
            TimeUnreported(0.341, 0.05, 57, 0.1),
            "34.1 % of the users' time passed neither in reported requests nor in pauses "
            "(5 % allowed; 57 times for more than 0.10 s); report each request",
        ),
        (
            Rule.UNREPORTED,
            TimeUnreported(0.341, 0.05, 57, 0.1, silent=3),
            "34.1 % of the users' time passed neither in reported requests nor in pauses (5 % allowed; 57 "
            "times for more than 0.10 s, and 3 users in the whole window: they wait for an answer, or for ",
        ),
        (
            Rule.UNREPORTED,
            TimeUnreported(0.015, 0.05, 2, 1.0, Slo("p95", 1.0)),
            "2 times users spent more than 1.00 s neither in reported requests nor in pauses, "
            "too often to tell p95; report each request",
        ),
        (
            Rule.LOOP_LAG,
            LoopLate(0.03, 0.025),
            "Locust's event loop came 30 ms late (25 ms allowed by these SLOs); ",
        ),
        (
            Rule.HOST_FULL,
            HostFull(1.98, 2, 0.8),
            "1.98 of the host's 2 cores were busy with target and load together, "
            "and the target used only 80 % of its CPU quota; ",
        ),
        (
            Rule.HOST_MEMORY,
            HostOutOfMemory(20 * MIB, 0.25),
            "the host had 20 MiB of memory left, while the target used 25 % of its own limit; ",
        ),
        (
            Rule.HOST_MEMORY,
            HostOutOfMemory(20 * MIB, 0.4, "database"),
            "the host had 20 MiB of memory left, while the companion database used 40 % of its own limit; ",
        ),
        (
            Rule.TOO_FEW_REQUESTS,
            TooFewRequests(Slo("mean", 1.0), 10, 20, users=10, window_s=60.0, all_requests=10),
            "too few requests to judge mean: it needs 20, 10 users make 10 a minute; ",
        ),
    ],
)
def test_an_invalid_step_has_a_cause_and_a_remedy(rule: Rule, evidence: StepEvidence, words: str) -> None:
    judgement = Judgement(rule, evidence)
    assert judgement.verdict is Verdict.INVALID
    explanation = explain_judgement(judgement)
    assert explanation.startswith(words)
    assert ";" in explanation


def test_an_oom_kill_of_a_process_is_explained_with_its_time() -> None:
    explanation = explain_judgement(Judgement(Rule.OOM_KILL, ProcessKilled(20.4)))
    assert explanation == (
        "the kernel killed a process of the target for lack of memory 20 s after the ramp began; "
        "its container went on"
    )


def test_an_oom_kill_in_a_companion_names_it() -> None:
    explanation = explain_judgement(Judgement(Rule.OOM_KILL, ProcessKilled(20.4, "db")))
    assert explanation == (
        "the kernel killed a process of the companion db for lack of memory 20 s after the ramp began; "
        "its container went on"
    )


def make_growth(lasts_s: float, *, rose_to_full: bool = False) -> MemoryGrows:
    trend = MemoryTrend(
        MemoryOutlook.FILLS, 310.0, 30 * MIB, 47 * MIB, 1.2 * MIB / 60, 1.0 * MIB / 60, 1.4 * MIB / 60, 1e9,
        lasts_s, rose_to_full,
    )  # fmt: skip
    return MemoryGrows(trend, 96 * MIB, 200, 3600.0)


def test_a_growing_memory_is_explained_by_how_long_its_limit_lasts() -> None:
    """Watched for 310 s, it lasts 2,150 s more: 2,580 s at 1 MiB a minute, and 1,843 s at 1.4."""
    explanation = explain_judgement(Judgement(Rule.MEMORY_GROWS, make_growth(41 * 60.0)))
    assert explanation == (
        "its memory grows by 1.2 MiB a minute at 200 users: 96 MiB last 41 min (36 min – 48 min), and "
        "the matrix asks for 1 h (steps.horizon)"
    )
    alone = replace(make_growth(41 * 60.0), users=1)
    assert "a minute at 1 user: 96 MiB" in explain_judgement(Judgement(Rule.MEMORY_GROWS, alone))
    full = explain_judgement(Judgement(Rule.MEMORY_GROWS, make_growth(60.0, rose_to_full=True)))
    assert full == "its memory grew by 1.2 MiB a minute at 200 users until its 96 MiB were full"


def test_a_window_without_requests_is_explained() -> None:
    words = explain_judgement(Judgement(Rule.NO_DATA, NoRequests()))
    assert words.startswith("no request started within the window; let the tasks ask by self.client, or ")
    refused = RequestFailure("POST /login", "HTTPError: 401 Client Error: Unauthorized for url: /login", 9, 9)
    words = explain_judgement(Judgement(Rule.NO_DATA, NoRequests(refused)))
    assert words == (
        "no request started within the window; requests failed before it "
        "(POST /login: 401 Unauthorized, 9 of 9)"
    )


def test_a_quote_is_one_short_line() -> None:
    assert quote_first_line("\n" + "x" * 400 + "\nmore") == "x" * 300


# Cells


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (None, ""),
        (SLOW, "p95 1.204 s > 1 s"),
        (NeverBroke(), "it sustained every number of users that was measured"),
        (NothingMeasured(), "nothing was measured"),
        (Skipped("wants 8 cores"), "wants 8 cores"),
        (NotReady("it exited with code 1"), "it exited with code 1"),
        (NotReady("exit code 1", was_ready_before=True), "it did not come up again: exit code 1"),
        (
            SustainedBySmaller(400, Limits(0.5, 64 * MIB)),
            "sustains ≥ 400: so does the smaller 0.5 CPU / 64 MiB",
        ),
        (
            BrokenByLarger(400, Limits(0.5, 64 * MIB, 2)),
            "does not sustain 400: nor does the larger 2 × 0.5 CPU / 64 MiB",
        ),
        (OutOfMemory(256 * MIB, 100), "it ran out of its 256 MiB and was killed at 100 users"),
        (MemoryFull(0.94, 256 * MIB), "its working set reached 94 % of 256 MiB"),
        (
            Thrashing(MemoryFull(1.0, 48 * MIB), 1.84, 10),
            "its working set reached 100 % of 48 MiB, and a request costs 1.8 times the CPU time that it "
            "does at 10 users: the kernel keeps dropping pages that are needed again",
        ),
        (
            CpuQuotaUsed(0.97, 1.0, 0.634),
            "its CPU quota is used up (97 % used, throttled in 63 % of periods)",
        ),
        (CpuQuotaUsed(0.97, 1.0, None), "its CPU quota is used up (97 % of 1 CPU used)"),
        (
            CpuQuotaUsed(0.97, 1.0, 0.634, 0.71),
            "its CPU quota is used up (97 % used, throttled in 63 % of periods, "
            "work waited for a core 71 % of the time)",
        ),
        (
            MemoryShort(None, 64 * MIB, 5213.0),
            "it thrashes in its 64 MiB: the kernel drops pages of files that are needed again, and 5213 "
            "times a second one is read from the disk",
        ),
        (
            MemoryShort(None, 64 * MIB, 45.0, slows_requests=False),
            "it may be its memory: in its 64 MiB the kernel drops pages of files that are needed again, and "
            "45 times a second one is read from the disk; for how long work waited for that is not known: "
            "the kernel's own files are not in reach (run the harness on the engine's machine)",
        ),
        (
            MemoryShort(None, 64 * MIB, 45.0, slows_requests=False, has_files=True),
            "it may be its memory: in its 64 MiB the kernel drops pages of files that are needed again, and "
            "45 times a second one is read from the disk; for how long work waited for that is not known: "
            "this kernel does not count it for a container (it does with cgroup v2, and psi=1 at boot)",
        ),
        (
            CompanionStalled("db", MemoryShort(None, 128 * MIB, 5213.0)),
            "its companion db thrashes in its 128 MiB: the kernel drops pages of files that are needed "
            "again, and 5213 times a second one is read from the disk",
        ),
        (
            MemoryShort(0.34, 64 * MIB),
            "memory stalled it 34 % of the time: it thrashes in its 64 MiB, where the kernel keeps dropping "
            "pages that are needed again",
        ),
        (DiskStalled(0.71, 0.12, 10), "it waited for a disk 71 % of the time (12 % at 10 users)"),
        (DiskStalled(0.71), "it waited for a disk 71 % of the time"),
        (
            CompanionStalled("db", DiskStalled(0.8)),
            "its companion db waited for a disk 80 % of the time",
        ),
        (
            CompanionStalled("db", MemoryShort(0.34, 128 * MIB)),
            "memory stalled its companion db 34 % of the time: it thrashes in its 128 MiB, where the kernel "
            "keeps dropping pages that are needed again",
        ),
        (
            Thrashing(MemoryFull(1.0, 48 * MIB), 1.84, 10, 0.04),
            "its working set reached 100 % of 48 MiB, and a request costs 1.8 times the CPU time that it "
            "does at 10 users: the kernel keeps dropping pages that are needed again, and memory stalled it "
            "4.0 % of the time",
        ),
        (
            Thrashing(MemoryFull(1.0, 48 * MIB), 1.84, 10, 0.002),
            "its working set reached 100 % of 48 MiB, and a request costs 1.8 times the CPU time that it "
            "does at 10 users: the kernel lets nothing wait for memory, so this is its own work, as by a "
            "garbage collector",
        ),
        (
            OwnConcurrency(SLOW, 0.6, is_throttling_unknown=True),
            "p95 1.204 s > 1 s while its CPU is 60 % used; how often it was throttled is not known, so it "
            "may be the CPU: the engine does not report it, and the kernel's own files don't count it, or "
            "are not in reach (run the harness on the engine's machine)",
        ),
        (
            OwnConcurrency(SLOW, 0.2, io_ratio=0.02),
            "p95 1.204 s > 1 s while its CPU is 20 % used; more CPU does not help: its requests wait for its "
            "own workers, locks or connections, or for the network, which is not counted (for a disk 2.0 % "
            "of the time)",
        ),
        (
            CompanionFull("database", 0.4, 0.99, 0.93),
            "its companion database has used up its 0.4 CPU (99 % used, throttled in 93 % of periods)",
        ),
        (
            RequestErrors(0.043, "reset by peer", 15, None, are_resets=False),
            "4.3 % of the requests failed, most often with reset by peer (15 times)",
        ),
        (
            RequestErrors(0.18, "HTTP 503", 61, 12.3, are_resets=False),
            "18 % of the requests failed, the first after 12 s, most often with HTTP 503 (61 times)",
        ),
        (OwnConcurrency(SLOW, None), "p95 1.204 s > 1 s; how much of its CPU it used is not known"),
        (
            OwnConcurrency(SLOW, 0.2),
            "p95 1.204 s > 1 s while its CPU is 20 % used; more CPU does not help: its requests wait for "
            "its own workers, locks or connections, or for a disk or the network, which are not counted",
        ),
        (
            OwnConcurrency(SLOW, 0.56, 4.7, 1.34, throttled_ratio=0.47),
            "p95 1.204 s > 1 s while its CPU is 56 % used, and it levels off at 5 RPS, about 1.3 requests at "
            "once; more CPU helps in part (throttled in 47 % of periods): its requests wait for its own "
            "workers, locks or connections, or for a disk or the network, which are not counted",
        ),
        (
            OwnConcurrency(SLOW, 0.49, 19.0, 0.9, busy_cores=1, limit_cores=2.0),
            "p95 1.204 s > 1 s while its CPU is 49 % used: it keeps 1 core of its 2 busy, as a single thread "
            "does; more CPU does not help, more workers may",
        ),
        (
            OwnConcurrency(SLOW, 0.5, busy_cores=2, limit_cores=4.0),
            "p95 1.204 s > 1 s while its CPU is 50 % used: it keeps 2 cores of its 4 busy, as 2 threads "
            "do; more CPU does not help, more workers may",
        ),
        (
            CompanionMemoryFull("database", 256 * MIB, 1.0),
            "its companion database has filled its memory (100 % of 256 MiB)",
        ),
        (
            CpuQuotaUsed(0.64, 0.25, 0.78),
            "its requests use up its CPU quota in bursts (throttled in 78 % of periods, 64 % of 0.25 CPU "
            "used on average)",
        ),
    ],
)
def test_the_evidence_of_a_cell_is_explained_with_its_figures(
    evidence: CellEvidence | None, words: str
) -> None:
    assert explain_evidence(evidence) == words


def test_the_explanation_of_idle_connections_that_were_closed_gives_advice() -> None:
    evidence = RequestErrors(0.02, "RemoteDisconnected", 9, 3.0, are_resets=True)
    assert "raise its keep-alive timeout" in explain_evidence(evidence)


# Two campaigns


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (ScenarioChanged(), "the scenario changed"),
        (SlosChanged(), "they were judged by other SLOs"),
        (NoCommonSize(), "they have no size in common"),
        (MachineDifference("machine.cores", 4, 2), "another machine: machine cores 2, was 4"),
    ],
)
def test_a_doubt_says_why_two_campaigns_are_not_comparable(doubt: Doubt, words: str) -> None:
    assert explain_doubt(doubt) == words


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (MachineDifference("machine.cpu_model", "x", "y"), "machine cpu model y, was x"),
        (MachineDifference("engine.version", "24", "25"), "engine version 25, was 24"),
        (
            MachineDifference("machine.memory_bytes", 8 << 30, 4 << 30),
            "machine memory bytes 4294967296, was 8589934592",
        ),
        (MachineDifference("engine.cgroup_version", None, "2"), "engine cgroup version 2, was None"),
    ],
)
def test_a_machine_difference_names_the_fact_and_both_values(
    difference: MachineDifference, words: str
) -> None:
    assert explain_machine_difference(difference) == words


def test_a_changed_part_is_named_with_its_article() -> None:
    assert name_part("matrix") == "the matrix"


NEEDS = "too few requests to judge p99 of /checkout: it needs 100 of that name"
RARE = TooFewRequests(Slo("p99", 2.0, "/checkout"), 4, 100, users=10, window_s=240.0, all_requests=900)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (
            replace(RARE, users_at=400),
            f"{NEEDS}; 4 of 900 requests had it, 400 users make 40 a minute; "
            "set steps.window.at_most to 5m, or judge a lower percentile",
        ),
        (
            RARE,  # 200 requests would take 200 minutes
            f"{NEEDS}; 4 of 900 requests had it, 10 users make 1.0 a minute, so it takes a window of "
            "3 h 20 min; judge a lower percentile, or let the scenario make such requests more often",
        ),
        (
            replace(RARE, requests=0, names=("GET /", "POST /pay")),
            "no request named /checkout was among 900, only GET /, POST /pay; "
            "correct the name in slos.by_name, or let the scenario make such requests more often",
        ),
        (
            replace(RARE, requests=0, names=("GET /", "POST /checkouts")),
            "no request named /checkout was among 900, only GET /, POST /checkouts (did you mean POST "
            "/checkouts?); correct the name in slos.by_name, or let the scenario make such requests more "
            "often",
        ),
    ],
)
def test_a_lack_of_requests_says_what_would_help(evidence: TooFewRequests, words: str) -> None:
    assert explain_judgement(Judgement(Rule.TOO_FEW_REQUESTS, evidence)) == words
