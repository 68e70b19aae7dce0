"""Features of Locust that a locustfile may use, and requests that are refused, with real servers."""

# ruff: noqa: E501 - short locustfiles

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.errors import GeneratorError, UsageError
from harness.measure.locust.generator import LocustGenerator, LocustProcess
from harness.measure.locust.task_pages import concat_tasks
from harness.measure.protocols import GeneratorFacts
from harness.model import ANSWERED, Crowd, ErrorOrigin, Scenario, TaskError, TaskFacts

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]


@dataclass
class Site:
    """A server that counts the requests for each path.

    `/away` redirects to the second server, and `/home` to a path of the host that the scenario names.
    """

    url: str
    requests: Counter[str] = field(default_factory=Counter)


class QuietServer(http.server.ThreadingHTTPServer):
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: Locust ends in the middle of requests."""


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    servers: list[QuietServer] = []
    sites: list[Site] = []
    for _ in range(2):
        site = Site("")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            counted = site.requests
            all_sites = sites

            def do_GET(self) -> None:
                self.counted[self.path] += 1
                ways = {"/away": f"{self.all_sites[1].url}/elsewhere", "/home": "https://shop.example/a"}
                self.send_response(302 if self.path in ways else 200)
                if self.path in ways:
                    self.send_header("Location", ways[self.path])
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None: ...

        server = QuietServer(("127.0.0.1", 0), Handler)
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        sites.append(site)
    yield sites[0], sites[1]
    for server in servers:
        server.shutdown()
        server.server_close()


def run_scenario(scenario: Scenario, url: str, seconds: float = 3.0) -> GeneratorFacts:
    """Hold two users of the scenario for some seconds; return the facts of the poll with the most requests."""
    with LocustGenerator().start(scenario, url) as generator:
        generator.hold(2, 10)
        deadline = time.monotonic() + 20
        while generator.poll(0.2).reached_users != 2:
            assert time.monotonic() < deadline, generator.read_logs()
        until = time.monotonic() + seconds
        parts = []
        while time.monotonic() < until:
            parts.append(generator.poll(0.2))
        parts.append(generator.close_step())
    return max(parts, key=lambda part: len(part.requests.start_s))


def write_scenario(folder: Path, text: str, **more: object) -> Scenario:
    file = folder / "locustfile.py"
    file.write_text(text)
    return replace(Scenario((file,)), **more)  # type: ignore[arg-type]


HEAD = "from locust import *\nfrom locust.contrib.fasthttp import FastHttpUser\n"
USERS = {
    "fast": "class A(FastHttpUser):\n wait_time = constant(0.1)\n @task\n def t(self): self.client.get('/a')\n",
    "sequence": """
class S(SequentialTaskSet):
    @task
    def one(self): self.client.get('/a')
    @task
    class Inner(TaskSet):
        @task
        def two(self):
            with self.client.get('/b', catch_response=True) as r: r.success()
            self.interrupt()
class A(HttpUser):
    host = 'http://203.0.113.1'
    wait_time = constant(0.1)
    tasks = [S]
""",
    "paced": "class A(HttpUser):\n wait_time = constant_pacing(0.2)\n @task\n def t(self): self.client.get('/a')\n",
    "throughput": "class A(HttpUser):\n wait_time = constant_throughput(5)\n @task\n def t(self): self.client.get('/a')\n",
    "hooks": """
@events.init.add_listener
def _(environment, **_): environment.extra = 'a'
@events.test_start.add_listener
def _(environment, **_): environment.extra = 'a'
class A(HttpUser):
    wait_time = constant(0.1)
    def on_start(self): self.client.get('/login')
    @task
    def t(self): self.client.get('/' + self.environment.extra)
""",
    "own address": """
HOST = 'https://shop.example:8443'
@events.test_start.add_listener
def _(environment, **_): environment.host = HOST
class A(HttpUser):
    host = HOST
    wait_time = constant(0.1)
    @task
    def t(self): self.client.get(HOST + '/a')
""",
    "own host before Locust's, and own base after it": """
class A(HttpUser):
    wait_time = constant(0.1)
    def __init__(self, environment):
        self.host = 'https://shop.example'
        super().__init__(environment)
    def on_start(self): self.client.base_url = 'https://shop.example'
    @task
    def t(self): self.client.get('/a')
""",
    "host without a scheme": """
import http.client
class A(User):
    host = 'localhost:50051'
    wait_time = constant(0.1)
    @task
    def t(self):
        with self.environment.events.request.measure('rpc', '/a'):
            connection = http.client.HTTPConnection(self.host)
            connection.request('GET', '/a')
            connection.getresponse().read()
            connection.close()
""",
    "redirected to the own host": """
class A(HttpUser):
    host = 'https://shop.example'
    wait_time = constant(0.1)
    @task
    def t(self): self.client.get('/home')
""",
    "fast redirected to the own host": """
class A(FastHttpUser):
    host = 'https://shop.example'
    wait_time = constant(0.1)
    @task
    def t(self): self.client.get('/home')
""",
    "own shape": """
class Mine(LoadTestShape):
    def tick(self): return None
class A(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self): self.client.get('/a')
""",
}


@pytest.mark.parametrize("text", USERS.values(), ids=USERS)
def test_a_locustfile_runs_unmodified(text: str, sites: tuple[Site, Site], tmp_path: Path) -> None:
    facts = run_scenario(write_scenario(tmp_path, HEAD + text), sites[0].url)
    assert sites[0].requests["/a"] >= 5
    assert len(facts.requests.start_s)
    assert set(facts.requests.error) == {ANSWERED}


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_names_of_requests_are_the_same_for_every_container(
    user: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    """The port of the target's address differs. Locust's FastHttpUser names a whole address as it is."""
    text = """
class A({user}):
    wait_time = constant(0.1)
    @task
    def t(self):
        self.client.get(f'{{self.host}}/a')
        self.client.get('/b', name=self.host)
"""
    facts = run_scenario(write_scenario(tmp_path, HEAD + text.format(user=user)), sites[0].url, 1.0)
    assert set(facts.requests.names) == {"GET /a", "GET /"}


TAGGED = (
    HEAD
    + """
class A(HttpUser):
    wait_time = constant(0.05)
    @tag('read')
    @task
    def a(self): self.client.get('/a')
    @tag('write')
    @task
    def b(self): self.client.get('/b')
class B(HttpUser):
    wait_time = constant(0.05)
    @task
    def c(self): self.client.get('/c')
"""
)


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({"tags": ("read",), "user_classes": ("A",)}, {"/a"}),
        ({"exclude_tags": ("read",), "user_classes": ("A",)}, {"/b"}),
        ({"user_classes": ("B",)}, {"/c"}),
    ],
)
def test_classes_and_tags_are_selected(
    more: dict[str, object], paths: set[str], sites: tuple[Site, Site], tmp_path: Path
) -> None:
    run_scenario(write_scenario(tmp_path, TAGGED, **more), sites[0].url)
    assert set(sites[0].requests) == paths


WITH_ARGUMENT = (
    HEAD
    + """
@events.init_command_line_parser.add_listener
def _(parser): parser.add_argument('--page', default='none', env_var='LOCUST_PAGE')
class A(HttpUser):
    wait_time = constant(0.05)
    @task
    def t(self): self.client.get('/' + self.environment.parsed_options.page)
"""
)


def test_a_scenarios_own_arguments_come_from_the_matrix_or_the_environment(
    sites: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_scenario(write_scenario(tmp_path, WITH_ARGUMENT, arguments=("--page", "given")), sites[0].url)
    monkeypatch.setenv("LOCUST_PAGE", "environment")
    monkeypatch.setenv("LOCUST_RUN_TIME", "1s")
    monkeypatch.setenv("LOCUST_HOST", "http://203.0.113.1")
    run_scenario(write_scenario(tmp_path, WITH_ARGUMENT), sites[0].url)
    assert set(sites[0].requests) == {"/given", "/environment"}


def test_a_locust_conf_in_the_scenarios_folder_does_not_end_the_load(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    (tmp_path / "locust.conf").write_text(
        "headless = true\nusers = 50\nrun-time = 1s\nhost = http://203.0.113.1\n"
    )
    facts = run_scenario(write_scenario(tmp_path, HEAD + USERS["hooks"]), sites[0].url, 4.0)
    assert {sample.users for sample in facts.samples} == {2}


def test_settings_that_the_harness_decides_are_ignored_and_all_others_count(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    (tmp_path / "locust.conf").write_text(
        "master = true\nprocesses = 2\ncsv = out/run\ncsv-full-history = true\nhtml = out.html\n"
        "logfile = locust.log\nuser-count = 3\npage = conf\n"
    )
    own = "parser.add_argument('--page'), parser.add_argument('--user-count')"
    text = WITH_ARGUMENT.replace("parser.add_argument('--page', default='none', env_var='LOCUST_PAGE')", own)
    scenario = write_scenario(tmp_path, text)
    assert LocustGenerator().find_user_classes(scenario) == ["A"]
    with LocustGenerator().start(scenario, sites[0].url) as generator:
        generator.hold(2, 10)
        wait_for_requests(generator, sites[0])
        notes = generator.notes
    assert set(sites[0].requests) == {"/conf"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locust.conf", "locustfile.py"]
    assert notes == (
        "locust.conf sets master, processes, csv, csv-full-history, html, logfile: ignored, because the "
        "harness decides this itself",
        "locust.conf sets user-count, page: this counts, as part of the scenario",
    )


def wait_for_requests(generator: LocustProcess, site: Site) -> None:
    deadline = time.monotonic() + 20
    while not site.requests:
        assert time.monotonic() < deadline, generator.read_logs()
        generator.poll(0.2)


@pytest.mark.parametrize(
    ("host", "base", "path", "asked"),
    [
        ("https://shop.example/api/v1", None, "/a", "/api/v1/a"),
        ("https://shop.example/", None, "a", "/a"),
        ("https://shop.example/", None, "/a", "/a"),
        ("https://shop.example/api/", None, "a", "/api/a"),
        ("https://shop.example", None, "a?b=c", "/a?b=c"),
        ("https://shop.example/api/v1", "/", "/a", "/a"),
        ("https://shop.example/api/v1", "/v2", "/a", "/v2/a"),
    ],
)
@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_the_path_of_the_host_stands_before_that_of_a_request(
    user: str, host: str, base: str | None, path: str, asked: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    text = f"class A({user}):\n host = {host!r}\n @task\n def t(self): self.client.get({path!r})\n"
    with LocustGenerator().start(write_scenario(tmp_path, HEAD + text, base=base), sites[0].url) as generator:
        generator.hold(1, 10)
        wait_for_requests(generator, sites[0])
    assert set(sites[0].requests) == {asked}


def test_a_file_sees_the_number_of_users_that_may_come(sites: tuple[Site, Site], tmp_path: Path) -> None:
    text = """
@events.test_start.add_listener
def _(environment, **_):
    options = environment.parsed_options
    environment.numbers = f'{options.num_users}-{options.spawn_rate}-{options.run_time}'
class A(HttpUser):
    @task
    def t(self): self.client.get('/' + self.environment.numbers)
"""
    scenario = write_scenario(tmp_path, HEAD + text)
    with LocustGenerator().start(scenario, sites[0].url, crowd=Crowd(300, 12.5)) as generator:
        generator.hold(1, 10)
        wait_for_requests(generator, sites[0])
    assert set(sites[0].requests) == {"/300-12.5-None"}


OWN_STAGES = (
    HEAD
    + """
import gevent
@events.init.add_listener
def _(environment, **_):
    def stages():
        environment.runner.start(5, 50)
        gevent.sleep(1)
        environment.runner.start(user_count=20, spawn_rate=50)
        environment.runner.quit()
    gevent.spawn(stages)
"""
    + USERS["fast"]
)


def test_a_file_that_drives_the_load_itself_does_not_set_the_number_of_users(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    with LocustGenerator().start(write_scenario(tmp_path, OWN_STAGES), sites[0].url) as generator:
        generator.hold(2, 10)
        until, users = time.monotonic() + 4, set()
        while time.monotonic() < until:
            users |= {sample.users for sample in generator.poll(0.2).samples}
        notes = generator.notes
    assert users <= {0, 1, 2}
    assert 2 in users
    assert any("locustfile.py:8 starts users itself (runner.start)" in note for note in notes), notes


@pytest.mark.parametrize("name", ["locust.py", "queue.py", "statistics.py"])
def test_names_of_standard_modules_beside_the_file_or_of_the_file_itself_do_no_harm(
    name: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    for other in ("email.py", "statistics.py", "queue.py", "logging.py"):
        (tmp_path / other).write_text("")
    (tmp_path / name).write_text(HEAD + USERS["fast"])
    scenario = Scenario((tmp_path / name,))
    assert LocustGenerator().find_user_classes(scenario) == ["A"]
    with LocustGenerator().start(scenario, sites[0].url) as generator:
        generator.hold(1, 10)
        wait_for_requests(generator, sites[0])
    assert set(sites[0].requests) == {"/a"}


WITH_OTHER_HOST = (
    HEAD
    + """
class A({user}):
    wait_time = constant(0.1)
    @task
    def t(self): self.client.get('{path}', name='out')
    @task
    def u(self): self.client.get('/a')
"""
)


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("path", ["{other}/elsewhere", "/away"])
def test_nothing_but_the_target_is_loaded(
    user: str, path: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    target, other = sites
    text = WITH_OTHER_HOST.format(user=user, path=path.format(other=other.url))
    facts = run_scenario(write_scenario(tmp_path, text), target.url)
    assert not other.requests
    assert target.requests["/a"]
    assert any("is not the target" in error for error in facts.requests.errors), facts.requests.errors


def test_a_scenarios_own_packages_are_installed_once(
    sites: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "needed.txt").write_text("iniconfig\nshortuuid==1.0.13\n")
    text = HEAD + "import shortuuid\n" + USERS["fast"]
    scenario = write_scenario(tmp_path, text, requirements=tmp_path / "needed.txt")
    assert LocustGenerator().find_user_classes(scenario) == ["A"]
    run_scenario(scenario, sites[0].url)
    assert sites[0].requests["/a"]
    (folder,) = (tmp_path / "cache/capacity-harness").iterdir()
    assert "part" not in folder.name
    (tmp_path / "needed.txt").write_text("no-such-package-at-all-7f3==9\n")
    with pytest.raises(UsageError, match="can't install the packages of needed"):
        LocustGenerator().find_user_classes(scenario)
    assert len(list((tmp_path / "cache/capacity-harness").iterdir())) == 1


def count_errors(facts: list[TaskFacts]) -> tuple[int, list[tuple[TaskError, int, int]]]:
    """Return how many tasks ended, and each exception with how often it came, in all and after a failure."""
    tasks = concat_tasks(facts, 0.0)
    rows = [
        (
            error,
            sum(sample.count for sample in tasks.error_samples if sample.error == number),
            sum(sample.after_failure for sample in tasks.error_samples if sample.error == number),
        )
        for number, error in enumerate(tasks.errors)
    ]
    return sum(sample.ended for sample in tasks.samples), rows


RAISING = (
    HEAD
    + """
import gevent, threading
@events.request.add_listener
def listen(**arguments): arguments['nope']
class A(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        self.client.get('/a')
        raise ValueError(f'one of {id(self)}')
class B(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        with self.client.get('/b', catch_response=True) as response:
            response.failure('bad')
        response.json()['rows']
class C(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        gevent.joinall([gevent.spawn(self.look) for _ in range(3)])
    def look(self):
        self.client.get('/c').json()
class D(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        self.client.get('/d')
        raise StopUser()
class E(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        self.client.get('/e')
        raise gevent.GreenletExit()
class F(HttpUser):
    wait_time = constant(0.1)
    @task
    def t(self):
        self.client.get('/f')
        thread = threading.Thread(target=lambda: {}['rows'])
        thread.start()
        thread.join()
"""
).replace("\nimport", "from locust.exception import StopUser\nimport")


@pytest.mark.parametrize(
    ("user", "origin", "text", "line", "per_task", "after_failure"),
    [
        ("A", ErrorOrigin.TASK, "ValueError: one of ", 12, 1.0, 0.0),
        ("B", ErrorOrigin.TASK, "JSONDecodeError: ", 19, 1.0, 1.0),
        ("C", ErrorOrigin.GREENLET, "JSONDecodeError: ", 26, 1.0, 0.0),
        ("D", ErrorOrigin.STOP, "StopUser", 32, 1.0, 0.0),
        ("E", ErrorOrigin.STOP, "GreenletExit", 38, 1.0, 0.0),
        ("F", ErrorOrigin.GREENLET, "KeyError: ", 44, 1.0, 0.0),
    ],
)
def test_exceptions_in_the_scenario_are_counted_with_their_line(
    user: str,
    origin: ErrorOrigin,
    text: str,
    line: int,
    per_task: float,
    after_failure: float,
    sites: tuple[Site, Site],
    tmp_path: Path,
) -> None:
    scenario = write_scenario(tmp_path, RAISING, user_classes=(user,))
    parts = []
    with LocustGenerator().start(scenario, sites[0].url) as generator:
        generator.hold(2, 10)
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            parts.append(generator.poll(0.2).tasks)
        parts.append(generator.close_step().tasks)
    ended, rows = count_errors(parts)
    ((error, count, after),) = [row for row in rows if row[0].origin is not ErrorOrigin.LISTENER]
    assert error.origin is origin
    assert error.text.startswith(text)
    assert error.place == f"locustfile.py:{line}"
    assert ended >= 2
    assert count / ended == pytest.approx(per_task, abs=0.1)
    assert after == count * after_failure
    listeners = [row for row in rows if row[0].origin is ErrorOrigin.LISTENER]
    assert [row[0].text for row in listeners] == ["KeyError: 'nope'"]


ENDS = {
    "quit": ("class A(HttpUser):\n @task\n def t(self): self.environment.runner.quit()\n", "runner.quit()"),
    "exit": ("import sys\nclass A(HttpUser):\n @task\n def t(self): sys.exit(3)\n", "called sys.exit(3)"),
    "a timer": (
        "import gevent\n@events.test_start.add_listener\n"
        "def f(environment, **_): gevent.spawn_later(1, environment.runner.quit)\n"
        "class A(HttpUser):\n @task\n def t(self): self.client.get('/a')\n",
        "locustfile.py:5 called runner.quit()",
    ),
    "itself": ("import os\nclass A(HttpUser):\n @task\n def t(self): os._exit(3)\n", "called os._exit(3)"),
    "a listener": (
        "@events.init.add_listener\ndef f(environment, **_): environment.web_ui.app\n"
        "class A(HttpUser):\n @task\n def t(self): self.client.get('/a')\n",
        "AttributeError: 'NoneType' object has no attribute 'app' (locustfile.py:4) in a listener",
    ),
}


@pytest.mark.parametrize(("text", "words"), ENDS.values(), ids=ENDS)
def test_what_ends_locust_is_named_with_its_line(
    text: str, words: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    scenario = write_scenario(tmp_path, HEAD + text)

    def hold_load() -> None:
        with LocustGenerator().start(scenario, sites[0].url) as generator:
            generator.hold(2, 10)
            until = time.monotonic() + 10
            while time.monotonic() < until:
                generator.poll(0.2)

    with pytest.raises(GeneratorError) as caught:
        hold_load()
    first = str(caught.value).splitlines()[0]
    assert words in first
    assert "so Locust ended with exit code" in first


def test_what_failed_before_the_scenario_ended_locust_is_known(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    """A failed login is a common reason; Locust ends less than half a second after it."""
    text = "class A(HttpUser):\n def on_start(self):\n  self.client.get('/a')\n  self.environment.runner.quit()\n"
    parts: list[GeneratorFacts] = []

    def poll_until_end() -> None:
        while True:
            parts.append(generator.poll(0.2))

    with LocustGenerator().start(write_scenario(tmp_path, HEAD + text), sites[0].url) as generator:
        generator.hold(1, 10)
        with pytest.raises(GeneratorError, match=r"called runner\.quit"):
            poll_until_end()
    assert sum(len(part.requests.start_s) for part in parts) == 1


def test_a_file_that_ends_locust_while_it_is_loaded_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"look for sys\.exit\(\)"):
        LocustGenerator().find_user_classes(write_scenario(tmp_path, "import sys\nsys.exit(0)\n"))
    with pytest.raises(UsageError, match=r"can't load it: ValueError: no data \(locustfile\.py:1\)"):
        LocustGenerator().find_user_classes(write_scenario(tmp_path, "raise ValueError('no data')\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            USERS["fast"] + "run_single_user(A)\n",
            r"runs Locust itself while it is loaded \(run_single_user\)",
        ),
        (
            "from locust.env import Environment\n"
            + USERS["fast"]
            + "runner = Environment(user_classes=[A]).create_local_runner()\nrunner.start(1, spawn_rate=1)\n",
            r"runs Locust itself while it is loaded \(create_local_runner\).*\(locustfile\.py:8\)",
        ),
        (
            "class A(HttpUser):\n @task\n async def t(self): self.client.get('/a')\n",
            r"Locust only calls A\.t, and a call runs nothing of a coroutine",
        ),
        (
            "class A(HttpUser):\n fixed_count = 2\nclass B(HttpUser):\n fixed_count = 1\n",
            r"3 users can come at most, because each user class has a fixed_count \(A 2, B 1\)",
        ),
    ],
)
def test_a_file_that_can_never_be_measured_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        LocustGenerator().find_user_classes(write_scenario(tmp_path, HEAD + text), 40)


def test_old_settings_of_pauses_that_have_no_effect_are_noted(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    text = (
        "class S(TaskSet):\n max_wait = 3000\n @task\n def t(self): self.client.get('/a')\n"
        "class A(HttpUser):\n min_wait = 1000\n tasks = [S]\n"
        "class B(HttpUser):\n min_wait = 1000\n wait_time = constant(1)\n tasks = [S]\n"
    )
    with LocustGenerator().start(write_scenario(tmp_path, HEAD + text), sites[0].url) as generator:
        notes = generator.notes
    assert [note for note in notes if "no longer reads" in note] == [
        "Locust no longer reads min_wait, max_wait of A, so its users do not pause between tasks; write "
        "wait_time = between(1, 3), in seconds"
    ]
