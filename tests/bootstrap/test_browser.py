"""tools/browser: a chromium for the tests that look at reports."""

from tests.bootstrap.machine import Machine


def test_a_chromium_that_is_there_is_left_alone_without_a_word(machine: Machine) -> None:
    machine.says("chromium", "true")
    outcome = machine.tool("browser")
    assert (outcome.exit_code, outcome.said, outcome.commands) == (0, "", ())
