"""The generator's pages, gathered into columns: packed numbers in JSON in, arrays out; those of several
processes on one clock, under one numbering of names.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocols import GeneratorFacts
from harness.model import GeneratorSample, Requests, ThinkTimes, WorkerSample

FIRST = 0
"""The process that takes our commands: the only one, or the master of workers counted from 1."""

OUR_CLOCK = {"here": True, "offset": 0.0, "error": 0.0}
INSTANTS = ("start", "think_start", "unfinished_start")
LENGTHS = ("latency", "think")


class Vocabulary:
    """Strings under numbers of ours, whatever numbers each process gives them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))


@dataclass(slots=True)
class Process:
    """What one process has told: its strings' numbers in ours, and its last page."""

    names: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)


class Pages:
    """Pages that have arrived and were not yet taken.

    Facts of workers are given out with the next page of their master, which samples stand for all of them.
    """

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers
        self._names, self._errors = Vocabulary(), Vocabulary()
        self._processes: dict[int, Process] = {}
        self._pages: list[dict[str, Any]] = []
        self._samples: list[GeneratorSample] = []
        self._worker_samples: list[WorkerSample] = []
        self._closed: set[int] = set()
        self._reached = 0

    @property
    def closed(self) -> bool:
        """Whether the pages that close a step have arrived, of every process."""
        return len(self._closed) > self._workers

    @property
    def workers_seen(self) -> int:
        return len(self._processes.keys() - {FIRST})

    @property
    def workers_connected(self) -> int:
        """As the master counts those whose heartbeats arrive."""
        first = self._processes.get(FIRST)
        return int(first.last.get("workers", 0)) if first else 0

    def add(self, page: dict[str, Any], worker: int = FIRST, clock: dict[str, Any] = OUR_CLOCK) -> None:
        process = self._processes.setdefault(worker, Process())
        process.names += [self._names.number(text) for text in page["names"]]
        process.errors += [self._errors.number(text) for text in page["errors"]]
        read = page | {key: unpacked(page[key], np.float64) - clock["offset"] for key in INSTANTS}
        read |= {key: unpacked(page[key], np.float64) for key in LENGTHS}
        read |= {
            "at": page["at"] - clock["offset"],
            "name": _renumbered(process.names, page["name"]),
            "unfinished_name": _renumbered(process.names, page["unfinished_name"]),
            "error": _renumbered(process.errors, page["error"]),
        }
        process.last = read
        self._pages.append(read)
        if page["closing"]:
            self._closed.add(worker)
        if self._workers:
            self._worker_samples.append(_worker_sample(read, worker, clock))
        if worker == FIRST:
            self._reached = page["reached"]
            self._samples.append(self._sample(read["at"]))

    def take(self) -> GeneratorFacts:
        if not self._samples:
            return GeneratorFacts(Requests(), ThinkTimes(), reached=self._reached)
        pages, self._pages = self._pages, []
        samples, self._samples = self._samples, []
        worker_samples, self._worker_samples = self._worker_samples, []
        self._closed.clear()
        last = [process.last for process in self._processes.values()]
        return GeneratorFacts(
            requests=Requests(
                names=self._names.texts,
                errors=self._errors.texts,
                start_s=_column(pages, "start"),
                latency_s=_column(pages, "latency"),
                name=_column(pages, "name", np.int32),
                error=_column(pages, "error", np.int32),
                unfinished_start_s=np.minimum(_column(last, "unfinished_start"), samples[-1].at_s),
                unfinished_name=_column(last, "unfinished_name", np.int32),
            ),
            thinks=ThinkTimes(_column(pages, "think_start"), _column(pages, "think")),
            samples=tuple(samples),
            reached=self._reached,
            workers=tuple(worker_samples),
        )

    def _sample(self, at_s: float) -> GeneratorSample:
        """All processes together, each as last heard of; a master's own users are its workers'."""
        known = [process.last for process in self._processes.values()]
        loaded = [process.last for number, process in self._processes.items() if number or not self._workers]
        return GeneratorSample(
            at_s,
            sum(page["cpu"] for page in known),
            sum(page["rss"] for page in known),
            max(page["lag"] for page in known),
            sum(page["users"] for page in loaded),
            sum(page["in_flight"] for page in loaded),
        )


def unpacked(column: str, kind: type[np.generic]) -> NDArray[Any]:
    """A column of the plugin's: its machine's own floats or 32-bit integers, in Base64."""
    return np.frombuffer(base64.b64decode(column), dtype=kind)


def _renumbered(numbers: Sequence[int], column: str) -> NDArray[np.int32]:
    """-1, an error that is none, stays so."""
    table: NDArray[np.int32] = np.array([*numbers, -1], dtype=np.int32)
    found: NDArray[np.int32] = table[unpacked(column, np.int32)]
    return found


def _column(pages: Iterable[dict[str, Any]], key: str, kind: type[np.generic] = np.float64) -> Any:
    parts = [page[key] for page in pages]
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _worker_sample(page: dict[str, Any], worker: int, clock: dict[str, Any]) -> WorkerSample:
    users = page["users"] if worker else 0
    return WorkerSample(
        page["at"], worker, page["cpu"], page["lag"], users, clock["here"], clock["offset"], clock["error"]
    )


def joined(parts: Sequence[GeneratorFacts]) -> tuple[Requests, ThinkTimes, tuple[GeneratorSample, ...]]:
    """Facts of successive polls of one generator as one.

    Names, errors and the requests in flight are the newest page's; names and errors hold all before.
    """
    told = [part for part in parts if part.samples]
    if not told:
        return Requests(), ThinkTimes(), ()
    last = told[-1].requests

    def column(of: Callable[[GeneratorFacts], Any]) -> Any:
        return np.concatenate([of(part) for part in told])

    requests = replace(
        last,
        start_s=column(lambda part: part.requests.start_s),
        latency_s=column(lambda part: part.requests.latency_s),
        name=column(lambda part: part.requests.name),
        error=column(lambda part: part.requests.error),
    )
    thinks = ThinkTimes(column(lambda part: part.thinks.start_s), column(lambda part: part.thinks.planned_s))
    return requests, thinks, tuple(sample for part in told for sample in part.samples)
