"""Ask the live page of a command that serves one for its state."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

State = dict[str, Any]


def read_address(running: subprocess.Popen[str]) -> str:
    """Read lines until the page's address is printed."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if address := re.search(r"live page: (http://127\.0\.0\.1:\d+/)", line):
            return address[1]
    pytest.fail(f"the harness ended without an address: {''.join(lines)}")


def await_state(address: str, is_wanted: Callable[[State], bool], within_s: float = 60) -> State:
    """Ask twice a second until the state is the one that is wanted; return it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{address}state.json", timeout=10) as answer:
            state: State = json.load(answer)
        if is_wanted(state):
            return state
        time.sleep(0.5)
    pytest.fail(f"no such state within {within_s:g} s: {state}")


def has_step(state: State) -> bool:
    """Return True if a step in progress has five points."""
    return any(len(step["at_s"]) >= 5 for step in state["steps"])
