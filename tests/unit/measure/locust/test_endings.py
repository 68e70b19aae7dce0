"""What the plugin writes of ends that Locust's log does not explain, in a Python that may end."""

from pathlib import Path

import pytest

import harness
from tests.unit.measure.locust.prepared_python import PreparedPython

FOLDER = Path(harness.__file__).parent / "measure/locust_side"
HEAD = f"""
import os, signal, sys, threading, types
sys.path.insert(0, {str(FOLDER)!r})
import harness_plugin, harness_task_errors, harness_endings
import gevent, locust
from locust.env import Environment
environment = Environment(events=locust.events, user_classes=[])
environment.harness = harness_plugin.request_log
environment.create_local_runner()
for module in (harness_task_errors, harness_endings):
    module.on_init(environment)
runner = environment.runner
"""
"""Lines 1 to 12 of the file; the code of a test is line 13."""


def run_to_end(python: PreparedPython, code: str, folder: Path) -> list[str]:
    """Run one line of code as part of a scenario; return the lines in which the plugin says what ends it."""
    ran = python.run(f"{HEAD}{code}\n", folder)
    assert "Traceback" not in ran.stderr, ran.stderr
    return [line for line in ran.stderr.splitlines() if line.startswith("harness: ")]


@pytest.mark.parametrize(
    "code",
    [
        "runner.quit()",
        "gevent.spawn_later(0.01, runner.quit).join()",
        "(timer := threading.Timer(0.01, runner.quit)).start(); timer.join()",
        "gevent.spawn(lambda: runner.quit()).join()",
    ],
)
def test_a_call_that_ends_locust_is_named_by_the_line_that_makes_or_schedules_it(
    code: str, tmp_path: Path, python: PreparedPython
) -> None:
    assert run_to_end(python, code, tmp_path)[0] == "harness: scenario.py:13 called runner.quit()"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os._exit(3)", "os._exit(3)"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "os.kill(os.getpid(), SIGTERM)"),
        ("os.kill(os.getpid(), 9)", "os.kill(os.getpid(), SIGKILL)"),
    ],
)
def test_a_process_that_ends_itself_says_so(
    code: str, words: str, tmp_path: Path, python: PreparedPython
) -> None:
    assert run_to_end(python, code, tmp_path) == [f"harness: scenario.py:13 called {words}"]


@pytest.mark.parametrize(
    "code",
    [
        "os.kill(os.getpid(), 0)",
        "signal.signal(signal.SIGUSR1, lambda *_: None); os.kill(os.getpid(), signal.SIGUSR1)",
        "os.fork() or os._exit(0)",
        "environment.shape_class = types.SimpleNamespace(tick=lambda: None); "
        "gevent.spawn(runner.shape_worker).join()",
    ],
)
def test_what_ends_nothing_is_not_told(code: str, tmp_path: Path, python: PreparedPython) -> None:
    """A signal that asks whether a process lives, one with a handler, a child's end, and Locust's own call.

    In the last one the greenlet comes from the scenario, but a function of Locust's ends the load.
    """
    assert run_to_end(python, code, tmp_path) == []
