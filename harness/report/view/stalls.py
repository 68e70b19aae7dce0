"""Put into words for what a container waited, by the kernel's pressure stall information."""

from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort, StallEvidence, Stalls
from harness.report.view.text import NO_DATA, format_mebibytes, format_number, format_ratio, keep_finite

_WAITED_FROM_RATIO = 0.01
"""Work did not wait for a thing if it did so for less of the time."""

_REREAD_FROM_PER_S = 2.0
"""Fewer pages than that are read from a disk now and then anyway."""

_FILES_OUT_OF_REACH = "the kernel's own files are not in reach (run the harness on the engine's machine)"
_NOT_COUNTED = "this kernel does not count it for a container (it does with cgroup v2, and psi=1 at boot)"

THROTTLING_UNKNOWN = (
    "how often it was throttled is not known, so it may be the CPU: the engine does not report it, and the "
    "kernel's own files don't count it, or are not in reach (run the harness on the engine's machine)"
)


def explain_stall(evidence: StallEvidence) -> str:
    """Return what was waited for, such as "memory stalled it 34 % of the time: it thrashes in its 64 MiB"."""
    if isinstance(evidence, CompanionStalled):
        return _explain(evidence.stall, f"its companion {evidence.name}")
    return _explain(evidence, "it")


def _explain(stall: MemoryShort | DiskStalled, who: str) -> str:
    if isinstance(stall, MemoryShort):
        return _explain_shortage(stall, who)
    stalled = f"{format_ratio(stall.stalled_ratio)} of the time"
    before = ""
    if stall.light_ratio is not None and stall.light_users is not None:
        before = f" ({format_ratio(stall.light_ratio)} at {stall.light_users} users)"
    return f"{who} waited for a disk {stalled}{before}"


def _explain_shortage(short: MemoryShort, who: str) -> str:
    size = format_mebibytes(short.limit_bytes)
    if short.is_unclear:
        why = _NOT_COUNTED if short.has_files else _FILES_OUT_OF_REACH
        return (
            f"it may be its memory: in its {size} {describe_shortage(short)}; for how long work waited for "
            f"that is not known: {why}"
        )
    if short.stalled_ratio is None:
        return f"{who} thrashes in its {size}: {describe_shortage(short)}"
    return (
        f"memory stalled {who} {format_ratio(short.stalled_ratio)} of the time: it thrashes in its {size}, "
        "where the kernel keeps dropping pages that are needed again"
    )


def describe_shortage(short: MemoryShort) -> str:
    """Return what the kernel does where memory is short, and how much of it was counted."""
    parts = ["the kernel drops pages of files that are needed again"]
    if (short.reread_per_s or 0.0) >= _REREAD_FROM_PER_S:
        parts.append(f"{format_number(short.reread_per_s, 0)} times a second one is read from the disk")
    if short.stalled_ratio is not None:
        parts.append(f"work waited for memory {format_ratio(short.stalled_ratio)} of the time")
    *others, last = parts
    return f"{', '.join(others)}, and {last}" if others else last


def format_waits(stalls: Stalls) -> str:
    """Return for what work waited at least 1 % of the time, such as "core 63 %, memory 34 %".

    "nothing" if it is known that it did not wait.
    """
    ratios = [("core", stalls.cpu_ratio), ("memory", stalls.memory_ratio), ("disk", stalls.io_ratio)]
    known = [(name, ratio) for name, each in ratios if (ratio := keep_finite(each)) is not None]
    waits = [f"{name} {format_ratio(ratio)}" for name, ratio in known if ratio >= _WAITED_FROM_RATIO]
    return ", ".join(waits) or ("nothing" if len(known) == len(ratios) else NO_DATA)


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
