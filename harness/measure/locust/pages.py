"""Gather the pages of Locust's processes into columns, on one clock and with one numbering of names.

A page is a JSON object with the facts of about half a second; its columns of numbers are Base64.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.locust.task_pages import TaskBuffer, concat_tasks
from harness.measure.protocols import GeneratorFacts
from harness.model import GeneratorSample, Requests, ThinkTimes, UnreportedRequests, WorkerSample

MAIN_PROCESS = 0
"""The process that takes the harness's commands: the only one, or the master. Workers count from 1."""

_SILENT_FROM_S = 2.0
"""A process reports several times a second. After so long without a report it may have died."""

LOCAL_CLOCK = {"here": True, "offset": 0.0, "error": 0.0}
_INSTANTS = ("start", "think_start", "unfinished_start", "unreported_start")
_DURATIONS = ("latency", "think")
_NAMES = ("name", "unfinished_name", "unreported_name")
_OWNERS = ("owner", "think_owner", "unfinished_owner")


class _StringTable:
    """Numbers of strings, the same for all processes. Each process has numbers of its own for its strings."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def assign_number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))


@dataclass(slots=True)
class _ProcessState:
    """The state of one process: its last page, and the shared numbers of its strings by its own numbers."""

    names: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    last_page: dict[str, Any] = field(default_factory=dict)


class PageBuffer:
    """Pages that have arrived, until `take` returns their facts.

    The facts of workers are returned together with the next page of their master. A sample is the sum over
    all processes.
    """

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers
        self._names, self._errors = _StringTable(), _StringTable()
        self._processes: dict[int, _ProcessState] = {}
        self._pages: list[dict[str, Any]] = []
        self._samples: list[GeneratorSample] = []
        self._worker_samples: list[WorkerSample] = []
        self._tasks = TaskBuffer()
        self._closed: set[int] = set()
        self._reached_users = 0

    @property
    def is_closed(self) -> bool:
        """True if every process has sent the page that closes the step."""
        return len(self._closed) > self._workers

    @property
    def workers_seen(self) -> int:
        """Number of workers of which a page has arrived, including those that were lost later."""
        return len(self._processes.keys() - {MAIN_PROCESS})

    @property
    def workers_connected(self) -> int:
        """Number of workers whose heartbeats reach the master; 0 before its first page."""
        main = self._processes.get(MAIN_PROCESS)
        return int(main.last_page.get("workers", 0)) if main else 0

    def add(
        self, page: dict[str, Any], worker: int = MAIN_PROCESS, clock: dict[str, Any] = LOCAL_CLOCK
    ) -> None:
        """Add a page of a process: of the worker with this number, or of MAIN_PROCESS.

        `clock` is the estimate of the process's clock; it converts the page's instants to this host's clock.
        """
        process = self._processes.setdefault(worker, _ProcessState())
        process.names += [self._names.assign_number(text) for text in page["names"]]
        process.errors += [self._errors.assign_number(text) for text in page["errors"]]
        decoded = page | {key: _decode_column(page[key], np.float64) - clock["offset"] for key in _INSTANTS}
        decoded |= {key: _decode_column(page[key], np.float64) for key in _DURATIONS}
        decoded |= {key: _renumber(process.names, page[key]) for key in _NAMES}
        decoded |= {key: self._renumber_owners(page[key], worker) for key in _OWNERS}
        decoded |= {
            "at": page["at"] - clock["offset"],
            "error": _renumber(process.errors, page["error"]),
        }
        process.last_page = decoded
        self._pages.append(decoded)
        self._tasks.add(page, worker, decoded["at"])
        if page["closing"]:
            self._closed.add(worker)
        if self._workers:
            self._worker_samples.append(_build_worker_sample(decoded, worker, clock))
        if worker == MAIN_PROCESS:
            self._reached_users = page["reached"]
            self._samples.append(self._sum_processes(decoded["at"]))

    def take(self) -> GeneratorFacts:
        """Return all facts since the last call; without samples if the main process sent no page since."""
        if not self._samples:
            return GeneratorFacts(Requests(), ThinkTimes(), reached_users=self._reached_users)
        pages, self._pages = self._pages, []
        samples, self._samples = self._samples, []
        worker_samples, self._worker_samples = self._worker_samples, []
        self._closed.clear()
        last = [process.last_page for process in self._processes.values()]
        return GeneratorFacts(
            requests=Requests(
                names=self._names.texts,
                errors=self._errors.texts,
                start_s=_concat_column(pages, "start"),
                latency_s=_concat_column(pages, "latency"),
                name=_concat_column(pages, "name", np.int32),
                error=_concat_column(pages, "error", np.int32),
                unfinished_start_s=np.minimum(_concat_column(last, "unfinished_start"), samples[-1].at_s),
                unfinished_name=_concat_column(last, "unfinished_name", np.int32),
                owner=_concat_column(pages, "owner", np.int32),
                unfinished_owner=_concat_column(last, "unfinished_owner", np.int32),
            ),
            thinks=ThinkTimes(
                _concat_column(pages, "think_start"),
                _concat_column(pages, "think"),
                _concat_column(pages, "think_owner", np.int32),
            ),
            samples=tuple(samples),
            reached_users=self._reached_users,
            is_preparing=any(_is_preparing(page, samples[-1].at_s) for page in last),
            silent_s=_find_silence_s(last, samples[-1].at_s),
            workers=tuple(worker_samples),
            tasks=self._tasks.take(),
            unreported=UnreportedRequests(
                _concat_column(pages, "unreported_start"), _concat_column(pages, "unreported_name", np.int32)
            ),
        )

    def _renumber_owners(self, column: str, worker: int) -> NDArray[np.int32]:
        """Give the users of each process numbers of their own; -1, which means an unknown user, stays."""
        owner = _decode_column(column, np.int32)
        processes = self._workers + 1
        shared = (owner // 2 * processes + worker) * 2 + owner % 2
        return np.where(owner < 0, owner, shared).astype(np.int32)

    def _sum_processes(self, at_s: float) -> GeneratorSample:
        """Sum up the last page of each process, but not a master's users, which its workers count as well."""
        pages = [process.last_page for process in self._processes.values()]
        user_pages = [
            process.last_page for number, process in self._processes.items() if number or not self._workers
        ]
        return GeneratorSample(
            at_s,
            sum(page["cpu"] for page in pages),
            sum(page["rss"] for page in pages),
            max(page["lag"] for page in pages),
            sum(page["users"] for page in user_pages),
            sum(page["in_flight"] for page in user_pages),
        )


def _decode_column(column: str, kind: type[np.generic]) -> NDArray[Any]:
    """Decode a column of the plugin: Base64 of native doubles or 32-bit integers."""
    return np.frombuffer(base64.b64decode(column), dtype=kind)


def _renumber(shared_numbers: Sequence[int], column: str) -> NDArray[np.int32]:
    """Translate a column of a process's numbers into shared numbers; -1, which means no error, stays -1."""
    table: NDArray[np.int32] = np.array([*shared_numbers, -1], dtype=np.int32)
    translated: NDArray[np.int32] = table[_decode_column(column, np.int32)]
    return translated


def _concat_column(pages: Iterable[dict[str, Any]], key: str, kind: type[np.generic] = np.float64) -> Any:
    parts = [page[key] for page in pages]
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _is_preparing(page: dict[str, Any], at_s: float) -> bool:
    """Return True if a process prepares the test, unless it has been silent since."""
    return bool(page.get("preparing", False)) and at_s - float(page["at"]) < _SILENT_FROM_S


def _find_silence_s(pages: Iterable[dict[str, Any]], at_s: float) -> float:
    """Return how old the page with the oldest request in flight is; 0 if nothing is in flight."""
    oldest = min(
        (page for page in pages if len(page["unfinished_start"])),
        key=lambda page: float(page["unfinished_start"].min()),
        default=None,
    )
    return 0.0 if oldest is None else max(0.0, at_s - float(oldest["at"]))


def _build_worker_sample(page: dict[str, Any], worker: int, clock: dict[str, Any]) -> WorkerSample:
    users = page["users"] if worker else 0
    return WorkerSample(
        page["at"], worker, page["cpu"], page["lag"], users, clock["here"], clock["offset"], clock["error"]
    )


def concat_facts(parts: Sequence[GeneratorFacts]) -> tuple[Requests, ThinkTimes, tuple[GeneratorSample, ...]]:
    """Concatenate the facts of successive polls of one generator; empty facts if no part has a sample.

    Names, errors and the requests in flight are those of the newest part: its names and errors contain all
    earlier ones.
    """
    parts = [part for part in parts if part.samples]
    if not parts:
        return Requests(), ThinkTimes(), ()
    last = parts[-1].requests
    if len(parts) == 1:
        return last, parts[0].thinks, parts[0].samples

    def concat(get_column: Callable[[GeneratorFacts], Any]) -> Any:
        return np.concatenate([get_column(part) for part in parts])

    requests = replace(
        last,
        start_s=concat(lambda part: part.requests.start_s),
        latency_s=concat(lambda part: part.requests.latency_s),
        name=concat(lambda part: part.requests.name),
        error=concat(lambda part: part.requests.error),
        owner=concat(lambda part: part.requests.owner),
    )
    thinks = ThinkTimes(
        concat(lambda part: part.thinks.start_s),
        concat(lambda part: part.thinks.planned_s),
        concat(lambda part: part.thinks.owner),
    )
    return requests, thinks, tuple(sample for part in parts for sample in part.samples)


def merge_facts(parts: Sequence[GeneratorFacts]) -> GeneratorFacts:
    """Make one part of the facts of successive polls, which is concatenated as they are."""
    return GeneratorFacts(
        *concat_facts(parts),
        tasks=concat_tasks((part.tasks for part in parts), 0.0),
        unreported=concat_unreported(parts, 0.0),
    )


def concat_unreported(parts: Sequence[GeneratorFacts], start_s: float) -> UnreportedRequests:
    """Concatenate the unreported requests of successive polls, with instants that count from `start_s`.

    Their names are those of the newest poll.
    """
    if not parts:
        return UnreportedRequests()
    return UnreportedRequests(
        np.concatenate([part.unreported.start_s for part in parts]) - start_s,
        np.concatenate([part.unreported.name for part in parts]),
    )
