"""`harness run --live` shows a real step in progress, and leaves nothing of it in the campaign's folder."""

import pytest

from tests.e2e.live_page import await_state, has_step, read_address
from tests.e2e.project import AT_6_USERS, ONE_SIZE, Project

pytestmark = pytest.mark.e2e


def test_a_real_step_is_shown_while_it_is_held(project: Project) -> None:
    project.write("matrix.yaml", ONE_SIZE + AT_6_USERS)
    with project.start_harness("run", "--live") as running:
        state = await_state(read_address(running), has_step)
        assert running.stdout is not None
        said = running.stdout.read()
    (step,) = [each for each in state["steps"] if each["users"] is not None]
    assert step["active_users"][-1] == step["users"]
    assert step["rps"][-1] > 0
    assert step["p95_s"][-1] > 0
    assert 0 < step["cpu_cores"][-1] < 1
    assert 0 < step["memory_mib"][-1] < 64
    folder = (project.folder / "results/latest").resolve()
    assert [path for path in folder.rglob("*") if path.name in ("live.json", "step.part")] == []
    assert "report: results/" in said  # whatever the verdict: the host may be busy
