"""Which reports of the scenario's own count, in a Python of its own that the plugin may change."""

import json
from pathlib import Path
from typing import Any

import pytest

import harness
from tests.unit.measure.locust.prepared_python import PreparedPython

FOLDER = Path(harness.__file__).parent / "measure/locust_side"
CODE = (
    f"""
import datetime, json, sys, types, time
sys.path.insert(0, {str(FOLDER)!r})
import harness_plugin, harness_task_errors, harness_other_errors, harness_user_time, harness_requests
import gevent, locust
from locust.env import Environment

environment = Environment(events=locust.events, host="http://127.0.0.1:9")
log = environment.harness = harness_plugin.request_log
log.environment = environment
for module in (harness_task_errors, harness_other_errors, harness_user_time, harness_requests):
    module.on_init(environment)
log.begun_s = time.monotonic() - 60
result = {{}}


def fire(response_time, exception=None, name="/x"):
    locust.events.request.fire(
        request_type="rpc", name=name, response_time=response_time, response_length=0, exception=exception,
        context={{}},
    )


read = (12.5, "12.5", 60_500)
unread = (-3, float("nan"), float("inf"), "soon", datetime.timedelta(seconds=2), 70_000)
for value in (*read, *unread):
    fire(value)
result["read"] = [round(each, 4) for each in log.latency]
fire(-3, ValueError("down"))
result["failed"] = [log.latency[-1], log.error[-1] >= 0, len(log.latency)]
fire(5, name=["a", "list"]), fire(5, name=7)
log.in_flight[-1] = (time.monotonic(), "GET", {{"a": "dict"}}, 0)
page = log.take_page(1, closing=False)
result["names"] = page["names"]
result["kinds"], result["counts"] = page["task_error_kinds"], page["task_errors"]
"""
    + """

def open_request(started_s):
    lane, key = harness_user_time.find_lane(), next(harness_requests.request_numbers)
    log.in_flight[key] = (started_s, "GET", "/first", 0)
    answer = types.SimpleNamespace(
        status_code=200, error=None,
        request_meta={"name": "/first", "response_time": 2.0, "response": None, "exception": None},
    )
    answer.request_meta["response"] = answer
    opened = harness_requests.OpenRequest(lane, key, is_stream=False)
    opened.holder, opened.reported = (lambda: answer), (lambda: answer)
    lane.open.append(opened)
    return lane


def count_open(busy, response_time):
    lane = open_request(time.monotonic() - 0.003)
    lane.busy = busy
    fire(response_time)
    lane.busy = 0
    count = len(lane.open)
    for each in list(lane.open):
        each.forget()
    return count


result["open"] = [count_open(1, 1.0), count_open(0, 50.0)]
count, lane = len(log.start), harness_user_time.find_lane()
lane.busy = 1
fire(300.0, name="/twice")
lane.busy = 0
result["twice"] = []
for value, name in ((299.0, "/twice"), (299.0, "/twice"), (12.0, "/other")):
    fire(value, name=name)
    result["twice"].append(len(log.start) - count)
told = []
log.connection = types.SimpleNamespace(send=told.append)
clock = [time.monotonic()]
harness_requests.monotonic = lambda: clock[0]


def answer(self, method, url, name):
    clock[0] += 0.02
    fire(20.0, name=url)


client = harness_requests.track_requests(answer)
kind = types.SimpleNamespace(request_name=None, name_asked=lambda url, params: url)


def listen(request_type, name, **_):
    if name == "/heard":
        fire(20.0, name="/all")


locust.events.request.add_listener(listen)
for _ in range(5):
    client(kind, "GET", "/heard")
    fire(5000.0, name="/flow")
    client(kind, "GET", "/step")
    fire(10.0, name="/after")
for _ in range(5):
    open_request(clock[0] - 0.003)
    lane.asked_s = clock[0] - 0.003
    fire(50.0, name="/instead")
result["flows"] = told[-1]["hello"]["flows"]
log.connection = None
user = harness_user_time.Lane(gevent.getcurrent(), 2)
user.busy = 1
result["pauses"] = [user.is_pausing(0.5)]
user.last = (0, 0.3)
result["pauses"].append(user.is_pausing(0.5))
user.busy, gevent.getcurrent().harness_lane = 0, user
harness_user_time.record_pauses(lambda *_: None)(float("inf"))
result["endless"] = [log.think[-1], log.think_owner[-1]]
sys.stdout.write(json.dumps(result))
"""
)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, python: PreparedPython) -> dict[str, Any]:
    ran = python.run(CODE, tmp_path_factory.mktemp("scenario"))
    assert ran.returncode == 0, ran.stderr
    loaded: dict[str, Any] = json.loads(ran.stdout)
    return loaded


def test_a_response_time_is_a_number_of_milliseconds_within_the_time_of_the_load(
    result: dict[str, Any],
) -> None:
    """Of nine reports three can be read: the load has lasted for 60 s, and one second more is allowed."""
    assert result["read"] == [0.0125, 0.0125, 60.5]


def test_a_failed_request_counts_whatever_its_response_time(result: dict[str, Any]) -> None:
    assert result["failed"] == [0.0, True, 4]


def test_reports_that_cannot_be_read_are_counted_by_their_line(result: dict[str, Any]) -> None:
    """All six come from one line, so they are one kind with the text of the first."""
    assert result["kinds"] == [["report", "rpc /x with a response time of -3", "scenario.py:18"]]
    assert result["counts"] == [[0, 6, 0, 0]]


def test_a_name_of_any_kind_is_a_text(result: dict[str, Any]) -> None:
    assert result["names"] == ["rpc /x", "rpc ['a', 'list']", "rpc 7", "GET {'a': 'dict'}"]


def test_only_a_report_of_the_scenarios_own_stands_for_a_request_that_it_spans(
    result: dict[str, Any],
) -> None:
    """The request began 3 ms ago, and its `with` block is missing.

    Locust's own client reports the next one, which took 1 ms and so began 2 ms later. Then comes a report
    that began 47 ms before the request.
    """
    assert result["open"] == [1, 0]


def test_a_request_that_the_scenario_reports_once_more_counts_once(result: dict[str, Any]) -> None:
    """Locust's own client reports one of 300 ms. The scenario reports it again, then others of its own."""
    assert result["twice"] == [1, 2, 3]


def test_reports_over_other_requests_of_their_user_are_told_by_name(result: dict[str, Any]) -> None:
    """A listener reports "/all" for each "/heard", and "/flow" lasts from before that on.

    "/after" began 10 ms before its report, and so after "/step" was asked for 20 ms ago. "/instead" stands
    for a request that Locust does not report.
    """
    assert sorted(result["flows"]) == ["rpc /all", "rpc /flow"]


def test_a_sleep_during_a_request_is_a_pause_once_the_request_is_reported(result: dict[str, Any]) -> None:
    """A client may sleep before it tries again. A listener of the scenario may sleep after the answer."""
    assert result["pauses"] == [False, True]


def test_an_endless_pause_is_recorded_as_one_that_outlasts_every_load(result: dict[str, Any]) -> None:
    assert result["endless"] == [1e6, 2]
