"""Write all requests of a campaign as one Parquet file, with a row for each request.

A step is read, written and forgotten before the next one is read, so memory holds one step at a time.
pyarrow, which writes the file, is an extra of the package.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from os.path import exists, isfile
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from harness.errors import UsageError
from harness.model import Cell, Purpose, StepFacts
from harness.store.folder import CampaignFolder, CampaignLog

_HINT = "name a file in a folder that exists: --output FILE"
_PHASES = ("ramp", "settle", "window", "drain")
_OUTCOMES = ("answered", "failed", "unfinished")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: the name of its type in Arrow, its unit ("" without one), and what it means."""

    type_name: str
    unit: str
    meaning: str


COLUMNS: Mapping[str, Column] = {
    "campaign": Column("string", "", "the name of the campaign"),
    "cell": Column("string", "", "the id of the cell, as in summary.csv"),
    "cpu_cores": Column("float64", "cores", "the CPU limit of each container of the size"),
    "memory_bytes": Column("int64", "bytes", "the memory limit of each container of the size"),
    "replicas": Column("int32", "", "how many containers the size has"),
    "attempt": Column("int32", "", "the search of the cell; null for a trial after the campaign"),
    "purpose": Column("string", "", "what the step was held for, as in events.jsonl"),
    "run": Column("int32", "", "the container run of the cell (its life)"),
    "step": Column("int32", "", "the step of the cell"),
    "users": Column("int32", "users", "the users that the step held"),
    "phase": Column("string", "", "the phase of the step in which it started"),
    "start_s": Column("float64", "s", "when it started, since the container run began"),
    "latency_s": Column("float64", "s", "how long it took, or had waited when the step ended"),
    "outcome": Column("string", "", "how it ended"),
    "name": Column("string", "", "its name in the scenario"),
    "error": Column("string", "", "why it failed; null unless it did"),
    "user": Column("int32", "", "the user who made it; null if that is unknown"),
    "spawned": Column("bool_", "", "true if a greenlet made it that the user had spawned; null as above"),
}
"""The columns in their order; docs/observability.md has the same."""


@dataclass(frozen=True, slots=True)
class _StoredStep:
    cell_id: str
    attempt: int | None
    purpose: Purpose
    file: str


def write_requests(folder: CampaignFolder, cells: Iterable[Cell], path: Path) -> tuple[int, int]:
    """Write the requests of all steps of a campaign; return the numbers of requests and of steps.

    `cells` are those of its plan. The file appears as a whole, and replaces one of the same name.

    Raises:
        UsageError: pyarrow is not installed, or the file can't be written.
        StoreError: the campaign can't be read.
    """
    _import_arrow()
    if exists(path) and not isfile(path):
        raise UsageError(f"{path} is a folder or a device", _HINT)
    partial = path.with_name(path.name + ".part")
    try:
        file = partial.open("wb")
    except (OSError, ValueError) as error:
        raise _refuse(path, error) from None
    try:
        with file:
            counts = _write_steps(folder, {cell.id: cell for cell in cells}, file)
        partial.replace(path)
    except OSError as error:
        raise _refuse(path, error) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return counts


def _refuse(path: Path, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else None
    return UsageError(f"{path}: {reason or error}", _HINT)


def _write_steps(folder: CampaignFolder, cells: Mapping[str, Cell], file: BinaryIO) -> tuple[int, int]:
    arrow, parquet = _import_arrow()
    schema, rows, steps = _build_schema(arrow), 0, 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for step in _list_steps(folder.read_log()):
            facts = folder.read_step(step.file)
            values = _build_values(folder.name, step, facts, cells.get(step.cell_id))
            arrays = [_to_array(arrow, schema.field(name).type, values[name]) for name in COLUMNS]
            table = arrow.table(arrays, schema=schema)
            writer.write_table(table)
            rows, steps = rows + table.num_rows, steps + 1
    return rows, steps


def _import_arrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "pyarrow, which writes Parquet, is not installed",
            "install it beside the harness: pip install pyarrow, or pipx inject capacity-harness pyarrow",
        ) from None
    return pyarrow, pyarrow.parquet


def _build_schema(arrow: Any) -> Any:
    return arrow.schema(
        [
            arrow.field(
                name,
                getattr(arrow, column.type_name)(),
                metadata={"description": column.meaning} | ({"unit": column.unit} if column.unit else {}),
            )
            for name, column in COLUMNS.items()
        ]
    )


def _list_steps(log: CampaignLog) -> Iterator[_StoredStep]:
    """Yield every step of the log: those of each attempt by their purpose, then the trials."""
    for (cell_id, attempt), record in log.attempts.items():
        for purpose in Purpose:
            if not purpose.is_trial:
                for file in record.get_step_files(purpose):
                    yield _StoredStep(cell_id, attempt, purpose, file)
    for trial in log.trials:
        if trial.step_file is not None:
            yield _StoredStep(trial.run.cell, None, trial.run.purpose, trial.step_file)


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """A column of texts as numbers of `choices`; a negative number is no text."""

    choices: tuple[str, ...]
    numbers: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A column of numbers of which only those are known where `is_known` is true."""

    numbers: np.ndarray
    is_known: np.ndarray


@dataclass(frozen=True, slots=True)
class _Same:
    """A column that has the same value in all `count` rows; None is no value."""

    value: object
    count: int


_Values = np.ndarray | _Texts | _Known | _Same
"""The values of a column, before they are converted to an array of Arrow."""


def _build_values(
    campaign: str, step: _StoredStep, facts: StepFacts, cell: Cell | None
) -> dict[str, _Values]:
    """Return the columns of a step: first the requests that ended, then those that had no answer."""
    requests = facts.requests
    start_s = np.concatenate([requests.start_s, requests.unfinished_start_s])
    waited_s = facts.ended_s - requests.unfinished_start_s
    no_errors = np.full(len(waited_s), -1, dtype=np.int32)
    outcome = np.concatenate([(requests.error >= 0).astype(np.int32), np.full(len(waited_s), 2, np.int32)])
    owner = _find_owners(facts)
    limits = cell.limits if cell is not None else None
    same = {
        "campaign": campaign,
        "cell": step.cell_id,
        "cpu_cores": limits and limits.cpu_cores,
        "memory_bytes": limits and limits.memory_bytes,
        "replicas": limits and limits.replicas,
        "attempt": step.attempt,
        "purpose": step.purpose.value,
        "run": facts.life,
        "step": facts.index,
        "users": facts.users,
    }
    return {
        **{name: _Same(value, len(start_s)) for name, value in same.items()},
        "phase": _Texts(_PHASES, _find_phases(facts, start_s)),
        "start_s": start_s,
        "latency_s": np.concatenate([requests.latency_s, waited_s]),
        "outcome": _Texts(_OUTCOMES, outcome),
        "name": _Texts(requests.names, np.concatenate([requests.name, requests.unfinished_name])),
        "error": _Texts(requests.errors, np.concatenate([requests.error, no_errors])),
        "user": _Known(owner // 2, owner >= 0),
        "spawned": _Known(owner % 2 == 1, owner >= 0),
    }


def _find_owners(facts: StepFacts) -> np.ndarray:
    """Return the owner of each request; facts of an older harness have none, which is -1."""
    requests = facts.requests
    parts = (
        (requests.owner, requests.start_s),
        (requests.unfinished_owner, requests.unfinished_start_s),
    )
    return np.concatenate(
        [owner if len(owner) else np.full(len(rows), -1, dtype=np.int32) for owner, rows in parts]
    )


def _find_phases(facts: StepFacts, start_s: np.ndarray) -> np.ndarray:
    """Return the phase in which each request started; a phase that was not reached has none."""
    begins = (facts.settle_from_s, facts.window_from_s, facts.window_to_s)
    begins_s = [np.inf if begin_s is None else begin_s for begin_s in begins]
    return np.searchsorted(np.array(begins_s), start_s, side="right")


def _to_array(arrow: Any, kind: Any, values: _Values) -> Any:
    """Convert a column to an array of Arrow of this type."""
    match values:
        case _Same(value, count):
            return (
                arrow.nulls(count, kind) if value is None else arrow.repeat(arrow.scalar(value, kind), count)
            )
        case _Texts(choices, numbers):
            texts = [text.encode(errors="backslashreplace").decode() for text in choices]
            rows = arrow.array(np.maximum(numbers, 0), mask=numbers < 0)
            return arrow.array(texts, arrow.string()).take(rows)
        case _Known(numbers, is_known):
            return arrow.array(numbers, kind, mask=~is_known)
    return arrow.array(values, kind)
