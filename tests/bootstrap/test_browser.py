"""tools/browser: a chromium for the tests that look at reports."""

from tests.bootstrap.machine import Machine


def test_a_chromium_that_is_there_is_left_alone_without_a_word(machine: Machine) -> None:
    machine.add_stub("chromium", "true")
    outcome = machine.run_tool("browser")
    assert (outcome.exit_code, outcome.output, outcome.commands) == (0, "", ())
