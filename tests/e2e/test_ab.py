"""Two versions of a real target are compared in turn, and the one that needs more CPU time is found."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.live_page import State, await_state, has_step, read_address
from tests.e2e.project import UP_TO_12_USERS, Project

pytestmark = pytest.mark.e2e

LOCUSTFILE = """\
from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(0.02, 0.06)

    @task(3)
    def burn(self):
        self.client.get("/burn/0.002")

    @task
    def look(self):
        self.client.get("/")
"""
TWICE = (
    "import sys; sys.path.insert(0, '/srv'); import behave; usual = behave.burn; "
    "behave.burn = lambda cpu_s: usual(2 * cpu_s); behave.answer()"
)
MATRIX = (
    "target: targets/behaves\nlimits: {cpus: 0.5, memory: 64MiB}\n"
    f'variants: {{usual: unchanged, twice: {{entrypoint: [python3, -u, -c, "{TWICE}"]}}}}\n'
) + UP_TO_12_USERS


def test_a_head_that_burns_twice_as_much_is_worse_and_its_users_choose_like_those_of_the_base(
    project: Project, leftovers: Callable[[], str]
) -> None:
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    project.write("matrix.yaml", MATRIX)
    with project.start_harness("ab", "--head", "twice", "--users", "4", "--for", "200s", "--live") as running:
        state = await_state(read_address(running), shows_second_pair, 200)
        assert running.stdout is not None
        said = running.stdout.read()
        assert running.wait(60) == 3, said
    check_state(state)
    assert "The head needs" in said
    assert leftovers() == ""
    folder = (project.folder / "results/latest").resolve()
    assert [path for path in folder.rglob("*") if path.name in ("live.json", "step.part")] == []
    assert f"{folder.name}/ab.html" in (project.folder / "results/index.html").read_text()
    answer = json.loads((project.folder / "results/latest/ab.json").read_text())
    assert (answer["outcome"], answer["worse"]) == ("more", True)
    again = project.run_harness("report", "results/latest")
    assert again.stdout.strip() in said
    first = project.read_events("pair-finished")[0]
    base, head = (count_first_pauses(project, first[side]) for side in ("base", "head"))
    assert sum((base & head).values()) >= 0.8 * len(base)


def shows_second_pair(state: State) -> bool:
    """Return True if a pair is held, and a window of the next one is in progress."""
    return len(state.get("comparison", {}).get("pairs", [])) >= 1 and has_step(state)


def check_state(state: State) -> None:
    """Check what the live page has shown: the pairs so far, and one window in progress of one version."""
    comparison = state["comparison"]
    assert comparison["title"] == "base unchanged and head twice at 0.5 CPU / 64 MiB with 4 users"
    assert comparison["pairs"][0]["number"] == 1
    (step,) = state["steps"]
    assert step["size"] in ("0.5 CPU / 64 MiB (base)", "0.5 CPU / 64 MiB (head)")
    assert step["doing"].startswith("comparison: ")
    assert step["active_users"][-1] == 4
    assert step["rps"][-1] > 0
    assert state["has_report"] is True


def count_first_pauses(project: Project, file: str) -> "Counter[tuple[int, float]]":
    """Return the first pauses of each user in a step: who pauses, and for how long."""
    data = (project.folder / "results/latest" / file).read_bytes()
    step: dict[str, Any] = json.loads(gzip.decompress(data))
    pauses = list(zip(step["thinks"]["owner"], step["thinks"]["planned_s"], strict=True))
    return Counter(
        pause for owner in range(0, 8, 2) for pause in [each for each in pauses if each[0] == owner][:20]
    )
