"""The harness as its users install it: a wheel in an environment of its own, with no checkout in reach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]

SMALL = """
target: targets/web
users: {limit: 10, spawn_rate: 20}
limits: {cpus: 0.5, memory: 256MiB}
steps: {settle: 2s, warm_up: 0s, window: {at_least: 5s, at_most: 10s}, steady: {at_most: 0s}}
search: {precision: 20%, soak: 0s}
"""


def run_in(folder: Path, *command: str | Path) -> str:
    """Run a command in a folder, without the variables of this Python; return what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    outcome = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it into a new environment, and return the folder of its commands."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run_in(folder, *pip, "wheel", "--no-deps", "--wheel-dir", folder, REPOSITORY)
    wheel = next(folder.glob("capacity_harness-*.whl"))
    run_in(folder, sys.executable, "-m", "venv", folder / "venv")
    constraints = REPOSITORY / "constraints.txt"
    run_in(
        folder, folder / "venv/bin/python", *pip[1:], "install", "--constraint", constraints, wheel, "pytest"
    )
    return folder / "venv" / "bin"


def test_the_demo_of_a_wheel_measures_the_shop(installed: Path, tmp_path: Path) -> None:
    """A matrix that is there is kept, so that this takes less than the demo's own."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "matrix.yaml").write_text(SMALL)
    printed = run_in(tmp_path, installed / "harness", "demo", "shop")
    assert "0.5 CPU / 256 MiB" in printed
    summary = json.loads((tmp_path / "shop/results/latest/summary.json").read_text())
    assert summary["cells"][0]["sustained_users"] == 10
    assert (tmp_path / "shop/results/latest/report.html").is_file()


def test_the_demo_of_a_wheel_has_a_matrix_that_can_be_measured(installed: Path, tmp_path: Path) -> None:
    python = installed / "python"
    library = run_in(tmp_path, python, "-c", "import harness; print(harness.__path__[0])").strip()
    assert Path(library).is_relative_to(installed.parent)
    write = (
        "from pathlib import Path; from harness.cli.demo import write_demo; "
        "write_demo(Path('.'), has_own_base=False)"
    )
    run_in(tmp_path, python, "-c", write)
    assert "BASE" not in (tmp_path / "targets/web/target.yaml").read_text()
    planned = run_in(tmp_path, installed / "harness", "plan")
    assert "0.25 CPU / 256 MiB" in planned
    assert "0.5 CPU / 256 MiB" in planned


MARKED = """
import pytest

@pytest.mark.capacity(
    users=10, cpus=0.5, memory="256MiB", target="targets/web", spawn_rate=20, slos={"p95": SLO},
    steps={"settle": "2s", "warm_up": "0s", "window": {"at_least": "5s", "at_most": "10s"},
           "steady": {"at_most": "0s"}},
    search={"precision": "20%", "confirm": False},
)
def test_the_shop():
    pass
"""


def test_the_mark_of_pytest_is_found_by_its_entry_point_and_measures(installed: Path, tmp_path: Path) -> None:
    """No shop answers within a millisecond, so the second test fails."""
    write = (
        "from pathlib import Path; from harness.cli.demo import write_demo; "
        "write_demo(Path('.'), has_own_base=True)"
    )
    run_in(tmp_path, installed / "python", "-c", write)
    for name, slo in (("met", '"2s"'), ("missed", '"1ms"')):
        (tmp_path / f"test_{name}.py").write_text(MARKED.replace("SLO", slo))
    outcome = subprocess.run(
        [installed / "pytest", "-p", "no:cacheprovider", "-rA", "."],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 1, outcome.stdout + outcome.stderr
    assert len(list((tmp_path / "results").glob("*-web/report.html"))) == 2
    if "INCONCLUSIVE: users >= 10" in outcome.stdout:
        pytest.skip("other programs on this machine left a size without an answer")
    assert "1 failed, 1 passed" in outcome.stdout
    assert "NOT MET: users >= 10 at cpus <= 0.5 and memory <= 256MiB" in outcome.stdout
