"""A target, a locustfile and a matrix to begin with, as texts that people go on with by hand."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.plan.compose.syntax import slug

EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d+)", re.IGNORECASE | re.MULTILINE)
HEALTHCHECK = re.compile(r"^\s*HEALTHCHECK\s+(?!NONE)", re.IGNORECASE | re.MULTILINE)
PARAMETER = re.compile(r"\{([^{}]+)\}")
TASKS_AT_MOST = 30
SHARES = (0.25, 0.5, 1.0)
MEMORY_MIB = (128, 256, 512)
COMPANION_MIB = 512


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a service before anybody wrote about it. `run` is the mapping that says what to run:
    image, build or compose.
    """

    name: str
    run: Mapping[str, Any]
    port: int | None = None
    ready_path: str | None = None
    has_healthcheck: bool = False
    companions: tuple[str, ...] = ()
    operations: tuple["Operation", ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of an OpenAPI document: `path` has its parameters filled in, `name` names them."""

    method: str
    path: str
    name: str


def of_dockerfile(text: str) -> tuple[int | None, bool]:
    """The port that it exposes, and whether it has a HEALTHCHECK."""
    exposed = EXPOSE.search(text)
    return (int(exposed[1]) if exposed else None), bool(HEALTHCHECK.search(text))


def target_yaml(found: Found, cores: int) -> str:
    run = [f"{key}: {json.dumps(value)}" for key, value in found.run.items()]
    lines = [f"name: {slug(found.name)}", *run]
    if found.port is not None:
        lines.append(f"port: {found.port}                # inside the container")
    if found.ready_path is not None or "compose" not in found.run or not found.has_healthcheck:
        lines.append(f"ready: {_ready(found)}")
    if found.companions:
        each = round(share(cores) / 2 / len(found.companions), 2)
        lines.append("companions:                # what they are given beside every size")
        lines += [
            f"  {name}: {{limits: {{cpus: {max(each, 0.05):g}, memory: {COMPANION_MIB}MiB}}}}"
            for name in found.companions
        ]
    return "\n".join(lines) + "\n"


def _ready(found: Found) -> str:
    if found.ready_path is not None:
        return f"{{http: {json.dumps(found.ready_path)}, within: 60s}}"
    if found.has_healthcheck:
        return "{healthy: true, within: 60s}"
    return "{tcp: true, within: 60s}      # better: {http: /health}"


def share(cores: int) -> float:
    """What targets may use: all but the generator's core."""
    return cores - 1 if cores >= 2 else 0.5


def matrix_yaml(found: Found, cores: int) -> str:
    most = share(cores) / (2 if found.companions else 1)
    cpus = ", ".join(f"{max(round(most * part, 2), 0.01):g}" for part in SHARES)
    memory = ", ".join(f"{mib}MiB" for mib in MEMORY_MIB)
    return f"""\
target: targets/{slug(found.name)}

users:
  limit: 400               # the most users of interest

limits:                    # every combination is a size to measure
  cpus: [{cpus}]
  memory: [{memory}]

slos:                      # a size sustains N users while all of these hold
  p95: 1s
  errors: 1%
"""


def locustfile(found: Found) -> str:
    """A user with a task for each request that needs nothing but its address; the others are named."""
    asked = [each for each in found.operations if each.method == "GET"][:TASKS_AT_MOST]
    others = [each for each in found.operations if each.method != "GET"]
    names: set[str] = set()
    tasks = [_task(each, names) for each in asked or [Operation("GET", "/", "/")]]
    left = [f"    # {each.method} {each.name}: add what it needs\n" for each in others[:TASKS_AT_MOST]]
    return (
        '"""What your users do. Weigh the tasks as they come: @task(3) is three times as frequent."""\n\n'
        "from locust import HttpUser, between, task\n\n\n"
        "class Visitor(HttpUser):\n    wait_time = between(1, 4)\n\n"
        + "\n".join(tasks)
        + ("\n" + "".join(left) if left else "")
    )


def _task(operation: Operation, names: set[str]) -> str:
    base = re.sub(r"\W+", "_", operation.name).strip("_").lower() or "front_page"
    base = f"get_{base}" if base[0].isdigit() else base
    name = next(each for each in _numbered(base) if each not in names)
    names.add(name)
    shown = f", name={json.dumps(operation.name)}" if operation.name != operation.path else ""
    return f"    @task\n    def {name}(self):\n        self.client.get({json.dumps(operation.path)}{shown})\n"


def _numbered(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}_{number}" for number in range(2, 10_000))


def operations(document: object) -> tuple[Operation, ...]:
    """The requests of an OpenAPI document (2 or 3), in its order. Raises ValueError where it is none."""
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        raise ValueError("has no paths; is it an OpenAPI document?")
    assert isinstance(document, dict)
    base = str(document.get("basePath", "")).rstrip("/")
    return tuple(
        _operation(method, base + str(path), [*_listed(item), *_listed(item[method])])
        for path, item in paths.items()
        if isinstance(item, dict)
        for method in item
        if str(method).lower() in ("get", "post", "put", "patch", "delete") and isinstance(item[method], dict)
    )


def _listed(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = values.get("parameters")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _operation(method: str, path: str, parameters: Sequence[Mapping[str, Any]]) -> Operation:
    known = {str(each.get("name")): _example(each) for each in parameters if each.get("in") == "path"}
    query = "&".join(
        f"{each.get('name')}={_example(each)}"
        for each in parameters
        if each.get("in") == "query" and each.get("required") is True
    )
    filled = PARAMETER.sub(lambda match: known.get(match[1], "1"), path)
    name = PARAMETER.sub(lambda match: f"[{match[1]}]", path)
    return Operation(str(method).upper(), filled + (f"?{query}" if query else ""), name)


def _example(parameter: Mapping[str, Any]) -> str:
    """A value that the document gives for a parameter; where it gives none, 1."""
    schema = parameter.get("schema")
    for source in (parameter, schema if isinstance(schema, dict) else {}):
        for key in ("example", "default", "minimum"):
            if key in source:
                return str(source[key])
        if isinstance(source.get("enum"), list) and source["enum"]:
            return str(source["enum"][0])
    return "1"
