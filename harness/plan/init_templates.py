"""Write a first target, locustfile and matrix, which people then edit."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.plan.compose.syntax import to_target_name
from harness.plan.host_fit import compute_available_cores

_EXPOSE = re.compile(r"^\s*EXPOSE\s+(\d+)", re.IGNORECASE | re.MULTILINE)
_HEALTHCHECK = re.compile(r"^\s*HEALTHCHECK\s+(?!NONE)", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r"\{([^{}]+)\}")
_MOST_TASKS = 30
_CPU_SHARES = (0.25, 0.5, 1.0)
_MEMORY_MIB = (128, 256, 512)
_COMPANION_MIB = 512


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of a service without a target.yaml.

    `run` holds the one key of target.yaml that says what to run: `image`, `build` or `compose`.
    """

    name: str
    run: Mapping[str, Any]
    port: int | None = None
    ready_path: str | None = None
    has_healthcheck: bool = False
    companions: tuple[str, ...] = ()
    operations: tuple["Operation", ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of an OpenAPI document.

    `path` has example values for its parameters; `name` is the path with the parameters' names.
    """

    method: str
    path: str
    name: str


def read_dockerfile(text: str) -> tuple[int | None, bool]:
    """Return the port that a Dockerfile exposes, and whether it has a HEALTHCHECK."""
    exposed = _EXPOSE.search(text)
    return (int(exposed[1]) if exposed else None), bool(_HEALTHCHECK.search(text))


def format_target(facts: ServiceFacts, cores: int) -> str:
    """Write target.yaml for a host of `cores`; companions share half of the cores that containers may use."""
    run = [f"{key}: {json.dumps(value)}" for key, value in facts.run.items()]
    lines = [f"name: {to_target_name(facts.name)}", *run]
    if facts.port is not None:
        lines.append(f"port: {facts.port}                # inside the container")
    if facts.ready_path is not None or "compose" not in facts.run or not facts.has_healthcheck:
        lines.append(f"ready: {_format_readiness(facts)}")
    if facts.companions:
        share = round(compute_available_cores(cores) / 2 / len(facts.companions), 2)
        lines.append("companions:                # their limits are the same at every size")
        lines += [
            f"  {name}: {{limits: {{cpus: {max(share, 0.05):g}, memory: {_COMPANION_MIB}MiB}}}}"
            for name in facts.companions
        ]
    return "\n".join(lines) + "\n"


def _format_readiness(facts: ServiceFacts) -> str:
    if facts.ready_path is not None:
        return f"{{http: {json.dumps(facts.ready_path)}, within: 60s}}"
    if facts.has_healthcheck:
        return "{healthy: true, within: 60s}"
    return "{tcp: true, within: 60s}      # better: {http: /health}"


def format_matrix(facts: ServiceFacts, cores: int) -> str:
    """Write matrix.yaml with nine sizes that a host of `cores` can measure."""
    most_cores = compute_available_cores(cores) / (2 if facts.companions else 1)
    cpus = ", ".join(f"{max(round(most_cores * part, 2), 0.01):g}" for part in _CPU_SHARES)
    memory = ", ".join(f"{mib}MiB" for mib in _MEMORY_MIB)
    return f"""\
target: targets/{to_target_name(facts.name)}

users:
  limit: 400               # the most users of interest

limits:                    # every combination is a size to measure
  cpus: [{cpus}]
  memory: [{memory}]

slos:                      # a size sustains N users while all of these hold
  p95: 1s
  errors: 1%
"""


def format_locustfile(facts: ServiceFacts) -> str:
    """Write locustfile.py: a user with a task for each GET request, and a comment for each other request."""
    reads = [each for each in facts.operations if each.method == "GET"][:_MOST_TASKS]
    others = [each for each in facts.operations if each.method != "GET"][:_MOST_TASKS]
    names: set[str] = set()
    tasks = [_format_task(each, names) for each in reads or [Operation("GET", "/", "/")]]
    comments = [f"    # {each.method} {each.name}: add what it needs\n" for each in others]
    return (
        '"""What your users do. Weight each task by its frequency: @task(3) runs three times as often."""\n\n'
        "from locust import HttpUser, between, task\n\n\n"
        "class Visitor(HttpUser):\n    wait_time = between(1, 4)\n\n"
        + "\n".join(tasks)
        + ("\n" + "".join(comments) if comments else "")
    )


def _format_task(operation: Operation, names: set[str]) -> str:
    """Return the task's source; its name differs from all `names`, and is added to them."""
    base = re.sub(r"\W+", "_", operation.name).strip("_").lower() or "front_page"
    base = f"get_{base}" if base[0].isdigit() else base
    name = next(each for each in _generate_names(base) if each not in names)
    names.add(name)
    argument = f", name={json.dumps(operation.name)}" if operation.name != operation.path else ""
    return (
        f"    @task\n    def {name}(self):\n        self.client.get({json.dumps(operation.path)}{argument})\n"
    )


def _generate_names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}_{number}" for number in range(2, 10_000))


def read_operations(document: object) -> tuple[Operation, ...]:
    """Return the requests of an OpenAPI document (version 2 or 3), in the document's order.

    Raises:
        ValueError: it is no OpenAPI document.
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise ValueError("has no paths; is it an OpenAPI document?")
    base = str(document.get("basePath", "")).rstrip("/")
    return tuple(
        _build_operation(method, base + str(path), [*_list_parameters(item), *_list_parameters(item[method])])
        for path, item in document["paths"].items()
        if isinstance(item, dict)
        for method in item
        if str(method).lower() in ("get", "post", "put", "patch", "delete") and isinstance(item[method], dict)
    )


def _list_parameters(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parameters = values.get("parameters")
    if not isinstance(parameters, list):
        return []
    return [each for each in parameters if isinstance(each, dict)]


def _build_operation(method: str, path: str, parameters: Sequence[Mapping[str, Any]]) -> Operation:
    known = {str(each.get("name")): _find_example(each) for each in parameters if each.get("in") == "path"}
    query = "&".join(
        f"{each.get('name')}={_find_example(each)}"
        for each in parameters
        if each.get("in") == "query" and each.get("required") is True
    )
    filled = _PARAMETER.sub(lambda match: known.get(match[1], "1"), path)
    name = _PARAMETER.sub(lambda match: f"[{match[1]}]", path)
    return Operation(str(method).upper(), filled + (f"?{query}" if query else ""), name)


def _find_example(parameter: Mapping[str, Any]) -> str:
    """Return an example, default, minimum or first choice of a parameter in the document, else 1."""
    schema = parameter.get("schema")
    for source in (parameter, schema if isinstance(schema, dict) else {}):
        for key in ("example", "default", "minimum"):
            if key in source:
                return str(source[key])
        if isinstance(source.get("enum"), list) and source["enum"]:
            return str(source["enum"][0])
    return "1"
