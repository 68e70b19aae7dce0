"""Commands that start Locust's processes on this host and on others. No test runs these commands."""

import shlex
from pathlib import Path

from harness.measure.locust.generator import build_master_options
from harness.measure.locust.local_workers import build_worker_command
from harness.model import ExternalWorkers, LocalWorkers, Scenario

SCENARIO = Scenario((Path("shop.py"),), ("Shopper",), tags=("read",), arguments=("--front", "/a b"))


def test_a_master_listens_at_its_bind_address() -> None:
    words = build_master_options("127.0.0.1", 5557, 3)
    assert words[words.index("--master-bind-host") + 1] == "127.0.0.1"
    assert words[words.index("--expect-workers") + 1] == "3"
    assert LocalWorkers().bind == "127.0.0.1"


def test_the_command_for_another_host_names_no_file_of_this_host() -> None:
    command = build_worker_command(SCENARIO, ExternalWorkers(4, bind="10.0.0.5", port=6000))
    assert command.startswith("while ")
    assert command.endswith("; do :; done")
    words = shlex.split(command.removeprefix("while ").removesuffix("; do :; done"))
    assert words[:4] == ["locust", "-f", "-", "Shopper"]
    assert words[words.index("--master-host") + 1] == "10.0.0.5"
    assert words[words.index("--master-port") + 1] == "6000"
    assert words[words.index("--front") + 1] == "/a b"
    assert "shop.py" not in command
