"""Convert the keys of a service that need neither other services nor files: ports, limits, readiness."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.model import MIB, MOST_PIDS, MOST_RETRIES
from harness.plan.compose.syntax import (
    is_true,
    parse_bytes,
    parse_duration_s,
    parse_number,
    parse_whole_number,
)
from harness.plan.dockerfile import choose_port, find_base, read_dockerfile
from harness.plan.dockerfile_stages import shorten_image

_Values = Mapping[str, Any]

_KNOWN_PORTS = {
    "postgres": 5432,
    "postgresql": 5432,
    "postgis": 5432,
    "pgvector": 5432,
    "timescaledb": 5432,
    "mysql": 3306,
    "mysql-server": 3306,
    "mariadb": 3306,
    "redis": 6379,
    "redis-stack": 6379,
    "valkey": 6379,
    "dragonfly": 6379,
    "mongo": 27017,
    "mongodb": 27017,
    "rabbitmq": 5672,
    "memcached": 11211,
    "elasticsearch": 9200,
    "opensearch": 9200,
    "kafka": 9092,
    "nats": 4222,
    "minio": 9000,
    "zookeeper": 2181,
}
"""The ports of well-known images, by the last part of the image's name."""

_SERVER = re.compile(
    r"postgres|mysqld|mariadbd|(?:redis|redis-stack|valkey|rabbitmq|nats)-server|redis-sentinel|dragonfly"
    r"|mongod|mongos|memcached|elasticsearch|opensearch|minio|server|run|zkServer\.sh"
    r"|(?:kafka|zookeeper)-server-start(?:\.sh)?|(?:[\w-]+-)?entrypoint\.sh"
)
"""Words of a command that starts the server of a well-known image, rather than one of its clients."""

_SSH = 22
_LEAST_WAIT_S = 60.0
_MOST_WAIT_S = 3600.0
_DEFAULT_INTERVAL_S, _DEFAULT_RETRIES = 30.0, 3
_DEFAULT_CPU_PERIOD_US = 100_000
_LEAST_MIB = 6
_RESTARTED = ("always", "unless-stopped", "on-failure", "any")


def find_ports(values: _Values) -> list[int]:
    """Return the TCP ports that a service publishes, or else exposes, in their order; never that of SSH."""
    published = [port for port in values.get("ports") or [] if _is_tcp(str(port.get("protocol", "")))]
    exposed = [str(each).partition("/") for each in values.get("expose") or []]
    numbers = [parse_whole_number(port["target"]) for port in published] or [
        parse_whole_number(number.partition("-")[0]) for number, _, protocol in exposed if _is_tcp(protocol)
    ]
    return [number for number in dict.fromkeys(numbers) if number != _SSH]


def _is_tcp(protocol: str) -> bool:
    return protocol.lower() in ("", "tcp")


def find_exposed_port(build: _Values) -> int | None:
    """Return the port that the stage of a build's Dockerfile exposes, or what it is built upon; else None."""
    text = read_build_text(build)
    if not text:
        return None
    port, _ = read_dockerfile(text, *choose_stage(build))
    contexts = {shorten_image(name): each for name, each in (build.get("additional_contexts") or {}).items()}
    base = contexts.get(shorten_image(find_base(text, *choose_stage(build))[0]))
    return find_exposed_port(base["build"]) if port is None and isinstance(base, Mapping) else port


def read_build_text(build: _Values) -> str:
    """Return the text of a build's Dockerfile; empty if there is no build, or its file can't be read."""
    if not build or build.get("dockerfile_inline"):
        return str(build.get("dockerfile_inline") or "")
    try:
        path = Path(build["context"]) / str(build.get("dockerfile") or "Dockerfile")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def choose_stage(build: _Values) -> tuple[dict[str, str], str | None]:
    """Return the arguments of a build, and the stage that it ends with."""
    args = {name: str(value) for name, value in (build.get("args") or {}).items() if value is not None}
    return args, str(build["target"]) if build.get("target") else None


def find_listening_port(values: _Values) -> int | None:
    """Return the port on which a companion most likely listens: one of its own, or its image's usual one."""
    return choose_port(map(str, find_ports(values))) or _find_usual_port(values)


def _find_usual_port(values: _Values) -> int | None:
    """Return the port of a well-known image, or of one that is built upon it; None if a client of it runs."""
    build = values.get("build") or {}
    base, command = find_base(read_build_text(build), *choose_stage(build)) if build else ("", "")
    images = (str(each).partition("@")[0].rpartition("/")[2] for each in (base, values.get("image")))
    names = [image.partition(":")[0] for image in images]
    port = next((_KNOWN_PORTS[name] for name in names if name in _KNOWN_PORTS), None)
    given = [str(word) for key in ("entrypoint", "command") for word in values.get(key) or []]
    starts_server = _names_server(command) or not command
    if given and (values.get("entrypoint") or not given[0].startswith("-")):
        starts_server = _names_server(" ".join(given))
    return port if starts_server else None


def _names_server(command: str) -> bool:
    """Return True if a word of a command is the program of a well-known server."""
    words = re.findall(r"[\w./-]+", command)
    return any(_SERVER.fullmatch(word.rpartition("/")[2]) for word in words)


def convert_readiness(values: _Values) -> dict[str, Any]:
    """Return how the service's healthcheck says that it is ready; nothing if it has none."""
    check = values.get("healthcheck") or {}
    test = check.get("test") or []
    if not check or is_disabled(check):
        return {}
    within_s = _compute_wait_s(check)
    if test[:1] == ["CMD-SHELL"]:
        return {"command": ["sh", "-c", " ".join(map(str, test[1:]))], "within": within_s}
    if test[:1] == ["CMD"]:
        return {"command": [str(word) for word in test[1:]], "within": within_s}
    return {"healthy": True, "within": within_s}


def describe_split_test(values: _Values) -> str | None:
    """Return the note on a healthcheck whose command is split as only that of `CMD` may be."""
    check = values.get("healthcheck") or {}
    test = [str(word) for word in check.get("test") or []]
    if test[:1] != ["CMD-SHELL"] or len(test) <= 2 or is_disabled(check):
        return None
    return (
        f"healthcheck.test counts as one command until it is ready, but Docker runs only {test[1]}; "
        "write one text after CMD-SHELL"
    )


def is_disabled(check: _Values) -> bool:
    return is_true(check.get("disable")) or (check.get("test") or [])[:1] == ["NONE"]


def _compute_wait_s(check: _Values) -> float:
    """Return for how long a healthcheck may fail before its container counts as broken, at least a minute."""
    interval_s = parse_duration_s(check["interval"]) if check.get("interval") else _DEFAULT_INTERVAL_S
    retries = parse_whole_number(check["retries"]) if check.get("retries") else _DEFAULT_RETRIES
    start_s = parse_duration_s(check["start_period"]) if check.get("start_period") else 0.0
    return min(max(start_s + retries * (interval_s or _DEFAULT_INTERVAL_S), _LEAST_WAIT_S), _MOST_WAIT_S)


def _convert_healthcheck(check: _Values) -> dict[str, Any]:
    """Return the check as the engine repeats it for as long as the container runs; seconds for durations."""
    section: dict[str, Any] = {}
    if check.get("test"):
        section["test"] = [str(word) for word in check["test"]]
    for key in ("interval", "timeout", "start_period"):
        if check.get(key):
            section[key] = parse_duration_s(check[key])
    if check.get("retries"):
        section["retries"] = min(parse_whole_number(check["retries"]), MOST_RETRIES)
    return section


@dataclass(frozen=True, slots=True)
class ComposeLimits:
    """The limits that a service is given: `cpus` in cores, `memory` in bytes, a whole number of MiB.

    `given_bytes` is the memory as the file has it, if that is another number.
    """

    values: dict[str, Any] = field(default_factory=dict)
    given_bytes: int | None = None


def convert_limits(values: _Values) -> ComposeLimits:
    """Return the limits of `deploy.resources.limits`, or else of `cpus`, `cpu_quota` and `mem_limit`.

    Raises:
        ValueError: one of them can't be read.
    """
    limits = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    cores = parse_number(limits.get("cpus") or values.get("cpus") or 0)
    if not cores and values.get("cpu_quota"):
        cores = parse_number(values["cpu_quota"]) / parse_number(
            values.get("cpu_period") or _DEFAULT_CPU_PERIOD_US
        )
    memory_bytes = parse_bytes(limits.get("memory") or values.get("mem_limit") or 0)
    result: dict[str, Any] = {"cpus": round(float(cores), 5)} if cores > 0 else {}
    if memory_bytes <= 0:
        return ComposeLimits(result)
    whole_bytes = max(memory_bytes // MIB, _LEAST_MIB) * MIB
    result["memory"] = whole_bytes
    return ComposeLimits(result, memory_bytes if whole_bytes != memory_bytes else None)


def read_replicas(values: _Values) -> int:
    """Return of how many containers the file wants a service to be; 1 if it does not say."""
    replicas = values.get("scale")
    if replicas is None:
        replicas = (values.get("deploy") or {}).get("replicas")
    return 1 if replicas is None else parse_whole_number(replicas)


def describe_replicas(values: _Values, *, is_target: bool) -> str | None:
    """Return the note on a service that the file wants to be of several containers."""
    replicas = read_replicas(values)
    if replicas <= 1:
        return None
    if is_target:
        return f"the file wants {replicas} replicas; write limits.replicas in the matrix to measure them"
    return f"it is one container and not {replicas}, so that it may be the limit sooner"


def convert_plain_keys(values: _Values) -> dict[str, Any]:
    """Return the keys that are the same in target.yaml, or nearly so.

    Raises:
        ValueError: one of them can't be read; with its name.
    """
    section: dict[str, Any] = {}
    for key in ("command", "entrypoint"):
        if values.get(key) is not None:
            section[key] = [str(word) for word in values[key]]
    for key in ("user", "working_dir", "hostname", "domainname"):
        if values.get(key):
            section[key] = str(values[key])
    for key in ("init", "read_only", "tty", "stdin_open"):
        if is_true(values.get(key)):
            section[key] = True
    for key in ("dns", "dns_search", "dns_opt", "group_add", "extra_hosts"):
        if values.get(key):
            section[key] = [str(each) for each in values[key] if each not in ("", ".")]
    if values.get("sysctls"):
        section["sysctls"] = {key: str(each) for key, each in values["sysctls"].items()}
    for key, name in (("cap_add", "capabilities"), ("cap_drop", "drop_capabilities")):
        if values.get(key):
            section[name] = [str(each).upper().removeprefix("CAP_") for each in values[key]]
    if _is_restarted(values):
        section["restart"] = True
    if check := values.get("healthcheck"):
        section["healthcheck"] = False if is_disabled(check) else _convert_healthcheck(check)
    return section | _convert_numbers(values)


def _convert_numbers(values: _Values) -> dict[str, Any]:
    section: dict[str, Any] = {}
    key = ""
    try:
        key = "shm_size"
        if values.get(key):
            section[key] = parse_bytes(values[key])
        key = "ulimits"
        if values.get(key):
            section[key] = {name: _convert_ulimit(each) for name, each in values[key].items()}
        key = "pids_limit"
        if (pids := read_pids_limit(values)) > 0:
            section[key] = min(pids, MOST_PIDS)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    return section


def read_pids_limit(values: _Values) -> int:
    """Return how many processes the file allows a service; 0 or less is no limit."""
    limits = ((values.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return parse_whole_number(limits.get("pids") or values.get("pids_limit") or 0)


def _is_restarted(values: _Values) -> bool:
    """Return True for a service that is started again after it has ended with an error.

    A policy of `deploy` goes before `restart`, as in Docker Compose.
    """
    policy = (values.get("deploy") or {}).get("restart_policy")
    if isinstance(policy, Mapping):
        return str(policy.get("condition") or "any") in _RESTARTED
    return str(values.get("restart")).partition(":")[0] in _RESTARTED


def _convert_ulimit(ulimit: object) -> int | dict[str, int]:
    if not isinstance(ulimit, Mapping):
        return parse_whole_number(ulimit)
    if ulimit.get("single"):
        return parse_whole_number(ulimit["single"])
    return {key: parse_whole_number(ulimit[key]) for key in ("soft", "hard")}
