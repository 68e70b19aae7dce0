"""With a seed the users' choices repeat, in a Python of its own; the scenario's own chance stays free."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
from harness.measure.locust.command import build_environment

FOLDER = Path(harness.__file__).parent / "measure/locust_side"
CODE = (
    f"""
import json, random, sys, types
sys.path.insert(0, {str(FOLDER)!r})
import harness_plugin, harness_user_time, harness_seeds
import gevent, locust
from locust.user.task import TaskSet
"""
    + """
class Work(TaskSet):
    tasks = list(range(1000))


def choose(number):
    if number is not None:
        greenlet = gevent.getcurrent()
        greenlet.harness_lane = harness_user_time.Lane(greenlet, 2 * number)
    work = Work(types.SimpleNamespace(min_wait=None, max_wait=None, wait_function=None))
    pause = locust.between(1, 4)
    chosen = [[work.get_next_task(), round(pause(None), 6)] for _ in range(5)]
    return {"chosen": chosen, "own": random.random()}


def act(number):
    return gevent.spawn(choose, number).get()


sys.stdout.write(json.dumps({"first": act(0), "second": act(1), "nobody": act(None)}))
"""
)


def run_users(seed: int | None) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **build_environment(seed)},
    )
    assert ran.returncode == 0, ran.stderr
    loaded: dict[str, Any] = json.loads(ran.stdout)
    return loaded


def test_the_same_seed_gives_each_user_the_same_choices_again_and_no_two_users_the_same() -> None:
    once, again, other, free = run_users(7), run_users(7), run_users(8), run_users(None)
    for user in ("first", "second"):
        assert once[user]["chosen"] == again[user]["chosen"]
        assert once[user]["chosen"] != other[user]["chosen"]
        assert once[user]["chosen"] != free[user]["chosen"]
        assert once[user]["own"] != again[user]["own"]
    assert once["first"]["chosen"] != once["second"]["chosen"]
    assert once["nobody"]["chosen"] != again["nobody"]["chosen"]


def test_only_a_comparison_sets_the_variable() -> None:
    assert build_environment(7)["HARNESS_SEED"] == "7"
    assert "HARNESS_SEED" not in build_environment()
