"""Several containers of a target behind a real HAProxy: spread, counted, killed."""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Project
from tests.e2e.test_faults import QUICK, endings

pytestmark = pytest.mark.e2e

MATRIX = "target: targets/behaves\nlimits: {cpus: 0.2, memory: 64MiB, replicas: [1, 2]}\n" + QUICK
BALANCER = "balancer: {limits: {cpus: 0.3, memory: 128MiB}}\n"
SPLIT = ["docker", "inspect", "--format", "{{.Name}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}"]


def test_two_replicas_are_a_size_of_their_own(project: Project, leftovers: Callable[[], str]) -> None:
    project.write("matrix.yaml", MATRIX + BALANCER)
    ran = project.harness("run")
    assert ran.returncode in (0, 2), ran.stdout + ran.stderr
    cells = {cell["id"]: cell for cell in project.summary()["cells"]}
    assert set(cells) == {"behaves-c0.20-m64", "behaves-c0.20-m64-x2"}
    assert cells["behaves-c0.20-m64-x2"]["replicas"] == 2
    assert "2 × 0.2 CPU / 64 MiB" in ran.stdout
    report = (project.folder / "results/latest/report.html").read_text()
    assert "2 × 0.2 CPU" in report
    assert "balancer" in report
    assert leftovers() == ""


def test_both_replicas_work_and_the_death_of_one_is_the_targets(project: Project) -> None:
    project.write(
        "matrix.yaml",
        MATRIX.replace("[1, 2]", "2").replace("window: {at_least: 4s", "window: {at_least: 6s") + BALANCER,
    )
    with project.running("run") as running:
        project.wait_for("life-started", running)
        named = [inspected(container) for container in project.containers()]
        replicas = [container for container, line in named if line.split()[1:] == ["20000", str(64 << 20)]]
        (front,) = [line for _, line in named if line.split()[1:] == ["30000", str(128 << 20)]]
        assert len(replicas) == 2
        assert "balancer" in front
        before = [cpu_s(container) for container in replicas]
        project.wait_for("step-finished", running)
        after = [cpu_s(container) for container in replicas]
        assert all(later > earlier + 0.05 for earlier, later in zip(before, after, strict=True))
        subprocess.run(["docker", "exec", replicas[1], "kill", "-KILL", "1"], check=False)
        subprocess.run(["docker", "kill", replicas[1]], check=False, capture_output=True)
        running.communicate(timeout=240)
    assert {"target-died", "target-removed"} & set(endings(project))


def inspected(container: str) -> tuple[str, str]:
    return container, subprocess.run([*SPLIT, container], capture_output=True, text=True).stdout.strip()


def cpu_s(container: str) -> float:
    """CPU seconds so far, by the engine."""
    ran = subprocess.run(
        [
            "docker",
            "exec",
            container,
            "python3",
            "-c",
            "print(sum(map(int, open('/proc/1/stat').read().split()[13:15])) / 100)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(ran.stdout))
