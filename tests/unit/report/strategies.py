"""Draw campaigns for property tests: any status, any number, any text, any evidence."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from harness.model import (
    MIB,
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    Drift,
    Factor,
    Failures,
    Fingerprint,
    Judgement,
    Latency,
    Limits,
    Repeatability,
    Rule,
    Slo,
    Soak,
    Status,
    StepResult,
    TargetUse,
    Verdict,
)
from harness.model.cell_evidence import BrokeInSoak
from harness.model.evidence import (
    CompanionFull,
    CompanionMemoryFull,
    EndedStep,
    EveryRequestFailed,
    HostFull,
    HostOutOfMemory,
    LoopLate,
    NeverBroke,
    NotReady,
    OwnConcurrency,
    ProcessKilled,
    RequestErrors,
    Skipped,
    SloBroken,
    SloEvaluation,
    SlosHold,
)
from harness.model.stalls import CompanionStalled, DiskStalled, MemoryShort, Stalls
from tests.unit.report.example import build_campaign

TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "\x1b[31mred\x1b[0m",
        "=1+1",
        "a|b",
        "<b>",
        "</script><script>alert(1)</script>",
        "\u202eevil",
        "\x00\ufffe",
        "www.x.y",
    ]
)
USERS = st.integers(1, 400)
NUMBERS = st.none() | st.floats(0, 1e6) | st.sampled_from([float("nan"), float("inf")])
SECONDS = st.none() | st.floats(1e-6, 600) | st.just(float("nan"))
RATIOS = st.none() | st.floats(0, 1)

COUNTS = st.integers(0, 10**6)
EVALUATIONS = st.builds(
    SloEvaluation,
    st.builds(Slo, st.sampled_from(["p95", "errors"]), st.floats(0.001, 10), st.none() | TEXTS),
    st.none() | st.floats(0, 1e6),
    st.booleans(),
    st.just(True),
)
JUDGEMENTS = st.one_of(
    st.builds(Judgement, st.just(Rule.SLOS_HOLD), st.builds(SlosHold, st.tuples(EVALUATIONS))),
    st.builds(Judgement, st.just(Rule.SLO_BROKEN), st.builds(SloBroken, EVALUATIONS)),
    st.builds(
        Judgement,
        st.sampled_from([Rule.DIED, Rule.STALLED, Rule.GENERATOR, Rule.REMOVED]),
        st.builds(EndedStep, TEXTS),
    ),
    st.builds(Judgement, st.just(Rule.ALL_FAILED), st.builds(EveryRequestFailed, TEXTS, COUNTS)),
    st.builds(Judgement, st.just(Rule.LOOP_LAG), st.builds(LoopLate, st.floats(0, 100), SECONDS)),
    st.builds(Judgement, st.just(Rule.OOM_KILL), st.builds(ProcessKilled, st.floats(0, 1e4))),
    st.builds(
        Judgement, st.just(Rule.HOST_FULL), st.builds(HostFull, st.floats(0, 64), COUNTS, st.floats(0, 1))
    ),
    st.builds(
        Judgement,
        st.just(Rule.HOST_MEMORY),
        st.builds(HostOutOfMemory, COUNTS, st.floats(0, 1), st.none() | TEXTS),
    ),
)
EVIDENCE = st.one_of(
    st.none(),
    JUDGEMENTS,
    st.just(NeverBroke()),
    st.builds(Skipped, TEXTS),
    st.builds(NotReady, TEXTS, st.booleans()),
    st.builds(RequestErrors, st.floats(0, 1), TEXTS, COUNTS, RATIOS, st.booleans()),
    st.builds(CompanionFull, TEXTS, st.floats(0.1, 8), st.floats(0, 1), st.floats(0, 1)),
    st.builds(CompanionMemoryFull, TEXTS, st.integers(1, 2**40), st.floats(0, 1)),
    st.builds(
        MemoryShort,
        st.none() | st.floats(0, 1),
        st.integers(1, 2**40),
        st.none() | st.floats(0, 1e6),
        slows_requests=st.booleans(),
    ),
    st.builds(
        CompanionStalled, TEXTS, st.builds(DiskStalled, st.floats(0, 1), st.none() | st.floats(0, 1), USERS)
    ),
    st.builds(
        OwnConcurrency,
        JUDGEMENTS,
        RATIOS,
        RATIOS,
        RATIOS,
        busy_cores=st.none() | st.integers(1, 64),
        limit_cores=st.none() | st.floats(0.1, 64),
        throttled_ratio=st.none() | st.floats(0, 1),
    ),
    st.builds(
        BrokeInSoak, USERS, st.none() | st.floats(0, 600), st.floats(0, 600), st.booleans(), JUDGEMENTS
    ),
)
STEPS = st.builds(
    StepResult,
    index=st.integers(1, 99),
    life=st.just(1),
    users=USERS,
    judgement=JUDGEMENTS,
    window_s=st.floats(0, 200),
    load_s=st.floats(0, 300),
    requests=COUNTS,
    rps=NUMBERS,
    latency=st.builds(Latency, SECONDS, SECONDS, SECONDS, SECONDS, RATIOS),
    failures=st.builds(Failures, RATIOS, st.dictionaries(TEXTS, st.integers(1, 1000), max_size=2)),
    target=st.builds(
        TargetUse,
        NUMBERS,
        SECONDS,
        RATIOS,
        st.none() | st.integers(0, 2**40),
        stalls=st.builds(Stalls, RATIOS, RATIOS, RATIOS, st.none() | COUNTS, NUMBERS),
    ),
    shortfall_ratio=RATIOS,
)


# Strategies are built once, because to build them anew takes longer than to draw.
MAYBE_TEXTS = st.none() | TEXTS
LONG_SECONDS = st.floats(0, 1e5)
BYTES = st.none() | st.integers(0, 2**40)
STATUSES = st.sampled_from(Status)
STATES = st.sampled_from(CampaignState)
FACTORS = st.none() | st.sampled_from(Factor)
CORES = st.sampled_from([0.1, 0.25, 0.5, 1, 2])
MEBIBYTES = st.sampled_from([32, 64, 96, 256])
VARIANTS = st.none() | st.sampled_from(["one", "four"])
ATTEMPTS = st.integers(1, 3)
LOWS = st.integers(1, 399)
INFERRED_ENDS = st.sampled_from([(400, None), (None, 400)])
SOME_STEPS = st.lists(STEPS, max_size=3)
MAYBE_STEP = st.none() | STEPS
COUNT_OF_CELLS = st.integers(0, 5)
SLOS = st.lists(
    st.builds(Slo, st.sampled_from(["p95", "p99.9", "mean", "errors"]), st.floats(0.001, 10), MAYBE_TEXTS),
    max_size=3,
)
MORE_FACTS = st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS), max_size=3)
CHANGES = st.none() | st.floats(-1, 10) | st.just(float("nan"))
ALLOWED = st.none() | st.floats(0, 1) | st.just(float("inf"))
DRIFT_EVIDENCE = JUDGEMENTS | st.builds(NotReady, TEXTS)


@st.composite
def draw_soak(draw: st.DrawFn) -> Soak:
    """Draw a soak with a step, or one whose target did not come up."""
    step = draw(MAYBE_STEP)
    evidence = NotReady(draw(TEXTS)) if step is None else step.judgement
    return Soak(draw(USERS), step, evidence, draw(LONG_SECONDS))


SOAKS = st.none() | draw_soak()


@st.composite
def draw_cell(draw: st.DrawFn, number: int = 0) -> CellResult:
    """Draw a cell whose sustained and broken users agree with its status."""
    status = draw(STATUSES)
    low = draw(LOWS)
    ends = {
        Status.BRACKETED: (low, draw(st.integers(low + 1, 400))),
        Status.CENSORED: (400, None),
        Status.NONE: (None, low),
        Status.INFERRED: draw(INFERRED_ENDS),
        Status.RUNNING: draw(st.sampled_from([(None, None), (low, None), (None, low), (low, low + 1)])),
    }
    sustained, broken = ends.get(status, (None, None))
    limits = Limits(
        draw(CORES),
        draw(MEBIBYTES) * MIB,
        variant=draw(VARIANTS),
    )
    has_load = sustained is not None
    return CellResult(
        cell=Cell(f"web-{number}", "web", limits, draw(MAYBE_TEXTS), draw(ATTEMPTS)),
        status=status,
        sustained_users=sustained,
        broken_users=broken,
        estimate_users=draw(NUMBERS),
        estimate_low=draw(NUMBERS),
        estimate_high=draw(NUMBERS),
        limiting_factor=draw(FACTORS),
        evidence=draw(EVIDENCE),
        rps=draw(NUMBERS) if has_load else None,
        p95_s=draw(SECONDS) if has_load else None,
        error_ratio=draw(RATIOS),
        cpu_used_cores=draw(NUMBERS),
        throttled_ratio=draw(RATIOS),
        memory_peak_bytes=draw(BYTES),
        load_s=draw(LONG_SECONDS),
        steps=tuple(draw(SOME_STEPS)),
        soak=draw(SOAKS),
    )


@st.composite
def draw_checks(draw: st.DrawFn, cells: list[CellResult]) -> dict[str, Any]:
    """Draw a campaign's checks on itself: any drift, any monotonicity violations, any spread."""
    others = st.none() | st.sampled_from(cells)
    with_violations = [
        replace(each, first=draw(others), monotonicity_violation=draw(others.map(get_cell))) for each in cells
    ]
    drifts = st.builds(
        Drift,
        st.sampled_from([each.cell for each in cells]),
        USERS,
        st.sampled_from(Verdict),
        DRIFT_EVIDENCE,
        CHANGES,
        CHANGES,
        CHANGES,
        ALLOWED,
        st.booleans(),
    )
    repetitions = st.builds(
        Repeatability, st.just(cells[0].cell.limits), st.just((cells[0], cells[-1])), RATIOS
    )
    return {
        "cells": tuple(with_violations),
        "drift": draw(st.none() | drifts),
        "repeatability": tuple(draw(st.lists(repetitions, max_size=2))),
    }


def get_cell(result: CellResult | None) -> Cell | None:
    return None if result is None else result.cell


@st.composite
def draw_campaign(draw: st.DrawFn) -> CampaignResult:
    count, slos = draw(COUNT_OF_CELLS), draw(SLOS)
    results = [draw(draw_cell(number)) for number in range(count)]
    return build_campaign(
        **({"cells": results} | (draw(draw_checks(results)) if results else {})),
        campaign="c" + draw(TEXTS),
        target="t" + draw(TEXTS),
        scenario=draw(TEXTS),
        slos=tuple(slos),
        state=draw(STATES),
        fingerprint=Fingerprint(
            more=draw(MORE_FACTS)
        ),
    )  # fmt: skip
