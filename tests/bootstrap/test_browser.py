"""tools/browser makes sure that chromium is installed, for the tests of reports."""

from tests.bootstrap.machine import Machine


def test_nothing_is_done_or_printed_if_chromium_exists(machine: Machine) -> None:
    machine.add_stub("chromium", "true")
    outcome = machine.run_tool("browser")
    assert (outcome.exit_code, outcome.output, outcome.commands) == (0, "", ())
