"""Debian's Prometheus scrapes `harness metrics`, and gives back what the campaign says."""

import contextlib
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.measure.docker.port_access import find_free_port
from tests.builders import make_plan
from tests.e2e.project import Project
from tests.e2e.prometheus import find_prometheus
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

ROOT = Path(__file__).parents[2]
CONFIGURATION = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: capacity
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_prometheus(tmp_path_factory.mktemp("prometheus"))


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """Measure two sizes on fakes."""
    campaign = FakeCampaign(tmp_path / "results", make_plan((0.25, 256), (1.0, 256)), Service())
    campaign.measure_cells()
    return campaign.folder.path


@contextlib.contextmanager
def run_prometheus(commands: Path, folder: Path, port: int) -> Iterator[Callable[[str], list[Any]]]:
    """Run Prometheus, which scrapes this port; yield what asks it for the value of an expression."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text(CONFIGURATION.replace("PORT", str(port)))
    own_port = find_free_port()
    command: list[str | Path] = [
        commands / "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own_port}",
        "--log.level=warn",
    ]

    def ask(expression: str) -> list[Any]:
        query = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{own_port}/api/v1/query?{query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = json.loads(answer.read())
        assert body["status"] == "success"
        result: list[Any] = body["data"]["result"]
        return result

    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield ask
        finally:
            process.terminate()


def wait_for(ask: Callable[[str], list[Any]], expression: str, within_s: float = 60) -> list[Any]:
    """Ask until there is an answer: Prometheus has started, and has scraped once."""
    deadline = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError):
            if result := ask(expression):
                return result
        assert time.monotonic() < deadline, expression
        time.sleep(0.3)


def test_prometheus_scrapes_a_campaign_and_gives_its_values_back(
    commands: Path, campaign: Path, tmp_path: Path
) -> None:
    project, port = Project(tmp_path), find_free_port()
    cells = json.loads((campaign / "summary.json").read_bytes())["cells"]
    with (
        project.start_harness("metrics", str(campaign), "--port", str(port)),
        run_prometheus(commands, tmp_path / "prometheus", port) as ask,
    ):
        wait_for(ask, 'up{job="capacity"} == 1')
        sustained = {
            each["metric"]["cell"]: float(each["value"][1]) for each in ask("harness_size_sustained_users")
        }
        assert sustained == {cell["id"]: cell["sustained_users"] for cell in cells}
        (state,) = ask("harness_campaign_state == 1")
        assert state["metric"]["state"] == "complete"
        dashboard = json.loads((ROOT / "templates/grafana-dashboard.json").read_bytes())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                found = ask(target["expr"].replace("$campaign", ".+"))
                assert found or "harness_step" in target["expr"], target["expr"]
        page = (ROOT / "docs/observability.md").read_text()
        (example,) = re.findall(r"^```promql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        assert {each["metric"]["size"] for each in ask(example)} == {"0.25 CPU / 256 MiB", "1 CPU / 256 MiB"}


def test_promtool_finds_nothing_to_say_on_the_text(commands: Path, campaign: Path, tmp_path: Path) -> None:
    printed = Project(tmp_path).run_harness("metrics", str(campaign), "--once")
    assert printed.returncode == 0, printed.stderr
    checked = subprocess.run(
        [commands / "promtool", "check", "metrics"], input=printed.stdout, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
