"""What stopped a cell: rules over the step that broke it, each with its evidence sentence.

The sentence completes "stops there because …".
"""

from harness.model import Cell, Factor, Limits, StepResult

THROTTLED_AT_LEAST = 0.25
CPU_USED_AT_LEAST = 0.85
MEMORY_USED_AT_LEAST = 0.90


def limiting_factor(cell: Cell, broken: StepResult) -> tuple[Factor, str]:
    """The first rule that fires on the step at the lowest failing number of users."""
    return (
        _memory(cell.limits, broken)
        or _errors(broken)
        or _cpu(cell.limits, broken)
        or (Factor.TARGET, _own_concurrency(cell.limits, broken))
    )


def _memory(limits: Limits, step: StepResult) -> tuple[Factor, str] | None:
    if step.oom:
        return (
            Factor.MEMORY,
            f"it ran out of its {_mib(limits.memory_bytes)} and was killed at {step.users} users",
        )
    peak = step.memory_peak_bytes
    if (
        peak is not None
        and peak >= MEMORY_USED_AT_LEAST * limits.memory_bytes
        and step.rule in ("died", "stalled")
    ):
        return (
            Factor.MEMORY,
            f"its working set reached {peak / limits.memory_bytes:.0%} of {_mib(limits.memory_bytes)}",
        )
    return None


def _errors(step: StepResult) -> tuple[Factor, str] | None:
    """Errors count as the cause only where response times had not broken their own limit first."""
    if not (step.rule.startswith("errors") or step.rule in ("died", "all-failed")):
        return None
    if not step.errors:
        return Factor.ERRORS, step.reason
    text, count = max(step.errors.items(), key=lambda item: item[1])
    return (
        Factor.ERRORS,
        f"{step.error_ratio or 0:.1%} of the requests failed, most often with {text[:120]} ({count} times)",
    )


def _cpu(limits: Limits, step: StepResult) -> tuple[Factor, str] | None:
    used = step.cpu_used_cores / limits.cpu_cores if step.cpu_used_cores is not None else 0.0
    throttled = step.throttled_ratio or 0.0
    if throttled >= THROTTLED_AT_LEAST and used >= CPU_USED_AT_LEAST / 2:
        return (
            Factor.CPU,
            f"its CPU quota is used up ({used:.0%} used, throttled in {throttled:.0%} of periods)",
        )
    if used >= CPU_USED_AT_LEAST:
        return Factor.CPU, f"its CPU quota is used up ({used:.0%} of {limits.cpu_cores:g} CPU used)"
    return None


def _own_concurrency(limits: Limits, step: StepResult) -> str:
    if step.cpu_used_cores is None:
        return f"{step.reason}; how much of its CPU it used is not known"
    used = f"{step.cpu_used_cores / limits.cpu_cores:.0%}"
    return f"{step.reason} while its CPU is {used} used: its own concurrency is the limit, not its size"


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**2:g} MiB"
