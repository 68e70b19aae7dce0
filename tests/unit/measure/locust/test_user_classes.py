"""A scenario with too few users, or with tasks that do nothing, is refused before anything starts."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import harness
from harness.errors import UsageError
from harness.measure.locust.user_classes import check_fixed_counts, check_inert


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
