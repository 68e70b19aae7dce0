"""tools/beside runs two commands at once, and fails if one of them does."""

import pytest

from tests.bootstrap.machine import Machine


@pytest.mark.parametrize(
    ("script", "command", "exit_code"), [("true", "true", 0), ("exit 3", "true", 3), ("true", "exit 4", 4)]
)
def test_it_fails_if_one_of_the_two_fails(
    machine: Machine, script: str, command: str, exit_code: int
) -> None:
    outcome = machine.run_tool("beside", f"echo types; {script}", "bash", "-c", f"echo tests; {command}")
    assert outcome.exit_code == exit_code
    assert outcome.output.splitlines() == ["tests", f"echo types; {script}", "types"]


def test_both_run_at_once(machine: Machine) -> None:
    """Each waits for a file that the other one writes."""
    wait = "timeout 10 bash -c 'until [ -e $TMPDIR/{} ]; do sleep 0.01; done'"
    script = "touch $TMPDIR/script; " + wait.format("command")
    command = "touch $TMPDIR/command; " + wait.format("script")
    assert machine.run_tool("beside", script, "bash", "-c", command).exit_code == 0
