"""How Locust's processes are started, here and elsewhere; nothing is started in these tests."""

import shlex
from pathlib import Path

from harness.measure.docker.port_access import _command
from harness.measure.locust.generator import _as_master
from harness.measure.locust.local_workers import worker_command
from harness.model import Load, Scenario

SCENARIO = Scenario((Path("shop.py"),), ("Shopper",), tags=("read",), arguments=("--front", "/a b"))


def test_a_master_listens_where_it_is_told() -> None:
    words = _as_master("127.0.0.1", 5557, 3)
    assert words[words.index("--master-bind-host") + 1] == "127.0.0.1"
    assert words[words.index("--expect-workers") + 1] == "3"
    assert Load().bind == "127.0.0.1"


def test_the_command_for_another_host_names_no_file_of_ours() -> None:
    command = worker_command(SCENARIO, Load(4, external=True, bind="10.0.0.5", port=6000))
    assert command.startswith("while ")
    assert command.endswith("; do :; done")
    words = shlex.split(command.removeprefix("while ").removesuffix("; do :; done"))
    assert words[:4] == ["locust", "-f", "-", "Shopper"]
    assert words[words.index("--master-host") + 1] == "10.0.0.5"
    assert words[words.index("--master-port") + 1] == "6000"
    assert words[words.index("--front") + 1] == "/a b"
    assert "shop.py" not in command


def test_a_tunnel_goes_from_our_loopback_to_theirs() -> None:
    words = _command("ssh://me@big:2222", 5000, 32768)
    assert words[words.index("-L") + 1] == "127.0.0.1:5000:127.0.0.1:32768"
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-l") + 1] == "me"
    assert words[-2:] == ["--", "big"]
    assert "BatchMode=yes" in words
