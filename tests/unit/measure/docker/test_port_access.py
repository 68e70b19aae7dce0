"""How a published port is reached through SSH. These tests start no ssh."""

from harness.measure.docker.port_access import OpenPort, build_ssh_command


def test_a_tunnel_goes_from_the_loopback_of_this_machine_to_that_of_the_engines_host() -> None:
    command = build_ssh_command("ssh://me@big:2222", 5000, 32768)
    assert command[command.index("-L") + 1] == "127.0.0.1:5000:127.0.0.1:32768"
    assert command[command.index("-p") + 1] == "2222"
    assert command[command.index("-l") + 1] == "me"
    assert command[-2:] == ["--", "big"]
    assert "BatchMode=yes" in command


def test_the_engines_host_is_named_to_ssh_as_the_user_wrote_it() -> None:
    """Names of hosts in ssh's configuration are told apart by their case."""
    assert build_ssh_command("ssh://me@Build-Server", 5000, 32768)[-1] == "Build-Server"
    assert build_ssh_command("ssh://Build-Server:22", 5000, 32768)[-1] == "Build-Server"
    assert build_ssh_command("ssh://me@[fd00::5]:22", 5000, 32768)[-1] == "fd00::5"


def test_an_address_of_ipv6_is_in_brackets_in_a_url() -> None:
    assert OpenPort("fd00::5", 8080).host == "[fd00::5]"
    assert OpenPort("10.0.0.5", 8080).host == "10.0.0.5"
