"""Two variants of one size: what each sets is in its container, and each has its own answer."""

from collections.abc import Callable

import pytest

from tests.e2e.project import AT_3_USERS, TARGET, Project

pytestmark = pytest.mark.e2e

TELLS_WORKERS = (
    "environment: {WORKERS: '9', KEPT: 'yes'}\n"
    "entrypoint: [sh, -c, 'echo workers=$WORKERS kept=$KEPT; exec python3 -u /srv/behave.py answer']\n"
)
MATRIX = (
    "target: targets/behaves\nlimits: {cpus: 0.3, memory: 64MiB}\n"
    "variants:\n  one: {environment: {WORKERS: 1}}\n"
    '  per-cpu: {environment: {WORKERS: "{ceil(10 * cpus)}"}}\n'
) + AT_3_USERS


def test_the_values_of_each_variant_arrive_in_its_container(
    project: Project, leftovers: Callable[[], str]
) -> None:
    project.write("targets/behaves/target.yaml", TARGET + TELLS_WORKERS)
    project.write("matrix.yaml", MATRIX)
    planned = project.run_harness("plan")
    assert "behaves-c0.30-m64_per-cpu  0.3 CPU / 64 MiB (per-cpu)  WORKERS=3" in planned.stdout
    done = project.run_harness("run")
    assert done.returncode in (0, 2), done.stdout + done.stderr
    logs = {name: read_first_line(project, name) for name in ("one", "per-cpu")}
    assert logs == {"one": "workers=1 kept=yes", "per-cpu": "workers=3 kept=yes"}
    cells = {cell["id"]: cell["variant"] for cell in project.read_summary()["cells"]}
    assert cells == {"behaves-c0.30-m64_one": "one", "behaves-c0.30-m64_per-cpu": "per-cpu"}
    assert "0.3 CPU / 64 MiB (per-cpu)" in done.stdout
    assert leftovers() == ""


def read_first_line(project: Project, variant: str) -> str:
    log = project.folder / f"results/latest/cells/behaves-c0.30-m64_{variant}/target-1.log"
    return log.read_text().splitlines()[0]
