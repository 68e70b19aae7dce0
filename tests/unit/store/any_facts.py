"""Generate any facts that a step may have, and convert facts to values that can be compared."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness.model import (
    CpuReading,
    EndReason,
    ErrorOrigin,
    EventKind,
    GeneratorSample,
    HostSample,
    Requests,
    StepFacts,
    TargetEvent,
    TargetSample,
    TaskError,
    TaskErrorSample,
    TaskFacts,
    TaskSample,
    ThinkTimes,
    UnreportedRequests,
)
from harness.model.facts import BurstFacts

SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 2**62)
TEXTS = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)
"""Texts with lone surrogates too, which a log line or an exception's text may contain."""


@st.composite
def requests(draw: st.DrawFn) -> Requests:
    names, errors = draw(st.lists(TEXTS, min_size=1, max_size=4)), draw(st.lists(TEXTS, max_size=4))
    answered, unfinished = draw(st.integers(0, 30)), draw(st.integers(0, 5))

    def seconds(size: int) -> Any:
        return draw(arrays.arrays(np.float64, size, elements=SECONDS))

    def numbers(size: int, low: int, high: int) -> Any:
        return draw(arrays.arrays(np.int32, size, elements=st.integers(low, high)))

    return Requests(
        tuple(names),
        tuple(errors),
        seconds(answered),
        seconds(answered),
        numbers(answered, 0, len(names) - 1),
        numbers(answered, -1, len(errors) - 1),
        seconds(unfinished),
        numbers(unfinished, 0, len(names) - 1),
        numbers(answered, -1, 99),
        numbers(unfinished, -1, 99),
    )


@st.composite
def thinks(draw: st.DrawFn) -> ThinkTimes:
    size = draw(st.integers(0, 10))
    column = arrays.arrays(np.float64, size, elements=SECONDS)
    owners = arrays.arrays(np.int32, size, elements=st.integers(-1, 99))
    return ThinkTimes(draw(column), draw(column), draw(owners))


@st.composite
def unreported(draw: st.DrawFn) -> UnreportedRequests:
    size = draw(st.integers(0, 3))
    return UnreportedRequests(
        draw(arrays.arrays(np.float64, size, elements=SECONDS)),
        draw(arrays.arrays(np.int32, size, elements=st.integers(0, 3))),
    )


def rows(kind: type, *columns: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.builds(kind, *columns), max_size=4).map(tuple)


@st.composite
def tasks(draw: st.DrawFn) -> TaskFacts:
    """Draw counted tasks; without a sample nothing was counted, and nothing is stored."""
    errors = draw(st.lists(st.builds(TaskError, st.sampled_from(ErrorOrigin), TEXTS, TEXTS), max_size=3))
    samples = draw(st.lists(st.builds(TaskSample, SECONDS, COUNTS), max_size=3))
    error_samples = (
        draw(rows(TaskErrorSample, SECONDS, st.integers(0, len(errors) - 1), COUNTS, COUNTS, COUNTS))
        if errors and samples
        else ()
    )
    return TaskFacts(tuple(errors), tuple(samples), error_samples) if samples else TaskFacts()


BUSY_S = st.lists(SECONDS, min_size=1, max_size=3).map(tuple)
STEPS = st.builds(
    StepFacts,
    index=st.integers(1, 999),
    life=st.integers(1, 99),
    users=st.integers(1, 10_000),
    spawn_rate=SECONDS,
    ramp_from_s=SECONDS,
    settle_from_s=SECONDS | st.none(),
    window_from_s=SECONDS | st.none(),
    window_to_s=SECONDS | st.none(),
    ended_s=SECONDS,
    end_reason=st.sampled_from(EndReason),
    note=TEXTS,
    requests=requests(),
    thinks=thinks(),
    target=rows(
        TargetSample,
        SECONDS,
        SECONDS,
        COUNTS,
        COUNTS,
        SECONDS,
        COUNTS,
        COUNTS | st.none(),
        COUNTS,
        COUNTS,
    ),
    cpu=rows(CpuReading, SECONDS, SECONDS),
    host=rows(
        HostSample,
        SECONDS,
        BUSY_S,
        SECONDS,
        COUNTS,
        SECONDS,
        COUNTS,
        COUNTS,
        COUNTS,
        COUNTS,
        *[SECONDS | st.none()] * 4,
    ),
    generator=rows(GeneratorSample, SECONDS, SECONDS, COUNTS, SECONDS, COUNTS, COUNTS),
    events=rows(TargetEvent, SECONDS, st.sampled_from(EventKind), TEXTS),
    tasks=tasks(),
    unreported=unreported(),
    burst=st.none() | st.builds(BurstFacts, COUNTS, SECONDS | st.none(), SECONDS | st.none(), SECONDS),
)


def to_plain(value: Any) -> Any:
    """Convert a value to comparable lists and numbers: floats to five decimals, each array with its dtype."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), [to_plain(item) for item in value.tolist()]
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {
            field.name: to_plain(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return round(value * 1e5) if isinstance(value, float) else value
