"""Workers go from one master to the next, in a Python of its own, which Locust changes."""

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
import json, os, sys, types
sys.path.insert(0, {str(FOLDER)!r})
import harness_worker_relay as plugin
"""
    + """
import gevent, locust
from locust.rpc import Message
from locust.runners import WorkerRunner

result = {}


class Runner:
    user_count = 0

    def __init__(self):
        self.clients, self.server = {"known": None}, self
        self.handled, self.sent, self.quits = [], [], 0

    def register_message(self, name, listener): ...

    def get_worker_index(self, name):
        return 0

    def send_message(self, name, data):
        self.sent.append(sorted(data))

    def send_to_client(self, message):
        self.sent.append([message.type, message.node_id])

    def handle_message(self, name, message):
        self.handled.append([name, message.type])

    @plugin.note_end
    def quit(self):
        self.quits += 1


def build(relay):
    harness = types.SimpleNamespace(on_close=[], take_page=lambda users, closing: {})
    environment = types.SimpleNamespace(runner=Runner(), harness=harness)
    return relay(environment), environment.runner


gevent.spawn = lambda function: None
_, master = build(plugin.MasterRelay)


def tell(*pairs):
    for name, kind in pairs:
        master.handle_message(name, Message(kind, None, name))


tell(("known", "heartbeat"), ("new", "client_ready"), ("new", "locustfile"), ("old", "stats"))
tell(("old", "heartbeat"), ("old", "harness"))
result["handled"], result["sent"] = list(master.handled), list(master.sent)
master.quit()
tell(("late", "locustfile"), ("late", "client_ready"), ("known", "stats"))
result["handled at the end"], result["quits"] = master.handled[len(result["handled"]) :], master.quits


class Ended(Exception): ...


def end(code):
    raise Ended(code)


os._exit = end


def find_end(asked_at_s):
    relay, runner = build(plugin.WorkerRelay)
    now_s = 0.0

    def sleep(seconds):
        nonlocal now_s
        now_s += seconds
        if now_s in asked_at_s:
            relay.handle_message(None, types.SimpleNamespace(data={"ask": 0.0}))

    gevent.sleep = sleep
    try:
        relay.report_forever()
    except Ended as ended:
        return [now_s, ended.args[0], runner.sent.count(["facts"])]


result["never asked"], result["asked"] = find_end(()), find_end((10.0,))

runner = WorkerRunner.__new__(WorkerRunner)
runner.greenlet = None
worker = types.SimpleNamespace(runner=runner, process_exit_code=None)
local = types.SimpleNamespace(runner=object(), process_exit_code=None)


@locust.events.quitting.add_listener
def fail_the_build(environment, **_):
    environment.process_exit_code = 3


for environment in (worker, local):
    locust.events.quitting.fire(environment=environment, reverse=True)
result["exit codes"] = [worker.process_exit_code, local.process_exit_code]
sys.stdout.write(json.dumps(result))
"""
)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded: dict[str, Any] = json.loads(ran.stdout)
    return loaded


def test_a_worker_of_an_earlier_master_is_told_to_quit(result: dict[str, Any]) -> None:
    """It is unknown, and goes on with its heartbeats and pages; the next worker asks before it joins."""
    assert result["handled"] == [
        ["known", "heartbeat"],
        ["new", "client_ready"],
        ["new", "locustfile"],
        ["old", "stats"],
    ]
    assert result["sent"] == [["quit", "old"], ["quit", "old"]]


def test_a_master_that_ends_takes_no_worker_any_more(result: dict[str, Any]) -> None:
    """Such a worker would never hear that this master has ended. It asks again until the next one answers."""
    assert result["quits"] == 1
    assert result["handled at the end"] == [["known", "stats"]]


def test_a_worker_without_questions_for_15_s_ends_well_also_if_it_never_got_one(
    result: dict[str, Any],
) -> None:
    """A round takes 0.5 s, and the 31st without a question is too late. A worker that was asked sends pages.

    Asked in the round that ends at 10 s, it ends at 25 s, and has sent 30 pages until then.
    """
    assert result["never asked"] == [15.5, 0, 0]
    assert result["asked"] == [25.0, 0, 30]


def test_a_worker_ends_with_exit_code_0_whatever_its_scenario_sets(result: dict[str, Any]) -> None:
    assert result["exit codes"] == [0, 3]
