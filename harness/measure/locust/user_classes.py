"""Find out which user classes a scenario has, and whether as many users can come, before anything starts."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.measure.locust.command import build_command, build_environment
from harness.measure.locust.ending import find_cause
from harness.measure.locust.local_workers import get_last_lines
from harness.measure.locust.startup_notes import suggest_fix
from harness.measure.locust.telemetry import NO_EXPORTERS, NOT_INSTALLED, hide_secrets
from harness.model import Scenario

START_WITHIN_S = 60.0
_OUR_MARK = "harness: "
"""The start of the line that tells more of the user classes: `harness_options.LIST_MARK`."""


@dataclass(frozen=True, slots=True)
class UserClasses:
    """The user classes of a scenario's files.

    `pause_s` is from one task of a user to the next, or to about that, as the users' `wait_time` tells it:
    the mean over the users of the scenario's classes. None if one has a `wait_time` of its own making.
    """

    names: tuple[str, ...]
    pause_s: float | None = None


def find_user_classes(scenario: Scenario, options_file: Path, users_limit: int | None = None) -> UserClasses:
    """Return the user classes that Locust finds in the scenario's files.

    `options_file` is loaded before them. Raises UsageError if Locust can't load the files, or lacks the
    packages for its export, if a class that the scenario names is missing or has tasks that do nothing, or if
    fewer users than `users_limit` can ever come.
    """
    files = ", ".join(path.name for path in scenario.locustfiles)
    done = _list_classes(scenario, options_file, files)
    if done.returncode != 0 or "Available Users:" not in done.stdout:
        hint = suggest_fix(done.stderr or done.stdout)
        raise UsageError(f"{files}: Locust can't load it{_explain_load_error(done)}", hint)
    if NOT_INSTALLED in done.stderr:
        raise UsageError(
            "Locust is told to export by --otel, but OpenTelemetry is not installed for it",
            "scenario: {requirements: FILE}, and in that file a line: locust[otel]",
        )
    classes = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ")]
    if not classes:
        raise UsageError(
            f"{files}: no user class in it", "define a class that inherits from HttpUser and has tasks"
        )
    missing = [name for name in scenario.user_classes if name not in classes]
    if missing:
        raise UsageError(f"{files}: no user class {missing[0]!r}", f"name one of {', '.join(classes)}")
    told = _read_told(done.stdout)
    selected = [told.get(name, {}) for name in scenario.user_classes or classes]
    check_inert(files, [str(task) for each in selected for task in each.get("inert", ())])
    if users_limit is not None:
        counts = zip(scenario.user_classes or classes, selected, strict=True)
        check_fixed_counts(files, {name: _read_count(each) for name, each in counts}, users_limit)
    return UserClasses(tuple(classes), compute_mean_pause_s(selected))


def compute_mean_pause_s(told: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the mean pause of users of these classes, by how often they come to their next task.

    Users who don't pause make it 0. None if the pause of a class is unknown.
    """
    pauses_s, weights = ([each.get(name) for each in told] for name in ("pause_s", "weight"))
    known = [
        (pause_s, weight)
        for pause_s, weight in zip(pauses_s, weights, strict=True)
        if isinstance(pause_s, int | float) and isinstance(weight, int | float) and weight > 0
    ]
    if len(known) < len(told) or not known:
        return None
    if min(pause_s for pause_s, _ in known) <= 0:
        return 0.0
    return sum(weight for _, weight in known) / sum(weight / pause_s for pause_s, weight in known)


def _list_classes(scenario: Scenario, options_file: Path, files: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            build_command(scenario, "--list", files=(options_file, *scenario.locustfiles)),
            cwd=scenario.working_folder,
            env=build_environment() | NO_EXPORTERS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{files}: Locust did not load it within {START_WITHIN_S:.0f} s",
            "what takes long belongs into a listener of events.test_start, not beside the classes",
        ) from None


def _explain_load_error(done: "subprocess.CompletedProcess[str]") -> str:
    """Return why Locust could not load the scenario: the exception with its line, then the log."""
    log = hide_secrets(get_last_lines(done.stderr or done.stdout))
    if not log:
        return f": it ended Locust with exit code {done.returncode}; look for sys.exit() outside of functions"
    cause = hide_secrets(find_cause(done.stderr))
    return f": {cause}\n{log}" if cause else f":\n{log}"


def _read_told(output: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what is told of each class; nothing of classes that Locust makes of pytest's tests."""
    told = [line.removeprefix(_OUR_MARK) for line in output.splitlines() if line.startswith(_OUR_MARK)]
    by_class: dict[str, dict[str, Any]] = json.loads(told[-1]) if told else {}
    return by_class


def _read_count(told: Mapping[str, Any]) -> int:
    """Return a class's fixed number of users; 0 if it has none, or one that is no number."""
    count = told.get("fixed_count", 0)
    return count if isinstance(count, int) else 0


def check_inert(files: str, tasks: Sequence[str]) -> None:
    """Raise UsageError if tasks do nothing when they are called."""
    if not tasks:
        return
    raise UsageError(
        f"{files}: Locust only calls {', '.join(tasks)}, and a call runs nothing of a coroutine (async def) "
        "or a generator (yield)",
        "make it an ordinary function; asyncio.run(…) in one runs a coroutine",
    )


def check_fixed_counts(files: str, counts: Mapping[str, int], users_limit: int) -> None:
    """Raise UsageError if all classes have a fixed number of users, and these are fewer than the limit."""
    most = sum(counts.values())
    if not counts or min(counts.values()) <= 0 or most >= users_limit:
        return
    each = ", ".join(f"{name} {count}" for name, count in counts.items())
    raise UsageError(
        f"{files}: {most} users can come at most, because each user class has a fixed_count ({each}), "
        f"and users.limit is {users_limit}",
        f"users: {{limit: {most}}}, or a weight instead of the fixed_count of a class",
    )
