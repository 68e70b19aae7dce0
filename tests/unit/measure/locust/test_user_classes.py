"""A scenario with too few users, or with tasks that do nothing, is refused before anything starts."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import harness
from harness.errors import UsageError
from harness.measure.locust.user_classes import check_fixed_counts, check_inert, compute_mean_pause_s


@pytest.mark.parametrize("counts", [{}, {"Admin": 0}, {"Admin": 3, "Visitor": 0}, {"Admin": 30, "Clerk": 10}])
def test_users_may_be_as_many_as_the_limit(counts: Mapping[str, int]) -> None:
    """A class without a fixed number takes all further users; 30 and 10 are the limit."""
    check_fixed_counts("locustfile.py", counts, 40)


def test_fewer_users_than_the_limit_are_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match="5 users can come at most") as caught:
        check_fixed_counts("locustfile.py", {"Admin": 3, "Clerk": 2}, 40)
    assert caught.value.what == (
        "locustfile.py: 5 users can come at most, because each user class has a fixed_count "
        "(Admin 3, Clerk 2), and users.limit is 40"
    )
    assert caught.value.hint == "users: {limit: 5}, or a weight instead of the fixed_count of a class"


FOLDER = Path(harness.__file__).parent / "measure/locust_side"
CODE = f"""
import json, sys
sys.path.insert(0, {str(FOLDER)!r})
import harness_options as options
from locust import HttpUser, TaskSet, tag, task


class Inner(TaskSet):
    @task
    def read(self):
        yield 1


class Own(TaskSet):
    def execute_task(self, task): ...

    @task
    async def write(self): ...


class Shopper(HttpUser):
    tasks = [Inner, Own, Inner]

    @tag("later")
    @task
    async def pay(self): ...

    @task
    def look(self): ...

    async def on_start(self): ...


Inner.tasks.append(Inner)
found = [list(options.find_inert(Shopper, *tags)) for tags in (
    (set(), set()), (set(), {{"later"}}), ({{"later"}}, set()), ({{"other"}}, set())
)]
sys.stdout.write(json.dumps(found))
"""


def test_tasks_of_which_nothing_runs_when_they_are_called_are_found() -> None:
    """`Own` runs its tasks in a way of its own. Tags leave `pay` out, or all tasks but that."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [
        ["Shopper.pay", "Shopper.on_start", "Inner.read"],
        ["Shopper.on_start", "Inner.read"],
        ["Shopper.pay", "Shopper.on_start"],
        ["Shopper.on_start"],
    ]


def test_tasks_of_which_nothing_runs_are_refused_by_their_names() -> None:
    check_inert("locustfile.py", [])
    with pytest.raises(UsageError) as caught:
        check_inert("locustfile.py", ["Shopper.pay", "Inner.read"])
    assert caught.value.what == (
        "locustfile.py: Locust only calls Shopper.pay, Inner.read, and a call runs nothing of a coroutine "
        "(async def) or a generator (yield)"
    )


PAUSES = f"""
import json, sys
sys.path.insert(0, {str(FOLDER)!r})
import harness_options as options
from locust import HttpUser, TaskSet, between, constant, constant_pacing, constant_throughput


class Fast(TaskSet):
    wait_time = constant(1)


def build(wait_time, *tasks):
    return type("Some", (HttpUser,), {{"wait_time": wait_time, "tasks": tasks, "abstract": True}})


classes = [
    build(between(5, 15)), build(constant(3)), build(constant_pacing(20)), build(constant_throughput(0.1)),
    HttpUser, build(lambda self: 1), build(constant(3), TaskSet), build(constant(3), Fast),
]
sys.stdout.write(json.dumps([options.find_pause_s(each) for each in classes]))
"""


def test_the_mean_pause_is_told_where_locust_s_own_wait_time_is_used() -> None:
    """A task set with a `wait_time` of its own may pause for something else."""
    ran = subprocess.run([sys.executable, "-c", PAUSES], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [10, 3, 20, 10, 0, None, 3, None]


def test_users_of_several_classes_pause_by_how_often_they_come_to_a_task() -> None:
    """Of four users three come every 30 s and one every 10 s: 4 / (3 / 30 + 1 / 10) = 20 s."""
    thinking, quick = {"pause_s": 30.0, "weight": 3}, {"pause_s": 10.0, "weight": 1}
    assert compute_mean_pause_s([thinking, quick]) == pytest.approx(20)
    assert compute_mean_pause_s([thinking, {"pause_s": 0, "weight": 1}]) == 0
    assert compute_mean_pause_s([thinking, {"pause_s": None, "weight": 1}]) is None
    assert compute_mean_pause_s([{}]) is None
    assert compute_mean_pause_s([]) is None
