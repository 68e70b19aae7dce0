"""How a published port is reached through SSH. These tests start no ssh."""

from harness.measure.docker.port_access import build_ssh_command


def test_a_tunnel_goes_from_this_loopback_to_the_remote_one() -> None:
    words = build_ssh_command("ssh://me@big:2222", 5000, 32768)
    assert words[words.index("-L") + 1] == "127.0.0.1:5000:127.0.0.1:32768"
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-l") + 1] == "me"
    assert words[-2:] == ["--", "big"]
    assert "BatchMode=yes" in words
