"""Debian's Prometheus scrapes a real campaign while it runs, and the dashboard's queries all find data."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from harness.measure.docker.port_access import find_free_port
from tests.e2e.project import UP_TO_6_USERS, Project
from tests.e2e.prometheus import (
    Prometheus,
    find_prometheus,
    list_dashboard_queries,
    list_dashboard_variables,
    run_prometheus,
)

pytestmark = pytest.mark.e2e

MATRIX = """\
target: targets/behaves
limits: {cpus: [0.15, 0.9], memory: 64MiB}
slos: {p95: 400ms}
"""


def collect_answers(
    prometheus: Prometheus, expressions: set[str], running: subprocess.Popen[str], within_s: float
) -> set[str]:
    """Ask each expression until it finds data, while the campaign runs; return those that never did."""
    deadline = time.monotonic() + within_s
    while expressions and running.poll() is None:
        assert time.monotonic() < deadline, expressions
        expressions = {each for each in expressions if not prometheus.ask(each)}
        time.sleep(0.3)
    return expressions


def has_answers(project: Project) -> bool:
    """Return True unless other programs on this machine left a size without an answer.

    `test_metrics.py` asks the same of a campaign on fakes, whose sizes have all of them.
    """
    return all(cell["status"] != "invalid" for cell in project.read_summary()["cells"])


def test_every_query_of_the_dashboard_finds_data_of_a_real_campaign(project: Project, tmp_path: Path) -> None:
    """The small size breaks within 6 users and the large one does not, so that one of them is taken."""
    project.write("matrix.yaml", MATRIX + UP_TO_6_USERS)
    commands, port = find_prometheus(tmp_path), find_free_port()
    queries = {each for panel in list_dashboard_queries().values() for each in panel}
    of_steps = {each for each in queries if "harness_step" in each}
    assert len(of_steps) == 8
    with project.start_harness("run") as running:
        project.wait_for("life-started", running)
        with (
            project.start_harness("metrics", "results/latest", "--port", str(port)),
            run_prometheus(commands, tmp_path / "prometheus", port) as prometheus,
        ):
            prometheus.wait_for('harness_campaign_state{state="running"} == 1')
            assert collect_answers(prometheus, of_steps, running, 240) == set()
            (step, *_) = prometheus.wait_for("last_over_time(harness_step_active_users[1m])")
            assert float(step["value"][1]) <= 6
            output, _ = running.communicate(timeout=240)
            assert "report: results/" in output
            prometheus.wait_for('harness_campaign_state{state="complete"} == 1')
            if has_answers(project):
                for query in queries - of_steps:  # the last size's answers are written after the state
                    prometheus.wait_for(query, 20)
            for definition in list_dashboard_variables():
                named = re.fullmatch(r"label_values\((\w+), (\w+)\)", definition)
                assert named is not None, definition
                (campaign,) = prometheus.list_label_values(named[1], named[2])
                assert campaign == (project.folder / "results/latest").resolve().name
