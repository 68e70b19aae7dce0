"""Locust's command line and environment, without what would run it otherwise than we do."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.measure.locust.requirements_env import interpreter
from harness.model import Scenario

DECIDED_HERE = frozenset(
    f"LOCUST_{name}"
    for name in "LOCUSTFILE HOST USERS SPAWN_RATE RUN_TIME HEADLESS AUTOSTART AUTOQUIT MODE_MASTER "
    "MODE_WORKER MASTER WORKER PROCESSES EXPECT_WORKERS WEB_HOST WEB_PORT CSV HTML CONFIG LIST TAGS "
    "EXCLUDE_TAGS".split()
)
"""Of Locust's own environment: what the harness says itself. All else is the scenario's."""


def command(scenario: Scenario, *options: str, files: Sequence[Path] = ()) -> list[str]:
    """User classes come first: an option with many values would take them for its own."""
    given = ",".join(str(path.resolve()) for path in files or scenario.locustfiles)
    python = str(interpreter(scenario.requirements))
    classes = () if "--list" in options else scenario.user_classes
    return [python, "-m", "locust", "-f", given, *classes, *options, *scenario.arguments, *_tags(scenario)]


def inside(scenario: Scenario, files: Sequence[str], *options: str) -> list[str]:
    """The same for another host or a container, which has Locust on its path and these files."""
    given = ",".join(files)
    return ["locust", "-f", given, *scenario.user_classes, *options, *scenario.arguments, *_tags(scenario)]


def _tags(scenario: Scenario) -> list[str]:
    given = (("--tags", scenario.tags), ("--exclude-tags", scenario.exclude_tags))
    return [word for option, tags in given if tags for word in (option, *tags)]


def environment() -> dict[str, str]:
    """Ours, less what would send loopback requests through a proxy, run Locust otherwise than we do, or write
    byte code beside the user's files.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if key.lower() not in ("http_proxy", "https_proxy", "all_proxy") and key not in DECIDED_HERE
    }
    return kept | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
