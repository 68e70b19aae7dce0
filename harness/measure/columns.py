"""The generator's pages, gathered into columns: lists from JSON in, arrays out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.measure.seam import GeneratorFacts
from harness.model import GeneratorSample, Requests, Thinks


class Pages:
    """Pages that have arrived and were not yet taken.

    Names and errors keep their numbers for the process's life.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._errors: list[str] = []
        self._pages: list[dict[str, Any]] = []
        self._reached = 0

    @property
    def closed(self) -> bool:
        """Whether the page that closes a step has arrived."""
        return bool(self._pages) and bool(self._pages[-1]["closing"])

    def add(self, page: dict[str, Any]) -> None:
        self._names += page["names"]
        self._errors += page["errors"]
        self._pages.append(page)

    def take(self) -> GeneratorFacts:
        pages, self._pages = self._pages, []
        if pages:
            self._reached = pages[-1]["reached"]
        return GeneratorFacts(
            requests=Requests(
                names=tuple(self._names),
                errors=tuple(self._errors),
                start_s=_column(pages, "start"),
                latency_s=_column(pages, "latency"),
                name=_column(pages, "name", np.int32),
                error=_column(pages, "error", np.int32),
                unfinished_start_s=_column(pages[-1:], "unfinished_start"),
                unfinished_name=_column(pages[-1:], "unfinished_name", np.int32),
            ),
            thinks=Thinks(_column(pages, "think_start"), _column(pages, "think")),
            samples=tuple(_sample(page) for page in pages),
            reached=self._reached,
        )


def _column(pages: Iterable[dict[str, Any]], key: str, kind: type[np.generic] = np.float64) -> Any:
    return np.array([value for page in pages for value in page[key]], dtype=kind)


def _sample(page: dict[str, Any]) -> GeneratorSample:
    return GeneratorSample(
        page["at"], page["cpu"], page["rss"], page["lag"], page["users"], page["in_flight"]
    )


def joined(parts: Sequence[GeneratorFacts]) -> tuple[Requests, Thinks, tuple[GeneratorSample, ...]]:
    """Facts of successive polls of one process as one.

    Names, errors and the requests in flight are the newest page's; names and errors hold all before.
    """
    told = [part for part in parts if part.samples]
    if not told:
        return Requests(), Thinks(), ()
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
    thinks = Thinks(column(lambda part: part.thinks.start_s), column(lambda part: part.thinks.planned_s))
    return requests, thinks, tuple(sample for part in told for sample in part.samples)
