"""Real Locust: which verdict users' pauses, parallel requests and own clients lead to, sound ones and others.

Each scenario is held for a step of its own against a server of this process; many run at the same time.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.analyse.step.judge import judge_step
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import MonotonicClock, Usage
from harness.measure.session import ContainerSession
from harness.measure.step import StepSpec, hold_step
from harness.model import Rule, Scenario, Slo, Step, StepResult, Timing
from harness.model.evidence import EveryRequestFailed, NoRequests, SloBroken, SlosHold
from harness.model.task_evidence import NothingAsked, ReportsUnread
from harness.model.user_time import ReportsInSeconds
from tests.e2e.local_server import serve

pytestmark = pytest.mark.e2e

SLOS = (Slo("p95", 1.0), Slo("errors", 0.01))
TIMING = Timing(
    settle_s=1.0,
    warm_up_s=0.0,
    window_at_least_s=6.0,
    window_at_most_s=6.0,
    drain_s=1.0,
    steady_at_most_s=0.0,
)
HEAD = """
import http.client, random, time
from urllib.parse import urlsplit
import gevent
from concurrent.futures import ThreadPoolExecutor
from gevent.event import AsyncResult
from gevent.pool import Pool
from locust import HttpUser, User, constant, task
from locust.exception import RescheduleTask
from locust.contrib.fasthttp import FastHttpUser


class Own(User):
    abstract = True
    wait_time = constant(0.5)

    def ask(self, path, timeout=90):
        at = urlsplit(self.environment.host)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=timeout)
        try:
            connection.request("POST", path, body=b"{}")
            connection.getresponse().read()
        finally:
            connection.close()

    def push(self):
        self.environment.events.request.fire(
            request_type="push", name="note", response_time=None, response_length=9, exception=None,
            context={},
        )

    def fire(self, began, error=None):
        self.environment.events.request.fire(
            request_type="rpc", name="call", response_time=(time.perf_counter() - began) * 1000,
            response_length=0, exception=error, context={},
        )

    def choose(self):
        return "/sleep/60" if random.random() < 0.15 else "/"
"""
SCENARIOS = {
    "sleeps": """
class Clerk(HttpUser):
    wait_time = constant(0.2)
    @task
    def order(self):
        self.client.post("/orders", json={"n": 1})
        time.sleep(0.5)
        self.client.get("/orders/1", name="/orders/[id]")
        gevent.sleep(0.5)
""",
    "parallel": """
class Browser(FastHttpUser):
    wait_time = constant(0.3)
    @task
    def page(self):
        self.client.get("/")
        gevent.joinall([gevent.spawn(self.client.get, "/sleep/0.2", name="/asset") for n in range(6)])
""",
    "parallel flows that pause": """
class Browser(HttpUser):
    wait_time = constant(0.3)
    def flow(self):
        self.client.get("/")
        gevent.sleep(1.2)
        self.client.get("/")
    @task
    def both(self):
        pool = Pool(2)
        pool.spawn(self.flow)
        pool.spawn(self.flow)
        pool.join()
""",
    "parallel in threads": """
class Browser(HttpUser):
    wait_time = constant(1.2)
    @task
    def page(self):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.client.get, ["/sleep/0.2"] * 6))
""",
    "own client that is also sent messages": """
class Chat(Own):
    @task
    def call(self):
        began = time.perf_counter()
        self.ask("/sleep/0.3")
        self.fire(began)
        for _ in range(9):
            self.push()
""",
    "own client": """
class Rpc(Own):
    @task
    def call(self):
        began, failed = time.perf_counter(), None
        try:
            self.ask("/sleep/0.3")
        except Exception as error:
            failed = error
        self.fire(began, failed)
""",
    "own client that also tells outcomes": """
class Rider(Own):
    @task
    def call(self):
        began = time.perf_counter()
        self.ask("/sleep/0.3")
        self.fire(began)
        for _ in range(9):
            self.environment.events.request.fire(
                request_type="OUTCOME", name="ride", response_time=0, response_length=0, exception=None,
                context={},
            )
""",
    "answers for which a task begins anew": """
class Player(FastHttpUser):
    wait_time = constant(0.3)
    @task
    def join(self):
        with self.client.get("/status/404", name="/games/open", catch_response=True) as response:
            if response.status_code == 404:
                raise RescheduleTask()
            self.client.put("/games/1")
""",
    "own client that sleeps until it is answered": """
class Poller(Own):
    @task
    def call(self):
        began = time.perf_counter()
        job = gevent.spawn(self.ask, "/sleep/0.4")
        while not job.ready():
            time.sleep(0.05)
        self.fire(began)
""",
    "own client whose reader reports": """
class Socket(Own):
    @task
    def call(self):
        began, answer = time.perf_counter(), AsyncResult()
        def read():
            self.ask("/sleep/0.3")
            self.fire(began)
            answer.set(True)
        gevent.spawn(read)
        answer.get(timeout=5)
""",
    "own client in a long task": """
class Device(Own):
    @task
    def live(self):
        while True:
            with self.environment.events.request.measure("mqtt", "publish"):
                self.ask("/")
            gevent.sleep(0.7)
""",
    "own client that hangs": """
class Rpc(Own):
    @task
    def call(self):
        began = time.perf_counter()
        self.ask(self.choose())
        self.fire(began)
""",
    "own client that hides time-outs": """
class Rpc(Own):
    @task
    def call(self):
        began = time.perf_counter()
        try:
            self.ask(self.choose(), timeout=0.8)
        except OSError:
            return
        self.fire(began)
""",
    "own client that polls and hides time-outs": """
class Poller(Own):
    @task
    def call(self):
        began = time.perf_counter()
        job = gevent.spawn(self.ask, self.choose())
        until = time.time() + 2
        while not job.ready() and time.time() < until:
            gevent.sleep(0.1)
        if job.ready():
            self.fire(began)
""",
    "slow requests without a block": """
class Shopper(HttpUser):
    wait_time = constant(0.2)
    @task
    def export(self):
        self.client.post("/sleep/1.5", json={}, catch_response=True, name="export")
    @task
    def item(self):
        self.client.get("/item/1")
""",
    "slow streams": """
class Reader(FastHttpUser):
    wait_time = constant(0.2)
    @task
    def read(self):
        for line in self.client.iter_lines("/stream/15"):
            pass
""",
    "quits if it can't log in": """
class Member(HttpUser):
    wait_time = constant(0.2)
    def on_start(self):
        with self.client.post("/status/401", name="/login", catch_response=True) as response:
            if response.status_code == 401:
                response.failure("401: refused")
                self.environment.runner.quit()
    @task
    def item(self):
        self.client.get("/item/1")
""",
    "does nothing if it can't log in": """
class Member(HttpUser):
    wait_time = constant(0.2)
    def on_start(self):
        self.client.get("/csrf")
        self.is_member = self.client.post("/status/401", name="/login").status_code == 200
    @task
    def item(self):
        if self.is_member:
            self.client.get("/item/1")
""",
    "own client that reports seconds": """
class Rpc(Own):
    @task
    def call(self):
        began = time.perf_counter()
        self.ask("/sleep/0.04")
        self.environment.events.request.fire(
            request_type="rpc", name="call", response_time=time.perf_counter() - began, response_length=0,
            exception=None, context={},
        )
""",
    "own client that reports negative times": """
class Rpc(Own):
    @task
    def call(self):
        began = time.perf_counter()
        self.ask("/")
        self.fire(2 * time.perf_counter() - began)
""",
    "goes on without asking if it can't log in": """
class Member(HttpUser):
    wait_time = constant(0.2)
    logins = 0
    def on_start(self):
        Member.logins += 1
        status = 503 if Member.logins % 2 == 0 else 200
        self.is_member = self.client.post(f"/status/{status}", name="/login").status_code == 200
    @task
    def item(self):
        if self.is_member:
            self.client.get("/item/1")
""",
    "can't prepare the test": """
from locust import events
@events.test_start.add_listener
def seed(environment, **_):
    environment.rows = {}["rows"]
class Reader(HttpUser):
    wait_time = constant(0.2)
    @task
    def read(self):
        for row in getattr(self.environment, "rows", ()):
            self.client.get(f"/item/{row}")
""",
    "registers users that are known": """
from locust import events
@events.test_start.add_listener
def seed(environment, **_):
    from locust.clients import HttpSession
    session = HttpSession(environment.host, environment.events.request, None)
    for number in range(20):
        session.post("/status/409", name="/rows")
class Member(HttpUser):
    wait_time = constant(0.2)
    def on_start(self):
        self.client.post("/status/409", name="/register")
        time.sleep(1)
        self.client.post("/sleep/0.2", name="/login")
    @task
    def item(self):
        self.client.get("/item/1")
""",
}
MISTAKEN = {
    "own client that reports seconds": (Rule.UNREPORTED, ReportsInSeconds),
    "own client that reports negative times": (Rule.SCENARIO_ERRORS, ReportsUnread),
    "goes on without asking if it can't log in": (Rule.SLO_BROKEN, SloBroken),
    "can't prepare the test": (Rule.NO_DATA, NothingAsked),
    "registers users that are known": (Rule.SLOS_HOLD, SlosHold),
}
AT_ONCE = len(SCENARIOS) - len(MISTAKEN)
SOUND = list(SCENARIOS)[:11]
HIDING = list(SCENARIOS)[11:14]
SLOW = list(SCENARIOS)[14:16]


class StillTarget:
    """A target that is this process, and counters that count nothing."""

    url = ""
    ready_after_s = 0.0
    companions_ready_after_s = None

    def poll_end(self) -> None: ...

    def read_logs(self) -> str:
        return ""

    def take(self) -> Usage:
        return Usage()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StepResult]:
    def hold(name: str) -> StepResult:
        path = tmp_path_factory.mktemp("scenario") / "locustfile.py"
        path.write_text(HEAD + SCENARIOS[name])
        clock, target = MonotonicClock(), StillTarget()
        with LocustGenerator().start(Scenario((path,)), url) as generator:
            session = ContainerSession(1, target, generator, target, clock, clock.now_s())
            step = StepSpec(1, Step(12, TIMING), 20.0, lambda facts: False, lambda sample: None)
            return judge_step(hold_step(session, step), SLOS)

    with serve() as url, ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(SCENARIOS, pool.map(hold, SCENARIOS), strict=True))


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_scenario_passes_and_its_users_time_is_known(
    results: Mapping[str, StepResult], name: str
) -> None:
    result = results[name]
    assert result.rule is Rule.SLOS_HOLD, result.judgement
    assert result.unexplained_ratio == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize(
    "name", ["own client that is also sent messages", "own client that also tells outcomes"]
)
def test_reports_without_a_response_time_do_not_make_the_answers_look_faster(
    results: Mapping[str, StepResult], name: str
) -> None:
    """Nine of them come for each answer of 0.3 s."""
    assert results[name].latency.p50_s == pytest.approx(0.3, abs=0.1)


def test_a_scenario_that_quits_after_a_failed_request_gives_that_as_the_reason(
    results: Mapping[str, StepResult],
) -> None:
    result = results["quits if it can't log in"]
    assert result.rule is Rule.ALL_FAILED, result.judgement
    assert isinstance(result.judgement.evidence, EveryRequestFailed)
    assert result.judgement.evidence.failure is not None
    assert result.judgement.evidence.failure.name == "POST /login"
    assert "401" in result.judgement.evidence.failure.error


def test_users_who_do_nothing_after_a_failed_request_are_explained_by_it(
    results: Mapping[str, StepResult],
) -> None:
    result = results["does nothing if it can't log in"]
    assert result.rule is Rule.NO_DATA, result.judgement
    assert isinstance(result.judgement.evidence, NoRequests)
    assert result.judgement.evidence.failure is not None
    assert result.judgement.evidence.failure.count == 12


@pytest.mark.parametrize("name", HIDING)
def test_a_client_that_hides_what_was_not_answered_gets_no_verdict(
    results: Mapping[str, StepResult], name: str
) -> None:
    result = results[name]
    assert result.rule is Rule.UNREPORTED, result.judgement
    assert result.latency.p95_s is not None
    assert result.latency.p95_s < 1.0, "what was reported would pass"


@pytest.mark.parametrize("name", SLOW)
def test_what_locust_does_not_report_in_full_fails_if_it_is_slow(
    results: Mapping[str, StepResult], name: str
) -> None:
    result = results[name]
    assert result.rule is Rule.SLO_BROKEN, result.judgement
    assert result.latency.p95_s is not None
    assert result.latency.p95_s >= 1.5


@pytest.mark.parametrize(("name", "rule", "kind"), [(name, *judged) for name, judged in MISTAKEN.items()])
def test_what_the_scenario_gets_wrong_is_named_and_what_is_meant_to_fail_is_not(
    results: Mapping[str, StepResult], name: str, rule: Rule, kind: type[object]
) -> None:
    judgement = results[name].judgement
    assert judgement.rule is rule, judgement
    assert isinstance(judgement.evidence, kind), judgement
