"""The fake `LoadGenerator`: simulated users of a simulated target."""

import ast
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.simulation.container_run import build_requests, build_think_times
from harness.errors import GeneratorError, UsageError
from harness.measure.locust.pages import concat_facts
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import MIB, SINGLE_PROCESS, Crowd, GeneratorSample, Load, Scenario
from tests.fakes.clock import FakeClock
from tests.fakes.host import FakeTarget

REPORT_EVERY_S = 0.5
USER_CLASSES = {"User", "HttpUser", "FastHttpUser"}


class FakeProcess:
    """The fake `RunningGenerator`: users of a fake target. Like the real one, it reports twice a second."""

    notes: tuple[str, ...] = ()

    def __init__(self, generator: "FakeGenerator", target: FakeTarget, clock: FakeClock) -> None:
        self._generator = generator
        self._target = target
        self._system = target.system
        self._clock = clock
        self._pages: list[GeneratorFacts] = []
        self._report_s = clock.now_s() + REPORT_EVERY_S
        self._wanted_users = 0
        self._reached_users = 0
        self._cpu_s = 0.5
        self.is_dead = False

    def hold(self, users: int, spawn_rate: float) -> None:
        self._check_alive()
        self._wanted_users = users
        self._reached_users = users if len(self._system.users) == users else 0
        self._system.hold(min(users, self._generator.max_users or users), spawn_rate)

    def poll(self, timeout_s: float) -> GeneratorFacts:
        until_s = self._clock.now_s() + timeout_s
        while not self._pages and (left_s := until_s - self._clock.now_s()) > 1e-9:
            self._clock.sleep(min(left_s, max(1e-3, self._report_s - self._clock.now_s())))
        self._check_alive()
        return self._take()

    def close_step(self) -> GeneratorFacts:
        self._check_alive()
        self._pages.append(self._build_page())
        return self._take()

    def read_logs(self) -> str:
        return "fake users\n"

    def report(self, now_s: float) -> None:
        users_at_most = self._generator.dies_above_users
        self.is_dead = self.is_dead or (users_at_most is not None and len(self._system.users) > users_at_most)
        silence = self._generator.silent_between_s
        if silence is not None and silence[0] <= now_s < silence[1]:
            return
        if now_s >= self._report_s and not self.is_dead:
            self._pages.append(self._build_page())
            self._report_s += REPORT_EVERY_S

    def _check_alive(self) -> None:
        if self.is_dead:
            raise GeneratorError("Locust ended with exit code 1: fake users", "see generator.log")

    def _build_page(self) -> GeneratorFacts:
        system, start_s = self._system, self._target.start_s
        ended = system.take_ended()
        self._cpu_s += 0.01 + self._generator.cpu_per_request_s * len(ended.start_s)
        if len(system.users) == self._wanted_users:
            self._reached_users = self._wanted_users
        return GeneratorFacts(
            build_requests(system, ended, self._target.names, start_s),
            build_think_times(ended, start_s),
            (self._build_sample(len(system.in_flight)),),
            self._reached_users,
        )

    def _build_sample(self, in_flight: int) -> GeneratorSample:
        users = len(self._system.users)
        memory_bytes = 58 * MIB + 20_000 * users
        lag_s = self._generator.loop_lag_s
        return GeneratorSample(self._clock.now_s(), self._cpu_s, memory_bytes, lag_s, users, in_flight)

    def _take(self) -> GeneratorFacts:
        pages, self._pages = self._pages, []
        reached_users = pages[-1].reached_users if pages else self._reached_users
        return GeneratorFacts(*concat_facts(pages), reached_users)


class FakeGenerator:
    """The fake `LoadGenerator`, with the faults that a real one can have.

    Users think between the two bounds `think_s` and send requests of the `names`, each with its weight.
    `loads` and `crowds` are those of all generators that were started.
    """

    def __init__(self, clock: FakeClock, targets: Mapping[str, FakeTarget]) -> None:
        self._clock = clock
        self._targets = targets
        self.think_s = (1.0, 4.0)
        self.names: tuple[tuple[str, float], ...] = (("GET /", 1.0), ("GET /item/[id]", 2.0))
        self.cpu_per_request_s = 0.0006
        self.loop_lag_s = 0.001
        self.max_users: int | None = None
        self.dies_above_users: int | None = None
        self.silent_between_s: tuple[float, float] | None = None
        self.running_count = 0
        self.loads: list[Load] = []
        self.crowds: list[Crowd | None] = []

    def find_user_classes(self, scenario: Scenario, users_limit: int | None = None) -> list[str]:
        classes = [name for path in scenario.locustfiles for name in _find_user_classes(path)]
        if not classes:
            raise UsageError(f"{scenario.locustfiles[0].name}: no user class in it")
        for name in scenario.user_classes:
            if name not in classes:
                raise UsageError(f"{scenario.locustfiles[0].name}: no user class {name!r}")
        return classes

    def with_cores(self, cores: frozenset[int]) -> "FakeGenerator":
        return self

    def find_problems(self, load: Load) -> list[str]:
        return []

    def prepare(self, scenario: Scenario) -> None:
        """Do nothing: the fake needs no image."""

    @contextlib.contextmanager
    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS, crowd: Crowd | None = None
    ) -> Iterator[RunningGenerator]:
        target = self._targets[url]
        target.set_users(self.think_s, self.names)
        process = FakeProcess(self, target, self._clock)
        self.loads.append(load)
        self.crowds.append(crowd)
        self.running_count += 1
        try:
            with self._clock.notify(process.report):
                yield process
        finally:
            self.running_count -= 1
            target.system.hold(0, spawn_rate=1.0)


def _find_user_classes(path: Path) -> list[str]:
    """Return the classes of a locustfile that inherit from one of Locust's, without running the file."""
    try:
        tree = ast.parse(path.read_text())
    except (OSError, SyntaxError) as error:
        raise UsageError(f"{path.name}: Locust can't load it:\n{error}") from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bases = {node.name: {base.id for base in node.bases if isinstance(base, ast.Name)} for node in classes}
    return [name for name, base_names in bases.items() if base_names & USER_CLASSES]
