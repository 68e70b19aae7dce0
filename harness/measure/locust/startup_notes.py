"""Say what the user should know of how Locust was started, and what helps if it did not load the scenario."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_MISSING_MODULE = re.compile(r"^ModuleNotFoundError: No module named '?([\w.]+)", re.MULTILINE)
_MISSING_FILE = re.compile(r"^(?:\w+\.)*FileNotFoundError: .*?'([^']+)'", re.MULTILINE)


def describe_startup(hello: Mapping[str, Any], ignored_variables: Sequence[str]) -> tuple[str, ...]:
    """Return notes on what Locust's first message says of the scenario and of Locust's settings."""
    return tuple(_describe_startup(hello, ignored_variables))


def _describe_startup(hello: Mapping[str, Any], ignored_variables: Sequence[str]) -> Iterator[str]:
    if shapes := ", ".join(hello.get("shapes_overridden", ())):
        yield f"the load shape {shapes} is not used: the harness sets the number of users"
    for file, settings in hello.get("settings", {}).items():
        if ignored := settings.get("ignored"):
            yield f"{file} sets {', '.join(ignored)}: ignored, because the harness decides this itself"
        if counted := settings.get("counted"):
            yield f"{file} sets {', '.join(counted)}: this counts, as part of the scenario"
    if ignored_variables:
        yield f"{', '.join(ignored_variables)} in the environment: ignored, the harness decides this itself"
    for path, source in hello.get("bases", {}).items():
        yield (
            f"requests go below {path}, the path of the host in {source}; scenario: {{base: /}} drops it, "
            "and another base replaces it"
        )


def suggest_fix(output: str) -> str:
    """Return what to try after Locust failed to load a scenario, by its output; empty if that is unknown."""
    if module := _MISSING_MODULE.search(output):
        return (
            f"scenario: {{requirements: …}} if {module[1]} is a package for pip, or scenario: {{folder: …}}, "
            "the folder in which you start Locust, if it is a module of yours"
        )
    if file := _MISSING_FILE.search(output):
        return f"scenario: {{folder: …}} names the folder in which you start Locust, where {file[1]} is found"
    return ""
