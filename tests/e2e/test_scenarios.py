"""Whole campaigns whose scenario makes the answer hard: users who don't think, and errors at any load."""

import pytest

from tests.e2e.project import Project

pytestmark = pytest.mark.e2e

STEPS = """\
users: {limit: 12, spawn_rate: 12}
steps: {settle: 1s, warm_up: 0s, window: {at_least: 5s, at_most: 6s}, steady: {at_most: 0s}}
search: {precision: 50%, first_users: 8, confirm: false, soak: 0s}
"""


def run(project: Project, locustfile: str, cpus: float) -> tuple[dict[str, object], list[int], str]:
    """Run a campaign with one size; return its answer, the users of its steps, and the output."""
    project.write("targets/behaves/locustfile.py", locustfile)
    project.write("matrix.yaml", f"target: targets/behaves\nlimits: {{cpus: {cpus}, memory: 64MiB}}\n{STEPS}")
    output = project.run_harness("run").stdout
    (cell,) = project.read_summary()["cells"]
    if cell["limiting_factor"] in ("host", "generator"):
        pytest.skip(f"other load on this host made the steps invalid: {output}")
    return cell, [event["users"] for event in project.read_events("step-finished")], output


def test_users_who_do_not_think_are_compared_with_a_single_one(project: Project) -> None:
    """A request needs 20 ms of a fifth of a core, so one user without pauses fills the size already.

    Eight users wait for one another. Compared with themselves they would pass: each is answered in 0.8 s.
    """
    cell, users, output = run(
        project,
        "from locust import HttpUser, task\n"
        "class Hasty(HttpUser):\n"
        "    @task\n"
        "    def burn(self): self.client.get('/burn/0.02')\n",
        cpus=0.2,
    )
    assert users[:2] == [8, 1], output
    assert cell["broken_users"] in (2, 3), output


def test_errors_of_the_same_share_at_any_load_end_the_search_after_two_steps(project: Project) -> None:
    """A third of the requests is for a page that does not exist, with eight users and with four."""
    cell, users, output = run(
        project,
        "from locust import HttpUser, constant, task\n"
        "class Visitor(HttpUser):\n"
        "    wait_time = constant(0.3)\n"
        "    @task\n"
        "    def page(self):\n"
        "        for path in ('/', '/about', '/status/404'): self.client.get(path)\n",
        cpus=0.8,
    )
    assert len(users) == 2, output
    assert cell["limiting_factor"] == "errors", output
    assert "fail at any load" in output
