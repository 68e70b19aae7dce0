"""Put verdicts and causes into words: the one place that turns evidence into sentences.

Recorded texts, such as errors and logs, are not cleaned here; the caller does that (`text.clean_text`).
"""

from harness.model import Doubt, IndicatorKind, Judgement, MachineDifference, Rule, Slo
from harness.model.cell_evidence import BrokeInSoak, CellEvidence, ErrorsAtAnyLoad
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
    SustainedBySmaller,
    Thrashing,
    TimeUnexplained,
)
from harness.model.failures import TargetNotAsked
from harness.model.rare_requests import NameFailed, TooFewRequests
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort
from harness.model.task_evidence import TaskEvidence
from harness.model.user_time import TimeEvidence
from harness.report.view import stalls
from harness.report.view.failures import describe_failure, explain_constant_errors, explain_target_not_asked
from harness.report.view.memory import explain_memory_growth
from harness.report.view.rare_requests import explain_lack_of_answers
from harness.report.view.scenario_errors import explain_task_evidence, suggest_for_ending
from harness.report.view.text import (
    format_change,
    format_cpu,
    format_duration,
    format_judged_ratio,
    format_limit,
    format_mebibytes,
    format_milliseconds,
    format_number,
    format_ratio,
    format_seconds,
    format_size,
    format_slo_limit,
    format_users,
)
from harness.report.view.unreported import explain_time_evidence

_QUOTED_AT_MOST = 300
_ERROR_AT_MOST = 120

_USED_UP_FROM_RATIO = 0.85
_NO_REQUEST_REMEDY = (
    "let the tasks ask by self.client, or report what they ask with its time in milliseconds "
    "(environment.events.request.fire), or allow a longer window"
)
_ENDINGS = {
    Rule.DIED: "the target's container ended under load ({note})",
    Rule.DEPENDENCY_DIED: "a companion's container ended under load ({note})",
    Rule.STALLED: "the target stopped answering ({note})",
    Rule.ALL_FAILED: "every request failed ({note})",
    Rule.GENERATOR: "the load ended early: {note}; {remedy}",
    Rule.REMOVED: "{note}; keep others away from the engine while it measures",
    Rule.USERS: "{note}; look for errors in on_start, or lower users.spawn_rate",
}


def explain_evidence(evidence: CellEvidence | None) -> str:
    """Return what stopped a cell, or why it has no answer; empty without evidence.

    For a limiting factor the text completes "stops there because …".
    """
    match evidence:
        case None:
            return ""
        case Judgement():
            return explain_judgement(evidence)
        case NeverBroke():
            return "it sustained every number of users that was measured"
        case NothingMeasured():
            return "nothing was measured"
        case Skipped(reason):
            return reason
        case NotReady(failure, was_ready_before):
            return f"it did not come up again: {failure}" if was_ready_before else failure
        case SustainedBySmaller(users, smaller):
            return f"sustains ≥ {users}: so does the smaller {format_size(smaller)}"
        case BrokenByLarger(users, larger):
            return f"does not sustain {users}: nor does the larger {format_size(larger)}"
        case BrokeInSoak():
            return _explain_broken_soak(evidence)
        case ErrorsAtAnyLoad():
            return explain_constant_errors(evidence)
        case OutOfMemory() | MemoryFull() | Thrashing():
            return _explain_memory(evidence)
        case RequestErrors():
            return _explain_errors(evidence)
        case CpuQuotaUsed():
            return _explain_cpu(evidence)
        case CompanionFull() | CompanionMemoryFull():
            return _explain_companion(evidence)
        case MemoryShort() | DiskStalled() | CompanionStalled():
            return stalls.explain_stall(evidence)
        case OwnConcurrency():
            return _explain_concurrency(evidence)


def _explain_broken_soak(evidence: BrokeInSoak) -> str:
    held = format_duration(evidence.held_s)
    passed = (
        f"at {format_users(evidence.passed_users or evidence.users)} it passed for "
        f"{format_duration(evidence.passed_s)}"
        if evidence.passed_s is not None
        else f"at {format_users(evidence.users)} a smaller size passed"
    )
    fewer = "" if evidence.passed_users is None else f" at {format_users(evidence.users)}"
    broke = f"broke after {held} when held longer" if evidence.has_ended else f"broke when held for {held}"
    return f"{passed}, but it {broke}{fewer}: {explain_evidence(evidence.cause)}"


def _explain_memory(evidence: OutOfMemory | MemoryFull | Thrashing) -> str:
    match evidence:
        case OutOfMemory(limit_bytes, users):
            return (
                f"it ran out of its {format_mebibytes(limit_bytes)} and was killed at {format_users(users)}"
            )
        case MemoryFull(used_ratio, limit_bytes):
            return f"its working set reached {format_ratio(used_ratio)} of {format_mebibytes(limit_bytes)}"
        case Thrashing(memory, cost_ratio, light_users, stalled_ratio):
            return (
                f"{_explain_memory(memory)}, and a request costs {format_number(cost_ratio, 1)} times the "
                f"CPU time that it does at {format_users(light_users)}: {stalls.explain_cost(stalled_ratio)}"
            )


def _explain_errors(evidence: RequestErrors) -> str:
    first_s = evidence.first_after_s
    first = "" if first_s is None else f", the first after {format_seconds(first_s, 0)}"
    advice = (
        ": the server closes idle connections just as users come back on them; "
        "raise its keep-alive timeout above the users' longest pause"
    )
    return (
        f"{format_ratio(evidence.ratio)} of the requests failed{first}, most often with "
        f"{evidence.error[:_ERROR_AT_MOST]} ({evidence.count} times){advice if evidence.are_resets else ''}"
    )


def _explain_cpu(evidence: CpuQuotaUsed) -> str:
    used, throttled = format_ratio(evidence.used_ratio), evidence.throttled_ratio
    stalled = stalls.describe_cpu_stall(evidence.stalled_ratio)
    if throttled is None:
        return f"its CPU quota is used up ({used} of {format_cpu(evidence.limit_cores)} used{stalled})"
    if evidence.used_ratio < _USED_UP_FROM_RATIO:
        return (
            "its requests use up its CPU quota in bursts "
            f"(throttled in {format_ratio(throttled)} of periods{stalled}, "
            f"{used} of {format_cpu(evidence.limit_cores)} used on average)"
        )
    return (
        f"its CPU quota is used up ({used} used, throttled in {format_ratio(throttled)} of periods{stalled})"
    )


def _explain_companion(evidence: CompanionFull | CompanionMemoryFull) -> str:
    if isinstance(evidence, CompanionMemoryFull):
        used = format_ratio(evidence.used_ratio)
        limit = format_mebibytes(evidence.limit_bytes)
        return f"its companion {evidence.name} has filled its memory ({used} of {limit})"
    return (
        f"its companion {evidence.name} has used up its {format_cpu(evidence.limit_cores)} "
        f"({format_ratio(evidence.used_ratio)} used, "
        f"throttled in {format_ratio(evidence.throttled_ratio)} of periods)"
    )


def _explain_concurrency(evidence: OwnConcurrency) -> str:
    reason = explain_judgement(evidence.judgement)
    if evidence.cpu_used_ratio is None:
        return f"{reason}; how much of its CPU it used is not known"
    limit = f"{reason} while its CPU is {format_ratio(evidence.cpu_used_ratio)} used"
    if evidence.is_throttling_unknown:
        return f"{limit}; {stalls.THROTTLING_UNKNOWN}"
    busy_cores, throttled = evidence.busy_cores, evidence.throttled_ratio
    waits = stalls.name_waits(evidence.io_ratio)
    if busy_cores is not None and evidence.limit_cores is not None:
        cores = "1 core" if busy_cores == 1 else f"{busy_cores} cores"
        threads = "a single thread does" if busy_cores == 1 else f"{busy_cores} threads do"
        return (
            f"{limit}: it keeps {cores} of its {format_number(evidence.limit_cores)} busy, as {threads}; "
            "more CPU does not help, more workers may"
        )
    if evidence.rps is not None and evidence.requests_at_once is not None:
        at_once = f"about {format_number(evidence.requests_at_once, 1)} requests at once"
        limit += f", and it levels off at {format_number(evidence.rps, 0)} RPS, {at_once}"
    if throttled is None:
        return f"{limit}; more CPU does not help: {waits}"
    return f"{limit}; more CPU helps in part (throttled in {format_ratio(throttled)} of periods): {waits}"


def explain_judgement(judgement: Judgement) -> str:
    """Return why a step has its verdict, such as "p95 1.204 s > 1 s"; for an invalid step also a remedy."""
    evidence = judgement.evidence
    if isinstance(evidence, TaskEvidence):
        return explain_task_evidence(evidence)
    if isinstance(evidence, TimeEvidence):
        return explain_time_evidence(evidence)
    match evidence:
        case SlosHold(evaluations):
            return "; ".join(_explain_evaluation(each) for each in evaluations)
        case SloBroken(evaluation):
            return _explain_evaluation(evaluation)
        case TooFewRequests() | NameFailed():
            return explain_lack_of_answers(evidence, _name_slo(evidence.slo))
        case EndedStep(note):
            first_line = quote_first_line(note)
            remedy = suggest_for_ending(first_line)
            return _ENDINGS.get(judgement.rule, "{note}").format(note=first_line, remedy=remedy)
        case EveryRequestFailed(error, count, failure):
            how = describe_failure(failure) if failure else f"{quote_first_line(error)}, {count} times"
            return f"every request failed ({how})"
        case NoRequests(failure):
            why = (
                f"requests failed before it ({describe_failure(failure)})" if failure else _NO_REQUEST_REMEDY
            )
            return f"no request started within the window; {why}"
        case TargetNotAsked():
            return explain_target_not_asked(evidence)
        case CountersSilent() | GeneratorBusy() | LoopLate() | ClockUncertain() | TimeUnexplained():
            return _explain_generator(evidence)
        case MemoryGrows():
            return explain_memory_growth(evidence)
        case ProcessKilled(after_s, companion):
            of_whom = "the target" if companion is None else f"the companion {companion}"
            when = f"{format_seconds(after_s, 0)} after the ramp began"
            killed = f"the kernel killed a process of {of_whom} for lack of memory"
            return f"{killed} {when}; its container went on"
        case CpuStolen() | ForeignLoad() | ProxyBusy() | HostFull() | HostOutOfMemory():
            return _explain_host(evidence)


def _explain_generator(
    evidence: CountersSilent | GeneratorBusy | LoopLate | ClockUncertain | TimeUnexplained,
) -> str:
    match evidence:
        case CountersSilent(gap_s):
            return (
                f"no counter was read for {format_seconds(gap_s, 0)}: "
                "this host, the harness or Locust was suspended; keep them awake while they measure"
            )
        case GeneratorBusy(process, used_ratio, allowed_ratio):
            return (
                f"{_name_process(process)} used {format_ratio(used_ratio)} of a core "
                f"(more than {format_limit(allowed_ratio)}); "
                "use FastHttpUser, more processes (load: {workers: auto}), or fewer users"
            )
        case LoopLate(lag_s, allowed_s):
            allowed = (
                "" if allowed_s is None else f" ({format_milliseconds(allowed_s)} allowed by these SLOs)"
            )
            return (
                f"Locust's event loop came {format_milliseconds(lag_s)} late{allowed}; "
                "leave it a core of its own, or look for blocking calls in the locustfile"
            )
        case ClockUncertain(error_s, allowed_s):
            return (
                f"a worker's clock may be wrong by {format_milliseconds(error_s)} "
                f"({format_milliseconds(allowed_s)} allowed); "
                "leave workers CPU to answer, or fix their network"
            )
        case TimeUnexplained(ratio, allowed_ratio):
            return (
                f"{format_change(ratio, 1)} of the users' time is neither thinking nor waiting "
                f"(Little's law, {format_limit(allowed_ratio)} allowed); "
                "the generator stalled, or users were missing"
            )


def _explain_host(evidence: CpuStolen | ForeignLoad | ProxyBusy | HostFull | HostOutOfMemory) -> str:
    match evidence:
        case CpuStolen(ratio):
            taken = f"the hypervisor took {format_ratio(ratio)} of the host's CPU time"
            return f"{taken}; measure on a quieter machine"
        case ForeignLoad(used_cores, host_cores, allowed_ratio):
            cores = "core" if host_cores == 1 else "cores"
            return (
                f"other programs used {format_number(used_cores, 2)} of the host's {host_cores} {cores} "
                f"(more than {format_limit(allowed_ratio)}); stop them, or measure on a quieter machine"
            )
        case ProxyBusy(used_cores, allowed_cores):
            return (
                f"the published port's docker-proxy used {format_number(used_cores, 2)} cores "
                f"(more than {format_number(allowed_cores)}); "
                "set userland-proxy to false in the engine's daemon.json, or use fewer users"
            )
        case HostFull(busy_cores, host_cores, target_ratio):
            return (
                f"{format_number(busy_cores, 2)} of the host's {host_cores} cores were busy "
                "with target and load together, "
                f"and the target used only {format_ratio(target_ratio)} of its CPU quota; "
                "make the load on another engine (load.engines), or use a host with more cores"
            )
        case HostOutOfMemory(available_bytes, used_ratio, companion):
            user = "the target" if companion is None else f"the companion {companion}"
            return (
                f"the host had {format_mebibytes(available_bytes)} of memory left, "
                f"while {user} used {format_ratio(used_ratio)} of its own limit; "
                "free memory on the host, or use a host with more"
            )


def explain_doubt(doubt: Doubt) -> str:
    """Return why two campaigns are not comparable, such as "they have no size in common"."""
    match doubt:
        case ScenarioChanged():
            return "the scenario changed"
        case SlosChanged():
            return "they were judged by other SLOs"
        case NoCommonSize():
            return "they have no size in common"
        case MachineDifference():
            return f"another machine: {explain_machine_difference(doubt)}"


def explain_machine_difference(difference: MachineDifference) -> str:
    """Return how a machine differs from the one before, such as "machine cores 2, was 4"."""
    fact = difference.fact.replace(".", " ").replace("_", " ")
    return f"{fact} {difference.after}, was {difference.before}"


def name_part(part: str) -> str:
    """Return a part of a plan that has a content hash, as a sentence names it: "the matrix"."""
    return f"the {part}"


def name_rule(judgement: Judgement) -> str:
    """Return the name of a verdict's rule, such as "steal"; if an SLO decided, its name ("p95 of GET /")."""
    match judgement.evidence:
        case SloBroken(evaluation):
            return _name_slo(evaluation.slo)
        case TooFewRequests(slo) | NameFailed(slo):
            return _name_slo(slo)
        case _:
            return judgement.rule.value


def quote_first_line(recorded: str) -> str:
    """Return the first line of a recorded text, shortened for a quote; "no evidence" for an empty text."""
    lines = recorded.strip().splitlines()
    return lines[0][:_QUOTED_AT_MOST] if lines else "no evidence"


def _explain_evaluation(evaluation: SloEvaluation) -> str:
    """Return the value and its limit, such as "p95 1.204 s > 1 s", response times to the millisecond.

    Where no request failed, it says if they are too few to exclude a share above the limit.
    """
    slo, value = evaluation.slo, evaluation.value
    sign = "≤" if evaluation.holds else ">"
    if value is None:
        return f"{_name_slo(slo)} unknown"
    measured = format_seconds(value, 3) if slo.is_response_time else format_judged_ratio(value, slo.at_most)
    is_unsure = slo.kind is IndicatorKind.ERRORS and value == 0 and not evaluation.is_settled
    doubt = " (too few requests to be sure)" if is_unsure else ""
    return f"{_name_slo(slo)} {measured} {sign} {format_slo_limit(slo)}{doubt}"


def _name_slo(slo: Slo) -> str:
    return f"{slo.indicator} of {slo.request_name}" if slo.request_name else slo.indicator


def _name_process(process: int | None) -> str:
    if process is None:
        return "Locust"
    return f"Locust's worker {process}" if process else "Locust's master"
