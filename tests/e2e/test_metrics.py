"""Debian's Prometheus scrapes `harness metrics`, and gives back what the campaign says."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from harness.measure.docker.port_access import find_free_port
from tests.builders import make_plan
from tests.e2e.project import Project
from tests.e2e.prometheus import find_prometheus, list_dashboard_queries, run_prometheus
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_prometheus(tmp_path_factory.mktemp("prometheus"))


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """Measure two sizes on fakes."""
    campaign = FakeCampaign(tmp_path / "results", make_plan((0.25, 256), (1.0, 256)), Service())
    campaign.measure_cells()
    return campaign.folder.path


def test_prometheus_scrapes_a_campaign_and_gives_its_values_back(
    commands: Path, campaign: Path, tmp_path: Path
) -> None:
    """A campaign that is over has no step in progress."""
    project, port = Project(tmp_path), find_free_port()
    cells = json.loads((campaign / "summary.json").read_bytes())["cells"]
    with (
        project.start_harness("metrics", str(campaign), "--port", str(port)),
        run_prometheus(commands, tmp_path / "prometheus", port) as prometheus,
    ):
        prometheus.wait_for('up{job="capacity"} == 1')
        sustained = prometheus.ask("harness_size_sustained_users")
        assert {each["metric"]["cell"]: float(each["value"][1]) for each in sustained} == {
            cell["id"]: cell["sustained_users"] for cell in cells
        }
        (state,) = prometheus.ask("harness_campaign_state == 1")
        assert state["metric"]["state"] == "complete"
        for title, expressions in list_dashboard_queries().items():
            for expression in expressions:
                assert bool(prometheus.ask(expression)) != ("harness_step" in expression), title
        page = (ROOT / "docs/observability.md").read_text()
        (example,) = re.findall(r"^```promql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        sizes = {each["metric"]["size"] for each in prometheus.ask(example)}
        assert sizes == {"0.25 CPU / 256 MiB", "1 CPU / 256 MiB"}


def test_promtool_finds_nothing_to_say_on_the_text(commands: Path, campaign: Path, tmp_path: Path) -> None:
    printed = Project(tmp_path).run_harness("metrics", str(campaign), "--once")
    assert printed.returncode == 0, printed.stderr
    checked = subprocess.run(
        [commands / "promtool", "check", "metrics"], input=printed.stdout, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
