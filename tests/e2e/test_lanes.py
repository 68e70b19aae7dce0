"""Two small sizes at once on the cores of one engine: each counts its own cores, and the check decides."""

from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from harness.analyse.step.usage import summarize_cpu
from harness.campaign.lanes import find_lanes
from harness.campaign.preflight import connect_backends
from harness.measure.docker.host import DockerHost
from harness.measure.host.counters import sum_busy_s
from harness.measure.protocols import Image
from harness.measure.session import Backends, open_session
from harness.measure.step import StepSpec, hold_step
from harness.model import Crowd, EndReason, Plan, Step, StepFacts, Timing
from harness.plan import load_plan
from tests.e2e.project import Project

pytestmark = pytest.mark.e2e

MATRIX = """\
target: targets/behaves
limits: {cpus: [0.3, 0.4], memory: 64MiB}
users: {limit: 3, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 6s}, steady: {at_most: 0s}}
search: {strategy: bisect, precision: 50%, first_users: 3, confirm: false}
parallel: 2
"""


def hold(plan: Plan, lane: Backends, image: Image) -> StepFacts:
    """Hold ten users for eight seconds on a lane; they ask for more CPU than the quota of 0.4 gives."""
    timing = Timing(1, 8, 8, 1, steady_at_most_s=0)
    spec = StepSpec(1, Step(10, timing), 10.0, lambda facts: False, lambda sample: None)
    cell = max(plan.cells, key=lambda cell: cell.limits.total_cores)
    crowd = Crowd(10, 10)
    with open_session(lane, plan.target, plan.scenario, plan.load, cell, image, 1, crowd) as session:
        return hold_step(session, spec)


def read_busy_s() -> list[float]:
    return [sum_busy_s(core) for core in psutil.cpu_times(percpu=True)]


def test_each_lane_runs_and_counts_on_its_own_core(project: Project) -> None:
    """What the other lane uses is no foreign load then, because its core is not counted."""
    project.write("matrix.yaml", MATRIX)
    plan = load_plan(project.folder / "matrix.yaml")
    backends = connect_backends("lanes-test", plan)
    host = backends[None].host
    assert isinstance(host, DockerHost)
    try:
        lanes, reason = find_lanes(plan, backends)
        assert len(lanes) == 2, reason
        image = host.prepare(plan.target)
        before_s = read_busy_s()
        with host.reserve(), ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda lane: hold(plan, lane, image), lanes.values()))
        after_s = read_busy_s()
    finally:
        host.remove_leftovers("lanes-test")
        host.close()
    for core, facts in enumerate(both):
        assert facts.end_reason is EndReason.HELD
        assert facts.window_from_s is not None
        assert facts.window_to_s is not None
        counted_s = [sample.busy_s for sample in facts.host]
        assert {len(each) for each in counted_s} == {1}
        assert before_s[core] <= counted_s[0][0] < counted_s[-1][0] <= after_s[core]
        used = summarize_cpu(facts.target, facts.window_from_s, facts.window_to_s)[0]
        assert used is not None
        assert 0.1 < used < 0.45
        assert len(facts.requests.start_s) > 20


def test_a_campaign_on_lanes_says_whether_its_sizes_disturb_each_other(project: Project) -> None:
    project.write("matrix.yaml", MATRIX)
    done = project.run_harness("run")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    summary = project.read_summary()
    assert summary["state"] == "complete", done.stdout + done.stderr
    notes = [event["text"] for event in project.read_events("note")]
    (outcome,) = [note for note in notes if "disturb each other" in note]
    engines = {run["engine"] for run in project.read_events("life-started")}
    if "2 sizes are measured at once" in outcome:
        assert len(engines) == 2
        assert all(engine.startswith("cores ") for engine in engines)
    else:
        assert "one at a time" in outcome
        assert engines == {""}
