"""Real Locust: what users do is recorded as it is, in forms that Locust itself does not report, or not so.

One Locust runs a user of each class below for a few seconds, so each test reads its part of the same facts.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.pages import concat_facts, concat_unreported
from harness.measure.protocols import GeneratorFacts
from harness.model import ANSWERED, LocalWorkers, Requests, Scenario, ThinkTimes
from tests.e2e.local_server import serve

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

LOCUSTFILE = """
import io, shutil, threading, time
from concurrent.futures import ThreadPoolExecutor
import gevent
from gevent.pool import Pool
from locust import HttpUser, SequentialTaskSet, User, constant, events, task
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpUser
from requests.adapters import HTTPAdapter
from urllib3 import Retry


@events.test_start.add_listener
def watch(environment, **_):
    session = HttpSession(environment.host, environment.events.request, None)

    def poll():
        while True:
            session.get("/", name="polled by nobody")
            gevent.sleep(0.38)

    gevent.spawn(poll)


class Sleeps(HttpUser):
    fixed_count = 1
    wait_time = constant(0.21)

    @task
    def read(self):
        self.client.get("/sleeps-a")
        time.sleep(0.33)
        self.client.get("/sleeps-b")
        gevent.sleep(0.12)


class Polls(HttpUser):
    fixed_count = 1
    wait_time = constant(0.22)

    @task
    def poll(self):
        self.client.get("/polls")
        for _ in range(8):
            time.sleep(0.05)


class Parallel(HttpUser):
    fixed_count = 1
    wait_time = constant(0.23)

    @task
    def load_page(self):
        pool = Pool(3)
        for _ in range(3):
            pool.spawn(self.client.get, "/sleep/0.2", name="parallel")
        pool.join()


class Flows(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.24)

    def on_start(self):
        gevent.spawn(self.beat)

    def beat(self):
        while True:
            self.client.get("/beat")
            gevent.sleep(0.57)

    def flow(self):
        self.client.get("/flow")
        gevent.sleep(0.41)

    @task
    def both(self):
        gevent.joinall([gevent.spawn(self.flow), gevent.spawn(self.flow)])


class Forgets(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def forget(self):
        self.client.get("/sleep/0.3", catch_response=True, name="forgotten")
        self.client.get("/status/404", catch_response=True, name="missing")


class ForgetsFast(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def forget(self):
        answer = self.client.get("/sleep/0.3", catch_response=True, name="fast forgotten")


class ForgetsInARow(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def forget(self):
        self.client.get("/", catch_response=True, name="first in a row")
        self.client.get("/", name="second in a row")


class Enters(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def enter(self):
        with self.client.get("/status/404", catch_response=True, name="entered") as answer:
            answer.success()


class Stumbles(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def stumble(self):
        with self.client.get("/", catch_response=True, name="stumbled") as answer:
            answer.json()["rows"]


class Streams(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    class InTurn(SequentialTaskSet):
        @task
        def read(self):
            for _ in self.client.get("/stream/5", stream=True, name="stream").iter_lines():
                pass

        @task
        def read_in_block(self):
            with self.client.get("/stream/5", stream=True, catch_response=True, name="block") as answer:
                assert answer.content

        @task
        def time_to_first_byte(self):
            with self.client.get("/stream/5", stream=True, catch_response=True, name="own time") as answer:
                for _ in answer.iter_content(8):
                    pass
                answer.request_meta["response_time"] = 77.0

        @task
        def read_raw(self):
            shutil.copyfileobj(self.client.get("/stream/5", stream=True, name="raw").raw, io.BytesIO())

        @task
        def report_itself(self):
            began = time.perf_counter()
            answer = self.client.get("/stream/5", stream=True, catch_response=True, name="not this")
            for _ in answer.iter_lines():
                pass
            self.user.environment.events.request.fire(
                request_type="SSE", name="own report", response_time=(time.perf_counter() - began) * 1000,
                response_length=0, exception=None, context={},
            )


class StreamsFast(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    class InTurn(SequentialTaskSet):
        @task
        def read(self):
            for _ in self.client.iter_lines("/stream/5", name="fast stream"):
                pass

        @task
        def read_lines(self):
            stream = self.client.get("/stream/5", stream=True, name="fast lines").stream
            while stream.readline(b"\\n"):
                pass

        @task
        def leave_unread(self):
            for _ in range(12):
                self.client.get("/stream/1", stream=True, name="unread")


class GivesUp(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    class InTurn(SequentialTaskSet):
        @task
        def time_out(self):
            with gevent.Timeout(0.3, False):
                self.client.get("/sleep/2", name="timed out")

        @task
        def kill(self):
            jobs = [gevent.spawn(self.client.get, "/sleep/2", name="killed")]
            gevent.joinall(jobs, timeout=0.3)
            gevent.killall(jobs)


class Threads(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def work(self):
        thread = threading.Thread(target=self.client.get, args=["/"], kwargs={"name": "in a thread"})
        thread.start()
        thread.join()


class Executors(HttpUser):
    fixed_count = 1
    wait_time = constant(0.26)

    @task
    def work(self):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda path: self.client.get(path, name="in a job"), ["/sleep/0.1"] * 4))


class Retries(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    def on_start(self):
        retries = Retry(2, backoff_factor=0.135, status_forcelist=[503], raise_on_status=False)
        self.client.mount("http://", HTTPAdapter(max_retries=retries))

    @task
    def retry(self):
        self.client.get("/status/503", name="retried")


class Rests(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def ask(self):
        with self.rest("GET", "/", name="rested") as answer:
            answer.js["rows"] = []


class Later(HttpUser):
    fixed_count = 1
    wait_time = constant(0.28)

    @task
    def ask(self):
        gevent.spawn_later(0.05, self.client.get, "/", name="later").join()


class Own(User):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def call(self):
        with self.environment.events.request.measure("rpc", "own client"):
            gevent.sleep(0.05)
"""
USERS = LOCUSTFILE.count("fixed_count")


def hold_users(folder: Path, text: str, users: int, workers: int = 1) -> list[GeneratorFacts]:
    """Hold the users of a locustfile against a server of this process for 5 s; return all facts."""
    (folder / "locustfile.py").write_text(text)
    scenario = Scenario((folder / "locustfile.py",))
    with serve() as url, LocustGenerator().start(scenario, url, LocalWorkers(workers)) as generator:
        generator.hold(users, 20)
        until_s, parts = time.monotonic() + 5.0, []
        while time.monotonic() < until_s:
            parts.append(generator.poll(0.2))
        return [*parts, generator.close_step()]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Sequence[GeneratorFacts]:
    return hold_users(tmp_path_factory.mktemp("users"), LOCUSTFILE, USERS)


class Recorded:
    """The requests of one name, and how many of them the scenario never reported."""

    def __init__(self, parts: Sequence[GeneratorFacts], name: str) -> None:
        requests, _, _ = concat_facts(parts)
        unreported = concat_unreported(parts, 0.0)
        (number,) = (i for i, known in enumerate(requests.names) if known.partition(" ")[2] == name)
        rows = requests.name == number
        self.latency_s = requests.latency_s[rows]
        self.owners = set(requests.owner[rows].tolist())
        self.errors = {requests.errors[i] if i != ANSWERED else "" for i in requests.error[rows]}
        self.unreported = int((unreported.name == number).sum())
        self.count = int(rows.sum())


def find_pauses(parts: Sequence[GeneratorFacts]) -> tuple[Requests, ThinkTimes]:
    requests, thinks, _ = concat_facts(parts)
    return requests, thinks


def count_pauses(parts: Sequence[GeneratorFacts], planned_s: float) -> int:
    return int(np.isclose(find_pauses(parts)[1].planned_s, planned_s).sum())


def test_sleeps_in_tasks_are_pauses_of_their_user(parts: Sequence[GeneratorFacts]) -> None:
    (user,) = Recorded(parts, "/sleeps-a").owners
    assert user % 2 == 0
    thinks = find_pauses(parts)[1]
    mine = sorted({round(each, 2) for each in thinks.planned_s[thinks.owner == user].tolist()})
    assert mine == [0.12, 0.21, 0.33]
    assert abs(count_pauses(parts, 0.33) - Recorded(parts, "/sleeps-b").count) <= 1


def test_sleeps_of_a_polling_loop_are_no_pauses(parts: Sequence[GeneratorFacts]) -> None:
    assert (
        abs(count_pauses(parts, 0.05) - Recorded(parts, "/polls").count)
        <= 1 + Recorded(parts, "own client").count
    )


def test_requests_in_parallel_belong_to_the_user_that_made_them(parts: Sequence[GeneratorFacts]) -> None:
    parallel = Recorded(parts, "parallel")
    (owner,) = parallel.owners
    assert owner % 2 == 1
    thinks = find_pauses(parts)[1]
    assert set(thinks.owner[np.isclose(thinks.planned_s, 0.23)].tolist()) == {owner - 1}


def test_a_greenlet_pauses_for_its_user_within_a_task_and_not_in_the_background(
    parts: Sequence[GeneratorFacts],
) -> None:
    """A heartbeat that was started in on_start must not hide what its user waits for."""
    assert abs(count_pauses(parts, 0.41) - Recorded(parts, "/flow").count) <= 2
    assert count_pauses(parts, 0.57) <= 2
    assert Recorded(parts, "/beat").count > 4


@pytest.mark.parametrize("name", ["forgotten", "fast forgotten"])
def test_requests_without_a_with_block_count_with_the_time_that_they_took(
    parts: Sequence[GeneratorFacts], name: str
) -> None:
    forgotten = Recorded(parts, name)
    assert forgotten.count == forgotten.unreported > 3
    assert forgotten.latency_s.min() >= 0.3
    assert forgotten.errors == {""}


def test_a_request_without_a_with_block_counts_although_the_next_one_follows_at_once(
    parts: Sequence[GeneratorFacts],
) -> None:
    """The server answers within a millisecond or so. Five seconds and pauses of 0.2 s make about 20 each."""
    first, second = Recorded(parts, "first in a row"), Recorded(parts, "second in a row")
    assert first.unreported == first.count >= 10
    assert abs(first.count - second.count) <= 1
    assert second.unreported == 0


def test_unreported_requests_fail_by_their_status(parts: Sequence[GeneratorFacts]) -> None:
    missing = Recorded(parts, "missing")
    assert missing.unreported == missing.count > 3
    assert missing.errors == {"HTTPError: 404 Client Error: Not Found for url: missing"}


def test_a_with_block_decides_by_itself_and_an_exception_in_it_loses_no_request(
    parts: Sequence[GeneratorFacts],
) -> None:
    entered, stumbled = Recorded(parts, "entered"), Recorded(parts, "stumbled")
    assert (entered.errors, entered.unreported) == ({""}, 0)
    assert entered.count > 3
    assert stumbled.count == stumbled.unreported > 3


@pytest.mark.parametrize("name", ["stream", "block", "raw", "fast stream", "fast lines", "own report"])
def test_a_streamed_answer_counts_to_its_end(parts: Sequence[GeneratorFacts], name: str) -> None:
    stream = Recorded(parts, name)
    assert stream.count >= 1
    assert stream.latency_s.min() >= 0.5
    assert stream.unreported == 0


def test_a_response_time_that_the_scenario_sets_itself_counts(parts: Sequence[GeneratorFacts]) -> None:
    assert Recorded(parts, "own time").latency_s == pytest.approx(0.077)


def test_an_unread_stream_counts_to_its_headers_and_keeps_no_connection(
    parts: Sequence[GeneratorFacts],
) -> None:
    """FastHttpUser has ten connections for each user: if one were kept, the eleventh request would hang."""
    assert Recorded(parts, "unread").count >= 12


@pytest.mark.parametrize(("name", "how"), [("timed out", "Timeout"), ("killed", "GreenletExit")])
def test_requests_that_the_scenario_gives_up_have_failed(
    parts: Sequence[GeneratorFacts], name: str, how: str
) -> None:
    given_up = Recorded(parts, name)
    assert given_up.errors == {f"given up by the scenario ({how})"}
    assert given_up.latency_s == pytest.approx(0.3, abs=0.1)


def test_a_request_that_a_client_tries_again_is_one_and_its_breaks_are_no_pauses(
    parts: Sequence[GeneratorFacts],
) -> None:
    """The client waits for 0.135 · 2 s before its third attempt."""
    retried = Recorded(parts, "retried")
    assert retried.count > 3
    assert retried.latency_s.min() >= 0.27
    assert all("503" in error for error in retried.errors)
    assert count_pauses(parts, 0.27) == 0


def test_requests_by_rest_are_reported(parts: Sequence[GeneratorFacts]) -> None:
    rested = Recorded(parts, "rested")
    assert (rested.errors, rested.unreported) == ({""}, 0)
    assert rested.count > 3


def test_requests_that_a_listener_makes_are_of_no_user(parts: Sequence[GeneratorFacts]) -> None:
    polled = Recorded(parts, "polled by nobody")
    assert polled.owners == {-1}
    assert polled.count > 3
    assert count_pauses(parts, 0.38) == 0


@pytest.mark.parametrize(("name", "pause_s"), [("in a thread", None), ("in a job", 0.26), ("later", 0.28)])
def test_a_thread_or_a_later_greenlet_works_for_the_user_that_has_started_it(
    parts: Sequence[GeneratorFacts], name: str, pause_s: float | None
) -> None:
    (owner,) = Recorded(parts, name).owners
    assert owner % 2 == 1
    if pause_s is not None:
        thinks = find_pauses(parts)[1]
        assert set(thinks.owner[np.isclose(thinks.planned_s, pause_s)].tolist()) == {owner - 1}


def test_users_of_all_workers_have_numbers_of_their_own(tmp_path: Path) -> None:
    text = (
        "from locust import FastHttpUser, constant, task\n"
        "class A(FastHttpUser):\n"
        " wait_time = constant(0.2)\n"
        " @task\n"
        " def t(self): self.client.get('/a', catch_response=True)\n"
    )
    parts = hold_users(tmp_path, text, users=4, workers=2)
    recorded = Recorded(parts, "/a")
    assert len(recorded.owners) == 4
    assert recorded.unreported == recorded.count > 8
