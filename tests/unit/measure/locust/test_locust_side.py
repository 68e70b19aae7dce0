"""The parts of the plugin that change Locust, in a Python of its own: hosts, reports, pauses and threads."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import harness

FOLDER = Path(harness.__file__).parent / "measure/locust_side"
CODE = (
    f"""
import json, sys, threading, types
sys.path.insert(0, {str(FOLDER)!r})
import harness_host, harness_plugin, harness_user_time, harness_requests
import datetime
import gevent, locust
from geventhttpclient.client import HTTPClientPool
from locust.contrib.fasthttp import FastHttpUser
from urllib3 import PoolManager
from concurrent.futures import ThreadPoolExecutor
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask
from locust.user.task import TaskSet
"""
    + """
import time
import gevent.monkey
heard, result = [], {}
recording = time.sleep
gevent.monkey.patch_time()
result["patched again"] = time.sleep is recording
locust.events.request.add_listener(lambda **arguments: heard.append(len(log.start)))
environment = Environment(events=locust.events, host="http://127.0.0.1:9")
log = environment.harness = harness_plugin.request_log
harness_user_time.on_init(environment)
harness_requests.on_init(environment)


def fire(response_time, exception=None, **more):
    locust.events.request.fire(
        request_type="WS", name="/x", response_time=response_time, response_length=0, exception=exception,
        context={}, **more
    )
    return len(log.start)


class Silent(Exception):
    def __str__(self):
        raise ValueError("no text")


result["counts"] = [fire(5.0), fire(None), fire(0), fire(None, ValueError("down")), fire(1.0, Silent())]
result["listener"] = heard[0]
began = datetime.datetime.now()
result["columns"] = [len(getattr(log, key)) for key in ("start", "latency", "name", "error", "owner")]
result["latency"] = list(log.latency)
result["errors"] = list(log.errors.numbers)

task_set = TaskSet(types.SimpleNamespace(min_wait=None, max_wait=None, wait_function=None))
for seconds in (-1.5, 0, 0.001):
    task_set._sleep(seconds)
try:
    task_set._sleep(None)
except TypeError:
    result["no length"] = len(log.think_start)
result["pauses"] = list(log.think)

owners = result["owners"] = {}
shared = ThreadPoolExecutor(1)


def note_owner(key):
    owners[key] = harness_user_time.find_lane().owner


def act(number):
    greenlet = gevent.getcurrent()
    greenlet.harness_lane = harness_user_time.Lane(greenlet, 2 * number)
    thread = threading.Thread(target=note_owner, args=[f"thread {number}"])
    thread.start()
    thread.join()
    shared.submit(note_owner, f"job {number}").result()
    with ThreadPoolExecutor(2) as own:
        list(own.map(note_owner, [f"own job {number}"]))


for number in (3, 4):
    gevent.spawn(act, number).get()
shared.submit(note_owner, "job of nobody").result()
shared.shutdown()


class Own(locust.HttpUser):
    host = "https://me:secret@Shop.example/api/v1"


environment.user_classes = [Own]
environment.runner = None
environment.harness_settings, environment.harness_configured_host = {}, None
harness_host.on_init(environment)
environment.host = "http://elsewhere.example"
result["host"] = environment.host
result["user's host"] = Own(environment).host
session = locust.clients.HttpSession("http://127.0.0.1:9/api/v1", environment.events.request, None)
result["addresses"] = [
    session._build_url(path)
    for path in (
        "/items", "https://shop.example/api/v1/items?n=1", "http://shop.example", "https://shop.example.org/x",
        "https://other.example/x",
    )
]
result["names"] = [
    harness_host.replace_name(host, target)
    for host, target in (
        ("https://shop.example", "http://t:1"),
        ("https://shop.example/", "http://t:1"),
        ("https://shop.example/api", "http://t:1/v2"),
        ("https://a:b@shop.example/api", "http://t:1"),
        ("wss://shop.example/socket", "http://t:1"),
        ("HTTPS://shop.example", "http://t:1"),
        ("tcp://shop.example:99", "http://t:1"),
        ("shop.example/api", "http://t:1"),
        (None, "http://t:1"),
    )
]


class Late(locust.HttpUser):
    def __init__(self, *arguments):
        self.host = "https://late.example/v2"
        super().__init__(*arguments)


late = Late(environment)
late.client.base_url = "https://Shop.example/auth"
other = locust.clients.HttpSession("https://shop.example", environment.events.request, None)
result["bases"] = [late.host, late.client._build_url("/me"), late.client.base_url, other._build_url("/a")]
late.client.base_url = "https://third.example"
result["bases"].append(late.client._build_url("/me"))

asked = locust.clients.HttpSession("http://127.0.0.1:9/api", environment.events.request, None)
asked.params = {"lang": "en"}
fast = locust.contrib.fasthttp.FastHttpSession("http://127.0.0.1:9/api", environment.events.request, None)
result["asked"] = [
    str(asked.name_asked("/items", {"q": "a b"})),
    str(asked.name_asked("https://shop.example/café", None)),
    str(asked.name_asked(["odd"], None)),
    str(fast.name_asked("/items", {"q": "a b"})),
]
result["redirects"] = [
    harness_host.lead_location(*each)
    for each in (
        ("https://shop.example/cart", "GET", "http://127.0.0.1:9/"),
        ("//Shop.example/cart", "GET", "http://127.0.0.1:9/"),
        ("https://shop.example/form", "POST", "http://127.0.0.1:9/form"),
        ("/cart", "GET", "http://127.0.0.1:9/"),
        ("https://other.example/", "GET", "http://127.0.0.1:9/"),
        ("https://shop.example/cart", "GET", "http://127.0.0.1:9/cart"),
        ("https://shop.example", "HEAD", "http://127.0.0.1:9/"),
    )
]
kinds = [type(name, (), {"host": host}) for name, host in (
    ("A", "http://a.example:81/x"), ("B", None), ("C", "b.example"), ("D", "https://a.example:81"),
    ("E", "http://e.example"),
)]
result["hosts"] = [harness_host.find_different_hosts(each) for each in (kinds, kinds[:4], [])]
result["shown"] = [
    harness_plugin.drop_address(name, host)
    for name, host in (
        ("http://127.0.0.1:3281/items?a=1", "http://127.0.0.1:3281/api"),
        ("http://127.0.0.1:3281", "http://127.0.0.1:3281"),
        ("GET wss://me:x@127.0.0.1:3281/live", "http://me:x@127.0.0.1:3281"),
        ("http://127.0.0.1:32816/items", "http://127.0.0.1:3281"),
        ("http://1127.0.0.1:3281/items", "http://127.0.0.1:3281"),
        ("/items", None),
        (None, "http://127.0.0.1:3281"),
    )
]
log.environment = environment
log.find_number("GET", "http://elsewhere.example/items"), log.find_number("GET", "http://127.0.0.1:9/items")
result["numbered"] = [name for name in log.names.numbers if name.endswith("/items")]

count = len(log.start)
for start_time in (began, began.isoformat(), None):
    fire(250.0, start_time=start_time)
result["odd starts"] = [round(each, 3) for each in list(log.latency)[count:]]


def define(base, **attributes):
    return type("Kind", (base,), {"tasks": [print], **attributes})


result["shared"] = [
    harness_plugin.count_shared_connections(each)
    for each in (
        define(locust.HttpUser),
        define(locust.HttpUser, pool_manager=PoolManager(maxsize=10, block=True)),
        define(locust.HttpUser, pool_manager=PoolManager(maxsize=10)),
        define(FastHttpUser),
        define(FastHttpUser, client_pool=HTTPClientPool(concurrency=5)),
        define(FastHttpUser, client_pool=HTTPClientPool()),
        define(FastHttpUser, pool_manager=PoolManager(maxsize=10, block=True)),
        define(locust.User, client_pool="of the scenario's own"),
    )
]
result["bare"] = [
    harness_host.replace_host(host, "http://127.0.0.1:9/v1")
    for host in ("localhost:50051", "localhost/shop.Cart", "https://shop.example", "", None)
]


class Rpc(locust.User):
    host = "localhost:50051"
    tasks = [print]


for given in (None, "localhost:50052"):
    environment.harness_configured_host, environment.user_classes = given, [Rpc]
    harness_host.host_by_class.clear()
    harness_host.find_bases(environment, given, "locust.conf")
    result["bare"].append(Rpc(environment).host)


class Bare(locust.HttpUser):
    host = "api.example:8443"
    tasks = [print]


environment.harness_configured_host, environment.user_classes = None, [Bare]
harness_host.host_by_class.clear()
harness_host.note_own_name(Bare.host)
harness_host.find_bases(environment, None, "")
bare = Bare(environment)
result["bare http"] = [bare.host, *(
    bare.client._build_url(path)
    for path in (
        f"https://{bare.host}/items", "https://api.example:8443/items", f"{bare.host}/items", "/items",
        "items",
    )
)]


def fire_named(name, response_time, exception=None):
    locust.events.request.fire(
        request_type="MQTT", name=name, response_time=response_time, response_length=0, exception=exception,
        context={},
    )
    return len(log.start) - count


count = len(log.start)
result["untimed"] = [
    fire_named(*report)
    for report in (
        ("sent", 0), ("sent", 0.0), ("asked", 0), ("asked", 3), ("asked", 0), ("sent", 0, ValueError())
    )
]


def end_task(base, status, error):
    lane, key = harness_user_time.find_lane(), next(harness_requests.request_numbers)
    log.in_flight[key] = (0.0, "GET", "/x", 0)
    kind = type("Answer", (base,), {"status_code": status, "_manual_result": None, "_catch_response": True})
    made = kind.__new__(kind)
    opened = harness_requests.OpenRequest(lane, key, is_stream=False)
    opened.holder, opened.reported, opened.error = (lambda: made), (lambda: made), "HTTPError"
    lane.open.append(opened)
    try:
        with made:
            raise error
    except type(error):
        pass
    for each in list(lane.open):
        each.close()
    return [log.error[-1] >= 0, len(log.unreported_start)]


result["ends"] = [
    end_task(base, status, error)
    for base in (harness_requests.HttpAnswer, harness_requests.FastHttpAnswer)
    for status, error in (
        (404, RescheduleTask()), (200, InterruptTaskSet()), (404, KeyError("x")), (503, RescheduleTask()),
        (429, RescheduleTask()), (0, RescheduleTask()),
    )
]
import harness_target_only

harness_target_only.refuse_foreign_hosts(environment)
result["others"] = []
gevent.spawn(result["others"].append, "went on")
try:
    HTTPClientPool().get_client("http://other.example/")
except ConnectionError as error:
    result["others"].append(str(error).partition(";")[0])
sys.stdout.write(json.dumps(result))
"""
)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded: dict[str, Any] = json.loads(ran.stdout)
    return loaded


def test_a_report_without_a_response_time_is_no_request_unless_it_failed(result: dict[str, Any]) -> None:
    """Of five reports the second has neither a response time nor an exception."""
    assert result["counts"] == [1, 1, 2, 3, 4]
    assert result["latency"] == pytest.approx([0.005, 0.0, 0.0, 0.001])


def test_a_report_of_no_time_is_no_request_unless_its_name_had_other_times_or_it_failed(
    result: dict[str, Any],
) -> None:
    """Six reports: "sent" twice and "asked" once with 0, "asked" with 3 ms and 0, and "sent" that failed."""
    assert result["untimed"] == [0, 0, 0, 1, 2, 3]


def test_an_answer_for_which_the_scenario_ends_its_task_has_not_failed(result: dict[str, Any]) -> None:
    """Locust does not report it. Whether it failed, and how many requests were then never reported at all.

    404 and 200 are handled. Any other exception, and what means that the target does not keep up, are not.
    """
    ends = [[False, 0], [False, 0], [True, 1], [True, 2], [True, 3], [True, 4]]
    assert result["ends"] == [*ends, *([failed, 4 + count] for failed, count in ends)]


def test_an_exception_without_a_text_leaves_all_columns_as_long(result: dict[str, Any]) -> None:
    assert result["columns"] == [4] * 5
    assert result["errors"] == ["ValueError: down", "Silent"]


def test_a_request_is_recorded_before_the_scenarios_listeners_hear_of_it(result: dict[str, Any]) -> None:
    """The scenario's listener was added before Locust's `init`. It may end the user or the task."""
    assert result["listener"] == 1


def test_a_negative_pause_is_none_and_a_pause_without_a_length_is_not_recorded(
    result: dict[str, Any],
) -> None:
    assert result["pauses"] == [0.0, 0.0, 0.001]
    assert result["no length"] == 3


def test_a_scenario_that_patches_the_standard_modules_again_still_pauses(result: dict[str, Any]) -> None:
    """`gevent.monkey.patch_all(thread=False)` puts gevent's own `sleep` into `time` once more."""
    assert result["patched again"]


def test_threads_and_jobs_of_executors_act_for_the_user_that_started_them(result: dict[str, Any]) -> None:
    """The user's own greenlet is 2·n, and all others that act for it are 2·n + 1."""
    assert result["owners"] == {
        "thread 3": 7,
        "job 3": 7,
        "own job 3": 7,
        "thread 4": 9,
        "job 4": 9,
        "own job 4": 9,
        "job of nobody": -1,
    }


def test_the_scenario_cannot_move_the_load_to_another_host(result: dict[str, Any]) -> None:
    assert result["host"] == "http://127.0.0.1:9"


def test_the_target_replaces_the_scenarios_own_host_and_keeps_its_login_and_path(
    result: dict[str, Any],
) -> None:
    assert result["user's host"] == "http://me:secret@127.0.0.1:9/api/v1"
    assert result["names"] == [
        "http://t:1",
        "http://t:1/",
        "http://t:1/v2",
        "http://a:b@t:1/api",
        "ws://t:1/socket",
        "http://t:1",
        "tcp://t:1",
        "http://t:1",
        "http://t:1",
    ]


def test_whole_addresses_of_the_scenarios_own_host_lead_to_the_target(result: dict[str, Any]) -> None:
    assert result["addresses"] == [
        "http://127.0.0.1:9/api/v1/items",
        "http://127.0.0.1:9/api/v1/items?n=1",
        "http://127.0.0.1:9",
        "https://shop.example.org/x",
        "https://other.example/x",
    ]


def test_a_host_or_base_that_the_scenario_sets_late_leads_to_the_target_too(result: dict[str, Any]) -> None:
    """A user sets its host before Locust's `__init__`; a client gets another base; a session has its own."""
    assert result["bases"] == [
        "http://127.0.0.1:9/v2",
        "http://127.0.0.1:9/auth/me",
        "http://127.0.0.1:9/auth",
        "http://127.0.0.1:9/a",
        "https://third.example/me",
    ]


def test_a_request_in_flight_has_the_name_by_which_it_will_be_reported(result: dict[str, Any]) -> None:
    """HttpUser's client reports the whole path with all parameters, and FastHttpUser's what it is asked."""
    assert result["asked"] == ["/api/items?lang=en&q=a+b", "/caf%C3%A9?lang=en", "['odd']", "/items"]


def test_a_redirect_to_the_scenarios_own_host_leads_to_the_target(result: dict[str, Any]) -> None:
    """The last two ask for HTTPS: led to the target, they would be redirected to themselves for ever."""
    assert result["redirects"] == [
        "http://127.0.0.1:9/cart",
        "http://127.0.0.1:9/cart",
        "http://127.0.0.1:9/form",
        "/cart",
        "https://other.example/",
        "https://shop.example/cart",
        "https://shop.example",
    ]


def test_user_classes_with_different_hosts_are_known(result: dict[str, Any]) -> None:
    """A and D have the same name and port, B has no host, and C none that Locust takes for one."""
    assert result["hosts"] == [{"A": "a.example:81", "D": "a.example:81", "E": "e.example"}, {}, {}]


def test_names_of_requests_lack_the_targets_address_whose_port_changes(result: dict[str, Any]) -> None:
    assert result["shown"] == [
        "/items?a=1",
        "/",
        "GET /live",
        "http://127.0.0.1:32816/items",
        "http://1127.0.0.1:3281/items",
        "/items",
        "None",
    ]
    assert result["numbered"] == ["GET http://elsewhere.example/items", "GET /items"]


def test_a_report_whose_start_is_no_number_counts_with_its_response_time(result: dict[str, Any]) -> None:
    assert result["odd starts"] == [0.25, 0.25, 0.25]


def test_only_pools_that_make_users_wait_are_counted(result: dict[str, Any]) -> None:
    """A pool of HttpUser limits its users only with `block`; FastHttpUser's own pool has one by default."""
    assert result["shared"] == [None, 10, None, None, 5, 1, None, None]


def test_a_host_without_a_scheme_stays_without(result: dict[str, Any]) -> None:
    """A client of gRPC takes `name:port`. Then come real users."""
    assert result["bare"] == [
        "127.0.0.1:9",
        "127.0.0.1:9/shop.Cart",
        *["http://127.0.0.1:9/v1"] * 3,
        "127.0.0.1:9",
        "127.0.0.1:9",
    ]


def test_others_go_on_while_a_request_to_another_host_is_refused(result: dict[str, Any]) -> None:
    """A user who asks again at once, without a pause, would leave no time to any other greenlet."""
    assert result["others"] == ["went on", "other.example:80 is not the target"]


def test_a_scenario_may_put_its_own_scheme_before_a_host_without_one(result: dict[str, Any]) -> None:
    """Locust alone can't ask a path of such a host, unless the command line names another host."""
    assert result["bare http"] == [
        "127.0.0.1:9",
        "http://127.0.0.1:9/items",
        "http://127.0.0.1:9/items",
        "http://127.0.0.1:9/items",
        "http://127.0.0.1:9/items",
        "http://127.0.0.1:9/items",
    ]
