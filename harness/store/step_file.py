"""A step's raw facts as one gzipped JSON file, a list per column; and back, exactly.

Instants and durations are kept to 10 µs.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from harness.errors import StoreError
from harness.model import (
    CompanionFacts,
    EndReason,
    EventKind,
    GeneratorSample,
    HostSample,
    Limits,
    Requests,
    StepFacts,
    TargetEvent,
    TargetSample,
    ThinkTimes,
    WorkerSample,
)

FORMAT = 1
DIGITS = 5
MOST_BYTES = 512 * 1024 * 1024
SECONDS = ("start_s", "latency_s", "unfinished_start_s")
INDICES = ("name", "error", "unfinished_name")
SCALARS = tuple(
    field.name
    for field in fields(StepFacts)
    if field.name
    not in ("ended", "requests", "thinks", "target", "host", "generator", "events", "companions", "workers")
)
S = TypeVar("S", TargetSample, HostSample, GeneratorSample, WorkerSample, TargetEvent)


def encode_step(facts: StepFacts) -> bytes:
    document = {
        "format": FORMAT,
        **{name: getattr(facts, name) for name in SCALARS},
        "ended": facts.ended.value,
        "requests": _encode_requests(facts.requests),
        "thinks": {"start_s": _floats(facts.thinks.start_s), "planned_s": _floats(facts.thinks.planned_s)},
        "target": _columns(TargetSample, facts.target),
        "host": _columns(HostSample, facts.host),
        "generator": _columns(GeneratorSample, facts.generator),
        "events": _columns(TargetEvent, facts.events),
    }
    if facts.companions:
        document["companions"] = {name: _encode_companion(each) for name, each in facts.companions.items()}
    if facts.workers:
        document["workers"] = _columns(WorkerSample, facts.workers)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), compresslevel=3, mtime=0)


def decode_step(data: bytes, path: Path) -> StepFacts:
    """Raises StoreError naming `path` when the data is not a step of ours."""
    try:
        document = json.loads(_unpacked(data))
        if document["format"] != FORMAT:
            raise StoreError(f"{path}: format {document['format']!r}, this harness reads {FORMAT}")
        return StepFacts(
            **{name: document[name] for name in SCALARS},
            ended=EndReason(document["ended"]),
            requests=_decode_requests(document["requests"]),
            thinks=_decode_thinks(document["thinks"]),
            target=_rows(TargetSample, document["target"]),
            host=_rows(HostSample, document["host"]),
            generator=_rows(GeneratorSample, document["generator"]),
            events=_decode_events(document["events"]),
            companions={
                name: _decode_companion(each) for name, each in document.get("companions", {}).items()
            },
            workers=_rows(WorkerSample, document["workers"]) if "workers" in document else (),
        )
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        RecursionError,
        AttributeError,
    ) as error:
        raise StoreError(f"{path}: damaged ({error})", "restore the file, or start a new campaign") from None


def _unpacked(data: bytes) -> bytes:
    """Bounded: a small file may hold more zeros than this machine has memory."""
    with gzip.open(io.BytesIO(data)) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES // 2**20} MiB")
    return text


def _encode_requests(requests: Requests) -> dict[str, Any]:
    return {
        "names": list(requests.names),
        "errors": list(requests.errors),
        **{name: _floats(getattr(requests, name)) for name in SECONDS},
        **{name: getattr(requests, name).tolist() for name in INDICES},
    }


def _decode_requests(document: dict[str, Any]) -> Requests:
    columns: dict[str, Any] = {name: _array(document[name]) for name in SECONDS}
    columns |= {name: np.array(document[name], dtype=np.int32) for name in INDICES}
    _same_length(columns[name] for name in ("start_s", "latency_s", "name", "error"))
    _same_length(columns[name] for name in ("unfinished_start_s", "unfinished_name"))
    return Requests(names=tuple(document["names"]), errors=tuple(document["errors"]), **columns)


def _encode_companion(companion: CompanionFacts) -> dict[str, Any]:
    return {**asdict(companion.limits), **_columns(TargetSample, companion.samples)}


def _decode_companion(document: dict[str, Any]) -> CompanionFacts:
    limits = Limits(float(document.pop("cpu_cores")), int(document.pop("memory_bytes")))
    document.pop("replicas", None)
    return CompanionFacts(limits, _rows(TargetSample, document))


def _decode_thinks(document: dict[str, Any]) -> ThinkTimes:
    thinks = ThinkTimes(_array(document["start_s"]), _array(document["planned_s"]))
    _same_length((thinks.start_s, thinks.planned_s))
    return thinks


def _decode_events(columns: dict[str, list[Any]]) -> tuple[TargetEvent, ...]:
    return tuple(replace(event, kind=EventKind(event.kind)) for event in _rows(TargetEvent, columns))


def _same_length(columns: Iterable[np.ndarray]) -> None:
    if len({column.shape for column in columns}) != 1:
        raise ValueError("columns of unequal length")


def _floats(values: np.ndarray) -> list[float]:
    rounded: list[float] = np.round(values, DIGITS).tolist()
    return rounded


def _array(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _columns(kind: type, rows: Sequence[Any]) -> dict[str, list[Any]]:
    return {field.name: [_plain(getattr(row, field.name)) for row in rows] for field in fields(kind)}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    return [round(item, DIGITS) for item in value] if isinstance(value, tuple) else value


def _rows(kind: type[S], columns: dict[str, list[Any]]) -> tuple[S, ...]:
    """Columns that were added since the file was written are left to their defaults."""
    names = [field.name for field in fields(kind) if field.default is MISSING or field.name in columns]
    build: Callable[..., S] = kind
    rows = zip(*(columns[name] for name in names), strict=True)
    return tuple(
        build(**{name: _value(value) for name, value in zip(names, row, strict=True)}) for row in rows
    )


def _value(stored: Any) -> Any:
    return tuple(stored) if isinstance(stored, list) else stored
