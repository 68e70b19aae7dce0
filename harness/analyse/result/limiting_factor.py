"""What stopped a cell: rules over the step that broke it, each with its evidence sentence.

The sentence completes "stops there because …". Lighter steps of the same cell say what is usual: what one
request costs, and how long it takes when nobody else asks.
"""

from collections.abc import Sequence

from harness.model import Cell, Factor, Limits, StepResult, Verdict

THROTTLED_AT_LEAST = 0.25
CPU_USED_AT_LEAST = 0.85
MEMORY_USED_AT_LEAST = 0.90
THRASHING_COST_AT_LEAST = 1.5
"""CPU time per request at the memory limit over that of a lighter step, from which on the kernel's work of
reading the program's own pages back is the load, and not the requests.
"""

RESETS = ("RemoteDisconnected", "ConnectionReset", "Connection reset", "ConnectionAborted", "BrokenPipe")
RESET_LATENCY_AT_MOST_S = 0.05
"""A request on a connection that the server had closed already fails at once."""


def limiting_factor(cell: Cell, broken: StepResult, steps: Sequence[StepResult] = ()) -> tuple[Factor, str]:
    """The first rule that fires on the step at the lowest failing number of users; `steps` are the cell's."""
    light = _lightest(broken, steps)
    return (
        _memory(cell.limits, broken, light)
        or _dead_dependency(broken)
        or _errors(broken)
        or _cpu(cell.limits, broken)
        or _dependency(broken)
        or (Factor.TARGET, _own_concurrency(cell.limits, broken, light))
    )


def _lightest(broken: StepResult, steps: Sequence[StepResult]) -> StepResult | None:
    """The step with the fewest users that passed, lighter than the one that broke."""
    passed = [step for step in steps if step.verdict is Verdict.PASS and step.users < broken.users]
    return min(passed, key=lambda step: step.users, default=None)


def _memory(limits: Limits, step: StepResult, light: StepResult | None) -> tuple[Factor, str] | None:
    if step.oom:
        return (
            Factor.MEMORY,
            f"it ran out of its {_mib(limits.memory_bytes)} and was killed at {step.users} users",
        )
    used = (step.memory_peak_bytes or 0) / limits.memory_bytes
    if used < MEMORY_USED_AT_LEAST:
        return None
    reached = f"its working set reached {used:.0%} of {_mib(limits.memory_bytes)}"
    if step.rule in ("died", "stalled"):
        return Factor.MEMORY, reached
    dearer = _cost_ratio(step, light)
    if light is not None and dearer is not None and dearer >= THRASHING_COST_AT_LEAST:
        return Factor.MEMORY, (
            f"{reached}, and a request costs {dearer:.1f} times the CPU time that it does "
            f"at {light.users} users: the kernel keeps dropping pages that are needed again"
        )
    return None


def _cost_ratio(step: StepResult, light: StepResult | None) -> float | None:
    """CPU time per request over that of the lighter step; None where either is unknown."""
    if light is None or not light.cpu_per_request_s or step.cpu_per_request_s is None:
        return None
    return step.cpu_per_request_s / light.cpu_per_request_s


def _errors(step: StepResult) -> tuple[Factor, str] | None:
    """Errors count as the cause only where response times had not broken their own limit first."""
    if not (step.rule.startswith("errors") or step.rule in ("died", "all-failed")):
        return None
    if not step.errors:
        return Factor.ERRORS, step.reason
    text, count = max(step.errors.items(), key=lambda item: item[1])
    since = "" if step.first_error_s is None else f", the first after {step.first_error_s:.0f} s"
    said = (
        f"{step.error_ratio or 0:.1%} of the requests failed{since}, "
        f"most often with {text[:120]} ({count} times)"
    )
    return Factor.ERRORS, f"{said}{_REUSED if _are_resets(step) else ''}"


_REUSED = (
    ": the server closes idle connections just as users come back on them; "
    "raise its keep-alive timeout above the users' longest pause"
)


def _are_resets(step: StepResult) -> bool:
    """Whether most failures are connections that were closed under a request, at once and while it lives."""
    resets = sum(count for text, count in step.errors.items() if any(word in text for word in RESETS))
    at_once = step.error_latency_s is not None and step.error_latency_s <= RESET_LATENCY_AT_MOST_S
    return step.rule.startswith("errors") and at_once and 2 * resets > sum(step.errors.values())


def _cpu(limits: Limits, step: StepResult) -> tuple[Factor, str] | None:
    used = step.cpu_used_cores / limits.all_cores if step.cpu_used_cores is not None else 0.0
    throttled = step.throttled_ratio or 0.0
    if throttled >= THROTTLED_AT_LEAST and used >= CPU_USED_AT_LEAST / 2:
        return (
            Factor.CPU,
            f"its CPU quota is used up ({used:.0%} used, throttled in {throttled:.0%} of periods)",
        )
    if used >= CPU_USED_AT_LEAST:
        return Factor.CPU, f"its CPU quota is used up ({used:.0%} of {limits.all_cores:g} CPU used)"
    return None


def _dead_dependency(step: StepResult) -> tuple[Factor, str] | None:
    return (Factor.DEPENDENCY, step.reason) if step.rule == "dependency-died" else None


def _dependency(step: StepResult) -> tuple[Factor, str] | None:
    """The fullest of its companions, judged as the target itself is."""
    found = [
        (use.cpu_used_cores / use.limits.cpu_cores, use.throttled_ratio or 0.0, use)
        for use in step.companions
        if use.cpu_used_cores is not None
    ]
    full = [
        each
        for each in found
        if each[0] >= CPU_USED_AT_LEAST
        or (each[1] >= THROTTLED_AT_LEAST and each[0] >= CPU_USED_AT_LEAST / 2)
    ]
    if not full:
        return None
    used, throttled, use = max(full, key=lambda each: each[:2])
    return Factor.DEPENDENCY, (
        f"its companion {use.name} has used up its {use.limits.cpu_cores:g} CPU "
        f"({used:.0%} used, throttled in {throttled:.0%} of periods)"
    )


def _own_concurrency(limits: Limits, step: StepResult, light: StepResult | None) -> str:
    if step.cpu_used_cores is None:
        return f"{step.reason}; how much of its CPU it used is not known"
    used = f"{step.cpu_used_cores / limits.all_cores:.0%}"
    said = f"{step.reason} while its CPU is {used} used: its own concurrency is the limit, not its size"
    if light is None or not light.p50_s or not step.rps:
        return said
    at_once = step.rps * light.p50_s
    return f"{said} (it levels off at {step.rps:.0f} RPS, about {at_once:.1f} requests at once)"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:g} MiB"
