"""How a published port is reached through SSH. These tests start no ssh."""

from harness.measure.docker.port_access import build_ssh_command


def test_a_tunnel_goes_from_the_loopback_of_this_machine_to_that_of_the_engines_host() -> None:
    command = build_ssh_command("ssh://me@big:2222", 5000, 32768)
    assert command[command.index("-L") + 1] == "127.0.0.1:5000:127.0.0.1:32768"
    assert command[command.index("-p") + 1] == "2222"
    assert command[command.index("-l") + 1] == "me"
    assert command[-2:] == ["--", "big"]
    assert "BatchMode=yes" in command
