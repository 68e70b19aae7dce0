"""Users that are simulated: the fake `LoadGenerator`."""

import ast
import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import GeneratorError, UsageError
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import ANSWERED, MIB, SINGLE_PROCESS, GeneratorSample, Load, Requests, Scenario, ThinkTimes
from tests.fakes.clock import FakeClock
from tests.fakes.host import FakeTarget

REPORT_EVERY_S = 0.5
USER_CLASSES = {"User", "HttpUser", "FastHttpUser"}


class FakeProcess:
    """Users at a fake target; the fake `RunningGenerator`. Like the real one, it reports twice a second."""

    notes: tuple[str, ...] = ()

    def __init__(self, generator: "FakeGenerator", target: FakeTarget, clock: FakeClock) -> None:
        self._generator = generator
        self._station = target.station
        self._clock = clock
        self._names: list[str] = []
        self._errors: list[str] = []
        self._pages: list[GeneratorFacts] = []
        self._report_s = clock.now_s() + REPORT_EVERY_S
        self._wanted = 0
        self._reached = 0
        self._cpu_s = 0.5
        self.gone = False

    def hold(self, users: int, spawn_rate: float) -> None:
        self._present()
        present = self._station.users
        self._station.drop(users)
        self._wanted = users
        self._reached = users if present == users else 0
        reachable = min(users, self._generator.users_at_most or users)
        for number, user in enumerate(range(present, reachable)):
            self._station.spawn(user, self._clock.now_s() + number / spawn_rate)

    def poll(self, timeout_s: float) -> GeneratorFacts:
        until_s = self._clock.now_s() + timeout_s
        while not self._pages and (left_s := until_s - self._clock.now_s()) > 1e-9:
            self._clock.sleep(min(left_s, max(1e-3, self._report_s - self._clock.now_s())))
        self._present()
        return self._take()

    def close_step(self) -> GeneratorFacts:
        self._present()
        self._pages.append(self._page())
        return self._take()

    def read_logs(self) -> str:
        return "fake users\n"

    def tick(self, now_s: float) -> None:
        at_most = self._generator.dies_above_users
        self.gone = self.gone or (at_most is not None and self._station.users > at_most)
        wedged = self._generator.wedged
        if wedged is not None and wedged[0] <= now_s < wedged[1]:
            return
        if now_s >= self._report_s and not self.gone:
            self._pages.append(self._page())
            self._report_s += REPORT_EVERY_S

    def _present(self) -> None:
        if self.gone:
            raise GeneratorError("Locust ended with exit code 1: fake users", "see generator.log")

    def _page(self) -> GeneratorFacts:
        station, answers = self._station, self._station.answers
        requests, thinks = answers.requests[:], answers.thinks[:]
        answers.requests.clear()
        answers.thinks.clear()
        self._cpu_s += 0.01 + self._generator.cpu_per_request_s * len(requests)
        if station.users == self._wanted:
            self._reached = self._wanted
        waiting = list(station.in_flight.values())
        return GeneratorFacts(
            Requests(
                start_s=np.array([start for _, start, _, _ in requests], dtype=np.float64),
                latency_s=np.array([latency for _, _, latency, _ in requests], dtype=np.float64),
                name=np.array([_number(self._names, name) for name, _, _, _ in requests], dtype=np.int32),
                error=np.array([self._error(error) for _, _, _, error in requests], dtype=np.int32),
                unfinished_start_s=np.array([request.start_s for request in waiting], dtype=np.float64),
                unfinished_name=np.array([_number(self._names, r.name) for r in waiting], dtype=np.int32),
                names=tuple(self._names),
                errors=tuple(self._errors),
            ),
            ThinkTimes(
                np.array([start for start, _ in thinks], dtype=np.float64),
                np.array([planned for _, planned in thinks], dtype=np.float64),
            ),
            (self._sample(len(waiting)),),
            self._reached,
        )

    def _sample(self, in_flight: int) -> GeneratorSample:
        memory_bytes = 58 * MIB + 20_000 * self._station.users
        lag_s = self._generator.loop_lag_s
        return GeneratorSample(
            self._clock.now_s(), self._cpu_s, memory_bytes, lag_s, self._station.users, in_flight
        )

    def _error(self, error: str | None) -> int:
        return ANSWERED if error is None else _number(self._errors, error)

    def _take(self) -> GeneratorFacts:
        pages, self._pages = self._pages, []
        return _one(pages) if pages else GeneratorFacts(Requests(), ThinkTimes(), reached_users=self._reached)


class FakeGenerator:
    """The fake `LoadGenerator`, with the faults that a real one can have."""

    def __init__(self, clock: FakeClock, targets: Mapping[str, FakeTarget]) -> None:
        self._clock = clock
        self._targets = targets
        self.think_s = (1.0, 4.0)
        self.names: tuple[tuple[str, float], ...] = (("GET /", 1.0), ("GET /item/[id]", 2.0))
        self.cpu_per_request_s = 0.0006
        self.loop_lag_s = 0.001
        self.users_at_most: int | None = None
        self.dies_above_users: int | None = None
        self.wedged: tuple[float, float] | None = None
        self.running = 0
        self.loads: list[Load] = []

    def find_user_classes(self, scenario: Scenario) -> list[str]:
        found = [name for path in scenario.locustfiles for name in _user_classes(path)]
        if not found:
            raise UsageError(f"{scenario.locustfiles[0].name}: no user class in it")
        for name in scenario.user_classes:
            if name not in found:
                raise UsageError(f"{scenario.locustfiles[0].name}: no user class {name!r}")
        return found

    def with_cores(self, cores: frozenset[int]) -> "FakeGenerator":
        return self

    def find_problems(self, load: Load) -> list[str]:
        return []

    def prepare(self, scenario: Scenario) -> None:
        """It runs from nothing."""

    @contextlib.contextmanager
    def start(self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS) -> Iterator[RunningGenerator]:
        target = self._targets[url]
        target.station.think_s = self.think_s
        target.station.names = self.names
        process = FakeProcess(self, target, self._clock)
        self.loads.append(load)
        self.running += 1
        try:
            with self._clock.telling(process.tick):
                yield process
        finally:
            self.running -= 1
            target.station.drop(0)


def _one(pages: list[GeneratorFacts]) -> GeneratorFacts:
    last = pages[-1].requests

    def column(of: Callable[[GeneratorFacts], Any]) -> Any:
        return np.concatenate([of(page) for page in pages])

    return GeneratorFacts(
        Requests(
            last.names,
            last.errors,
            column(lambda page: page.requests.start_s),
            column(lambda page: page.requests.latency_s),
            column(lambda page: page.requests.name),
            column(lambda page: page.requests.error),
            last.unfinished_start_s,
            last.unfinished_name,
        ),
        ThinkTimes(column(lambda page: page.thinks.start_s), column(lambda page: page.thinks.planned_s)),
        tuple(sample for page in pages for sample in page.samples),
        pages[-1].reached_users,
    )


def _number(known: list[str], text: str) -> int:
    if text not in known:
        known.append(text)
    return known.index(text)


def _user_classes(path: Path) -> list[str]:
    """The classes of a locustfile that inherit from one of Locust's users, read without running it."""
    try:
        tree = ast.parse(path.read_text())
    except (OSError, SyntaxError) as error:
        raise UsageError(f"{path.name}: Locust can't load it:\n{error}") from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)} for node in classes}
    return [name for name, of in bases.items() if of & USER_CLASSES]
