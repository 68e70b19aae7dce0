"""Put into words for what a container waited, by the kernel's pressure stall information."""

from harness.model.stalls import CompanionStalled, DiskStalled, MemoryStalled, StallEvidence, Stalls
from harness.report.view.text import format_mebibytes, format_ratio

_TOLD_FROM_RATIO = 0.10
"""Shorter waiting is left out of a step's reason: response times hardly show it."""

_WAITED_FROM_RATIO = 0.01
"""The kernel did not let work wait for memory if it did so for less of the time."""

THROTTLING_UNKNOWN = (
    "how often it was throttled is not known, so it may be the CPU: the engine does not report it, and the "
    "kernel's own files are not in reach (run the harness on the engine's machine)"
)


def explain_stall(evidence: StallEvidence) -> str:
    """Return what was waited for, such as "memory stalled it 34 % of the time: it thrashes in its 64 MiB"."""
    if isinstance(evidence, CompanionStalled):
        return _explain(evidence.stall, f"its companion {evidence.name}")
    return _explain(evidence, "it")


def _explain(stall: MemoryStalled | DiskStalled, who: str) -> str:
    stalled = f"{format_ratio(stall.stalled_ratio)} of the time"
    if isinstance(stall, MemoryStalled):
        return (
            f"memory stalled {who} {stalled}: it thrashes in its {format_mebibytes(stall.limit_bytes)}, "
            "where the kernel keeps dropping pages that are needed again"
        )
    before = ""
    if stall.light_ratio is not None and stall.light_users is not None:
        before = f" ({format_ratio(stall.light_ratio)} at {stall.light_users} users)"
    return f"{who} waited for a disk {stalled}{before}"


def describe_stalls(stalls: Stalls) -> str:
    """Return for what work waited at least 10 % of the time; empty if for nothing, or if it is unknown.

    An example: "work waited for a core 63 % of the time, for memory 34 %".
    """
    told = [
        (name, ratio)
        for name, ratio in (
            ("a core", stalls.cpu_ratio),
            ("memory", stalls.memory_ratio),
            ("a disk", stalls.io_ratio),
        )
        if ratio is not None and ratio >= _TOLD_FROM_RATIO
    ]
    if not told:
        return ""
    (name, ratio), *others = told
    parts = [f"for {name} {format_ratio(ratio)} of the time"]
    parts += [f"for {other} {format_ratio(share)}" for other, share in others]
    return f"work waited {', '.join(parts)}"


def describe_cpu_stall(ratio: float | None) -> str:
    """Return what waiting for a core cost, as a further part of a list; empty if it is unknown."""
    return "" if ratio is None else f", work waited for a core {format_ratio(ratio)} of the time"


def explain_cost(stalled_ratio: float | None) -> str:
    """Return why requests cost more CPU time at the limit of the memory; None if stalls were not counted."""
    if stalled_ratio is None:
        return "the kernel keeps dropping pages that are needed again"
    if stalled_ratio < _WAITED_FROM_RATIO:
        return "the kernel lets nothing wait for memory, so this is its own work, as by a garbage collector"
    return (
        "the kernel keeps dropping pages that are needed again, and memory stalled it "
        f"{format_ratio(stalled_ratio)} of the time"
    )


def name_waits(io_ratio: float | None) -> str:
    """Return for what requests may wait if it is neither CPU nor memory; None if the disk was not counted."""
    own = "its requests wait for its own workers, locks or connections"
    if io_ratio is None:
        return f"{own}, or for a disk or the network, which are not counted"
    disk = f"for a disk {format_ratio(io_ratio)} of the time"
    return f"{own}, or for the network, which is not counted ({disk})"
