"""Replicas of a target behind a real HAProxy: all get load, all are counted, and one is killed."""

import subprocess
from collections.abc import Callable

import pytest

from tests.e2e.outcomes import read_step_endings
from tests.e2e.project import AT_3_USERS, UP_TO_6_USERS, Project, read_cpu_s, run_docker

pytestmark = pytest.mark.e2e

MATRIX = "target: targets/behaves\nlimits: {cpus: 0.2, memory: 64MiB, replicas: [1, 2]}\n"
BALANCER = "balancer: {limits: {cpus: 0.3, memory: 128MiB}}\n"
LIMITS = "{{.Name}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}"


def test_two_replicas_are_a_size_of_their_own(project: Project, leftovers: Callable[[], str]) -> None:
    project.write("matrix.yaml", MATRIX + AT_3_USERS + BALANCER)
    done = project.run_harness("run")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    cells = {cell["id"]: cell for cell in project.read_summary()["cells"]}
    assert set(cells) == {"behaves-c0.20-m64", "behaves-c0.20-m64-x2"}
    assert cells["behaves-c0.20-m64-x2"]["replicas"] == 2
    assert "2 × 0.2 CPU / 64 MiB" in done.stdout
    report = (project.folder / "results/latest/report.html").read_text()
    assert "2 × 0.2 CPU" in report
    assert "balancer" in report
    assert leftovers() == ""


def test_both_replicas_get_load_and_the_death_of_one_ends_the_step(project: Project) -> None:
    longer = UP_TO_6_USERS.replace("at_least: 4s", "at_least: 6s")
    project.write("matrix.yaml", MATRIX.replace("[1, 2]", "2") + longer + BALANCER)
    with project.start_harness("run") as running:
        project.wait_for("life-started", running)
        lines = {container: inspect_limits(container) for container in project.list_containers()}
        replicas = [
            container for container, line in lines.items() if line.split()[1:] == ["20000", str(64 << 20)]
        ]
        (balancer,) = [line for line in lines.values() if line.split()[1:] == ["30000", str(128 << 20)]]
        assert len(replicas) == 2
        assert "balancer" in balancer
        before = [read_cpu_s(container) for container in replicas]
        project.wait_for("step-finished", running)
        after = [read_cpu_s(container) for container in replicas]
        assert all(later > earlier + 0.05 for earlier, later in zip(before, after, strict=True))
        subprocess.run(["docker", "exec", replicas[1], "kill", "-KILL", "1"], check=False)
        subprocess.run(["docker", "kill", replicas[1]], check=False, capture_output=True)
        running.communicate(timeout=240)
    assert {"target-died", "target-removed"} & set(read_step_endings(project))


def inspect_limits(container: str) -> str:
    """Return a container's name, its CPU quota in microseconds and its memory limit in bytes."""
    return run_docker("inspect", "--format", LIMITS, container).strip()
