"""Build Locust's command line and environment."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.measure.locust.requirements_env import prepare_interpreter
from harness.model import HARNESS_OPTIONS, Scenario

RESERVED_VARIABLES = frozenset(name for name in HARNESS_OPTIONS.values() if name) - {"LOCUST_HOST"}
"""Locust's environment variables that the harness removes, because it decides these settings itself.

All other variables of Locust reach the scenario. Of LOCUST_HOST only the path counts.
"""


def build_command(scenario: Scenario, *options: str, files: Sequence[Path] = ()) -> list[str]:
    """Build the command that runs Locust on this host, with `files`, or the scenario's locustfiles if empty.

    User classes come before the options: an option that takes several values would swallow them.
    """
    locustfiles = ",".join(str(path.resolve()) for path in files or scenario.locustfiles)
    python = str(prepare_interpreter(scenario.requirements))
    classes = () if "--list" in options else scenario.user_classes
    return [
        python,
        "-P",  # as for the command `locust`: the working folder is not searched for Locust's own modules
        "-m",
        "locust",
        "-f",
        locustfiles,
        *classes,
        *options,
        *scenario.arguments,
        *_build_tag_options(scenario),
    ]


def build_command_elsewhere(scenario: Scenario, files: Sequence[str], *options: str) -> list[str]:
    """Build the command that runs Locust where `locust` is on the PATH: on another host or in a container.

    `files` are paths there, or "-" for the locustfile that the master sends.
    """
    selection = [*scenario.user_classes, *options, *scenario.arguments, *_build_tag_options(scenario)]
    return ["locust", "-f", ",".join(files), *selection]


def _build_tag_options(scenario: Scenario) -> list[str]:
    tags_by_option = (("--tags", scenario.tags), ("--exclude-tags", scenario.exclude_tags))
    return [word for option, tags in tags_by_option if tags for word in (option, *tags)]


def build_environment(seed: int | None = None) -> dict[str, str]:
    """Build Locust's environment from that of this process; `seed` is for `harness_seeds.py`.

    It lacks `RESERVED_VARIABLES`, and proxies, which would also get the requests to the loopback. It names
    the options that Locust's configuration files can't set. Python writes no byte code, so that no
    `__pycache__` appears in the user's folders.
    """
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key.lower() not in ("http_proxy", "https_proxy", "all_proxy", "harness_seed")
        and key not in RESERVED_VARIABLES
    }
    return inherited | {
        **({} if seed is None else {"HARNESS_SEED": str(seed)}),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        **build_option_variables(),
    }


def build_option_variables() -> dict[str, str]:
    """Build the variable that tells `harness_options.py` which settings to leave out."""
    return {"HARNESS_OPTIONS": " ".join(HARNESS_OPTIONS)}


def find_ignored_variables() -> list[str]:
    """Return the environment variables of this process that Locust does not get to see."""
    return sorted(RESERVED_VARIABLES & os.environ.keys())
