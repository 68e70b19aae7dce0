"""Find what contradicts itself in a service of a compose file: Docker Compose refuses such a file.

`docker compose config` never answers with any of it, so this is for files that our own reader has read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.plan.compose.syntax import parse_bytes, parse_number, parse_whole_number

_Values = Mapping[str, Any]
_TESTS = ("CMD", "CMD-SHELL", "NONE")


def find_contradictions(values: _Values) -> Iterator[str]:
    """Yield what contradicts itself in a service in its long form.

    Raises:
        ValueError: a limit is not a number.
    """
    if values.get("network_mode") and values.get("networks"):
        yield "network_mode and networks are both given; keep one"
    build = values.get("build")
    if isinstance(build, Mapping) and build.get("dockerfile") and build.get("dockerfile_inline"):
        yield "build.dockerfile and build.dockerfile_inline are both given; keep one"
    test = (values.get("healthcheck") or {}).get("test") or []
    if test and str(test[0]) not in _TESTS:
        yield f"healthcheck.test begins with {test[0]}; begin the list with CMD or CMD-SHELL, or write a text"
    yield from _find_two_limits(values)


def _find_two_limits(values: _Values) -> Iterator[str]:
    """Yield the limits, and the number of containers, that the file gives twice, and not alike."""
    deploy = values.get("deploy") or {}
    limits = (deploy.get("resources") or {}).get("limits") or {}
    pairs = (
        ("cpus", values.get("cpus"), "deploy.resources.limits.cpus", limits.get("cpus"), parse_number),
        ("mem_limit", values.get("mem_limit"), "deploy.resources.limits.memory", limits.get("memory"),
         parse_bytes),
        ("pids_limit", values.get("pids_limit"), "deploy.resources.limits.pids", limits.get("pids"),
         parse_whole_number),
        ("scale", values.get("scale"), "deploy.replicas", deploy.get("replicas"), parse_whole_number),
    )  # fmt: skip
    for key, given, other_key, other, parse in pairs:
        if given in (None, "") or other in (None, "") or parse(given) == parse(other):
            continue
        if key == "scale" or (parse(given) and parse(other)):  # a limit of 0 is none
            yield f"{key} is {given}, and {other_key} is {other}; keep one"
