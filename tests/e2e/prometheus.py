"""Debian's Prometheus, unpacked into a folder: nothing is installed, and no service is started."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.measure.docker.port_access import find_free_port

_DASHBOARD = Path(__file__).parents[2] / "templates/grafana-dashboard.json"
_CONFIGURATION = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: capacity
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


def find_prometheus(folder: Path) -> Path:
    """Return the folder of `prometheus` and `promtool`; unpack them into `folder` if they aren't here."""
    if (here := shutil.which("prometheus")) and shutil.which("promtool"):
        return Path(here).parent
    if shutil.which("apt-get") is None:
        pytest.skip("no prometheus here, and no Debian to take it from")
    download = ("apt-get", "--quiet", "download", "prometheus")
    if subprocess.run(download, cwd=folder, capture_output=True).returncode != 0:
        subprocess.run(("apt-get", "--quiet", "update"), capture_output=True, check=True)
        subprocess.run(download, cwd=folder, capture_output=True, check=True)
    (package,) = folder.glob("prometheus_*.deb")
    subprocess.run(("dpkg-deb", "--extract", package, folder), check=True)
    return folder / "usr/bin"


class Prometheus:
    """A Prometheus that runs: what is asked of it, it is asked by its HTTP API, as Grafana asks it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, expression: str) -> list[Any]:
        """Return the value of an expression now: a list of series, empty without data."""
        result: list[Any] = self._get("query", query=expression)["result"]
        return result

    def list_label_values(self, metric: str, label: str) -> list[str]:
        """Return the values of a label, as Grafana's `label_values` does."""
        values: list[str] = self._get(f"label/{label}/values", **{"match[]": metric})
        return values

    def wait_for(self, expression: str, within_s: float = 60) -> list[Any]:
        """Ask until there is an answer: Prometheus has started, and has scraped once."""
        deadline = time.monotonic() + within_s
        while True:
            with contextlib.suppress(OSError):
                if result := self.ask(expression):
                    return result
            assert time.monotonic() < deadline, expression
            time.sleep(0.3)

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = json.loads(answer.read())
        assert body["status"] == "success"
        return body["data"]


@contextlib.contextmanager
def run_prometheus(commands: Path, folder: Path, port: int) -> Iterator[Prometheus]:
    """Run Prometheus, which scrapes this port once a second."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text(_CONFIGURATION.replace("PORT", str(port)))
    own_port = find_free_port()
    command: list[str | Path] = [
        commands / "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{own_port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield Prometheus(own_port)
        finally:
            process.terminate()


def list_dashboard_queries(campaigns: str = ".+") -> dict[str, list[str]]:
    """Return the expressions of each panel of the dashboard, for the campaigns that a pattern names."""
    panels = json.loads(_DASHBOARD.read_bytes())["panels"]
    return {
        panel["title"]: [target["expr"].replace("$campaign", campaigns) for target in panel["targets"]]
        for panel in panels
    }


def list_dashboard_variables() -> list[str]:
    """Return the definitions of the dashboard's variables that are asked of Prometheus."""
    variables = json.loads(_DASHBOARD.read_bytes())["templating"]["list"]
    return [each["definition"] for each in variables if each["type"] == "query"]
