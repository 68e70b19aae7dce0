"""A comparison of two versions as it may come about: the head needs some 5 % more CPU time per request."""

from dataclasses import replace

from harness.analyse.result.ab import assess_ab, measure_changes
from harness.model import MIB, Failures, Limits, Rule, TargetUse
from harness.model.ab import AbRecord, AbTest, AbWindows, Held, Pair
from tests.unit.analyse.synthetic import make_step

TEST = AbTest("web:1", "web:2", Limits(0.5, 256 * MIB), users=150, within_s=600.0, least_ratio=0.05)
_BASE_S = (4.01, 4.05, 3.96, 4.22, 4.10, 4.04, 3.99, 4.07, 4.13, 4.02)
_CHANGES = (1.02, 1.09, 1.04, 1.10, 1.03, 1.07, 1.09, 1.03, 1.00, 1.05)
_PACES_S = (2.00, 2.01, 1.99, 2.08, 2.03, 2.01, 2.00, 2.02, 2.05, 2.00)
_EACH_S = 52.0


def build_record(base: str = TEST.base, head: str = TEST.head, target: str = "shop") -> AbRecord:
    """Return ten pairs: the third was disturbed in its head, and the sixth in both windows."""
    test = replace(TEST, base=base, head=head)
    rows = enumerate(zip(_BASE_S, _CHANGES, _PACES_S, strict=True), 1)
    pairs = tuple(
        Pair(
            number,
            hold(cpu_ms / 1000, pace_ms / 1000, is_disturbed=number == 6),
            hold(cpu_ms * change / 1000, pace_ms / 1000, is_disturbed=number in (3, 6)),
            40 + number * _EACH_S,
            is_final=number == len(_BASE_S),
        )
        for number, (cpu_ms, change, pace_ms) in rows
    )
    return AbRecord(
        target,
        "20261126-101500-shop-ab",
        "2026-11-26T10:15:00+00:00",
        assess_ab(test, pairs),
        pairs,
        measure_changes(pairs),
        AbWindows(3.0, 15.0, 2.5, 0.74),
    )


def hold(cpu_s: float, pace_s: float, *, is_disturbed: bool = False) -> Held:
    """Hold a window of this CPU time per request on a host of this pace."""
    rule = Rule.FOREIGN_LOAD if is_disturbed else Rule.SLOS_HOLD
    step = make_step(
        TEST.users,
        rule.verdict,
        rule=rule,
        p95_s=50 * cpu_s,
        mean_s=20 * cpu_s,
        rps=60.3,
        failures=Failures(ratio=0.0),
        target=TargetUse(cpu_cores=60.3 * cpu_s, cpu_per_request_s=cpu_s, memory_peak_bytes=61 * MIB),
        work_s=pace_s,
    )
    return Held(step)
