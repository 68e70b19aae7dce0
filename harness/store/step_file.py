"""Encode a step's raw facts as one gzipped JSON document with a list per column, and decode them again.

Times in seconds, and all other fractions, are rounded to five decimals (10 µs).

A scalar of StepFacts or a column of its samples may be added under the same format number if its field has a
default: a file that lacks it is read with the default.
"""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from harness.errors import StoreError
from harness.model import (
    CompanionFacts,
    CpuReading,
    EndReason,
    ErrorOrigin,
    EventKind,
    GeneratorSample,
    HostSample,
    Limits,
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
    WorkerSample,
)
from harness.model.facts import BurstFacts

_FORMAT = 1
_DECIMALS = 5
MOST_BYTES = 512 * 1024 * 1024
"""The longest text that a step's file may unpack to."""
_SECONDS_COLUMNS = ("start_s", "latency_s", "unfinished_start_s")
_INDEX_COLUMNS = ("name", "error", "unfinished_name")
_OWNER_COLUMNS = ("owner", "unfinished_owner")
_SCALAR_FIELDS = tuple(
    field
    for field in fields(StepFacts)
    if field.name
    not in (
        "end_reason",
        "requests",
        "thinks",
        "target",
        "cpu",
        "host",
        "generator",
        "events",
        "companions",
        "workers",
        "tasks",
        "unreported",
        "burst",
    )
)
_Row = TypeVar(
    "_Row",
    TargetSample,
    CpuReading,
    HostSample,
    GeneratorSample,
    WorkerSample,
    TargetEvent,
    TaskSample,
    TaskErrorSample,
    TaskError,
)


def encode_step(facts: StepFacts) -> bytes:
    """Return the content of a step's file."""
    document = {
        "format": _FORMAT,
        **{field.name: getattr(facts, field.name) for field in _SCALAR_FIELDS},
        "ended": facts.end_reason.value,
        "requests": _encode_requests(facts.requests),
        "thinks": {
            "start_s": _round_floats(facts.thinks.start_s),
            "planned_s": _round_floats(facts.thinks.planned_s),
            "owner": facts.thinks.owner.tolist(),
        },
        "target": _to_columns(TargetSample, facts.target),
        "host": _to_columns(HostSample, facts.host),
        "generator": _to_columns(GeneratorSample, facts.generator),
        "events": _to_columns(TargetEvent, facts.events),
    }
    if facts.cpu:
        document["cpu"] = _to_columns(CpuReading, facts.cpu)
    if facts.companions:
        document["companions"] = {name: _encode_companion(each) for name, each in facts.companions.items()}
    if facts.workers:
        document["workers"] = _to_columns(WorkerSample, facts.workers)
    if facts.tasks.samples:
        document["tasks"] = _encode_tasks(facts.tasks)
    if len(facts.unreported.start_s):
        document["unreported"] = {
            "start_s": _round_floats(facts.unreported.start_s),
            "name": facts.unreported.name.tolist(),
        }
    if facts.burst is not None:
        document["burst"] = {name: _to_plain(value) for name, value in asdict(facts.burst).items()}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode(), compresslevel=3, mtime=0)


def decode_step(data: bytes, path: Path) -> StepFacts:
    """Return the step. Raises StoreError, naming `path`, if the data are damaged or of another format."""
    try:
        document = json.loads(_unpack(data))
        if document["format"] != _FORMAT:
            raise StoreError(f"{path}: format {document['format']!r}, this harness reads {_FORMAT}")
        return StepFacts(
            **{name: document[name] for name in _list_stored(_SCALAR_FIELDS, document)},
            end_reason=EndReason(document["ended"]),
            requests=_decode_requests(document["requests"]),
            thinks=_decode_thinks(document["thinks"]),
            target=_to_rows(TargetSample, document["target"]),
            cpu=_to_rows(CpuReading, document["cpu"]) if "cpu" in document else (),
            host=_to_rows(HostSample, document["host"]),
            generator=_to_rows(GeneratorSample, document["generator"]),
            events=_decode_events(document["events"]),
            companions={
                name: _decode_companion(each) for name, each in document.get("companions", {}).items()
            },
            workers=_to_rows(WorkerSample, document["workers"]) if "workers" in document else (),
            tasks=_decode_tasks(document["tasks"]) if "tasks" in document else TaskFacts(),
            unreported=_decode_unreported(document.get("unreported", {"start_s": [], "name": []})),
            burst=BurstFacts(**document["burst"]) if "burst" in document else None,
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


def _unpack(data: bytes) -> bytes:
    """Return the unpacked text. Raises ValueError if it is too long: a small file may unpack to gigabytes."""
    with gzip.open(io.BytesIO(data)) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"unpacks to more than {MOST_BYTES // 2**20} MiB")
    return text


def _encode_requests(requests: Requests) -> dict[str, Any]:
    return {
        "names": list(requests.names),
        "errors": list(requests.errors),
        **{name: _round_floats(getattr(requests, name)) for name in _SECONDS_COLUMNS},
        **{name: getattr(requests, name).tolist() for name in (*_INDEX_COLUMNS, *_OWNER_COLUMNS)},
    }


def _decode_requests(document: dict[str, Any]) -> Requests:
    columns: dict[str, Any] = {name: _to_array(document[name]) for name in _SECONDS_COLUMNS}
    columns |= {name: _to_indices(document[name]) for name in _INDEX_COLUMNS}
    columns |= {name: _to_indices(document.get(name, [])) for name in _OWNER_COLUMNS}
    _require_same_length(columns[name] for name in ("start_s", "latency_s", "name", "error"))
    _require_same_length(columns[name] for name in ("unfinished_start_s", "unfinished_name"))
    _require_owners(columns["owner"], columns["start_s"])
    _require_owners(columns["unfinished_owner"], columns["unfinished_start_s"])
    return Requests(names=tuple(document["names"]), errors=tuple(document["errors"]), **columns)


def _encode_companion(companion: CompanionFacts) -> dict[str, Any]:
    limits = companion.limits
    size = {"cpu_cores": limits.cpu_cores, "memory_bytes": limits.memory_bytes, "replicas": limits.replicas}
    return {**size, **_to_columns(TargetSample, companion.samples)}


def _decode_companion(document: dict[str, Any]) -> CompanionFacts:
    limits = Limits(float(document["cpu_cores"]), int(document["memory_bytes"]))
    return CompanionFacts(limits, _to_rows(TargetSample, document))


def _decode_thinks(document: dict[str, Any]) -> ThinkTimes:
    owner = _to_indices(document.get("owner", []))
    thinks = ThinkTimes(_to_array(document["start_s"]), _to_array(document["planned_s"]), owner)
    _require_same_length((thinks.start_s, thinks.planned_s))
    _require_owners(owner, thinks.start_s)
    return thinks


def _encode_tasks(tasks: TaskFacts) -> dict[str, Any]:
    return {
        **_to_columns(TaskSample, tasks.samples),
        "errors": _to_columns(TaskError, tasks.errors),
        "error_samples": _to_columns(TaskErrorSample, tasks.error_samples),
    }


def _decode_tasks(document: dict[str, Any]) -> TaskFacts:
    """Decode the tasks. Raises ValueError if a sample refers to an exception that is not among them."""
    errors = _to_rows(TaskError, document["errors"])
    samples = _to_rows(TaskErrorSample, document["error_samples"])
    if not all(0 <= sample.error < len(errors) for sample in samples):
        raise ValueError("an exception has no text")
    return TaskFacts(
        tuple(replace(error, origin=ErrorOrigin(error.origin)) for error in errors),
        _to_rows(TaskSample, document),
        samples,
    )


def _decode_unreported(document: dict[str, Any]) -> UnreportedRequests:
    unreported = UnreportedRequests(_to_array(document["start_s"]), _to_indices(document["name"]))
    _require_same_length((unreported.start_s, unreported.name))
    return unreported


def _decode_events(columns: dict[str, list[Any]]) -> tuple[TargetEvent, ...]:
    return tuple(replace(event, kind=EventKind(event.kind)) for event in _to_rows(TargetEvent, columns))


def _list_stored(declared: Iterable[Field[Any]], stored: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields to read: all but those that are not stored and have a default."""
    return [field.name for field in declared if field.name in stored or not _has_default(field)]


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _require_same_length(columns: Iterable[np.ndarray]) -> None:
    if len({column.shape for column in columns}) != 1:
        raise ValueError("columns have different lengths")


def _require_owners(owner: np.ndarray, rows: np.ndarray) -> None:
    """Raise ValueError if there are owners, but not one for each row: older files have none."""
    if len(owner):
        _require_same_length((owner, rows))


def _round_floats(values: np.ndarray) -> list[float]:
    rounded: list[float] = np.round(values, _DECIMALS).tolist()
    return rounded


def _to_array(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _to_indices(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def _to_columns(kind: type, rows: Sequence[Any]) -> dict[str, list[Any]]:
    return {field.name: [_to_plain(getattr(row, field.name)) for row in rows] for field in fields(kind)}


def _to_plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DECIMALS)
    return [round(item, _DECIMALS) for item in value] if isinstance(value, tuple) else value


def _to_rows(kind: type[_Row], columns: dict[str, list[Any]]) -> tuple[_Row, ...]:
    """Return the rows of a table that is stored as a list per column; a default fills an absent column."""
    names = _list_stored(fields(kind), columns)
    build: Callable[..., _Row] = kind
    rows = zip(*(_to_values(columns[name]) for name in names), strict=True)
    return tuple(build(**dict(zip(names, row, strict=True))) for row in rows)


def _to_values(column: list[Any]) -> list[Any]:
    return [tuple(stored) if isinstance(stored, list) else stored for stored in column]
