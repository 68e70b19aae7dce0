"""Say what the user should know of how Locust was started, and what helps if it did not load the scenario."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_MISSING_MODULE = re.compile(r"^ModuleNotFoundError: No module named '?([\w.]+)", re.MULTILINE)
_PIP_NAMES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cassandra": "cassandra-driver",
    "confluent_kafka": "confluent-kafka",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dns": "dnspython",
    "dotenv": "python-dotenv",
    "engineio": "python-engineio",
    "google": "protobuf",
    "grpc": "grpcio",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "kafka": "kafka-python",
    "ldap": "python-ldap",
    "locust_plugins": "locust-plugins",
    "memcache": "python-memcached",
    "mysql": "mysql-connector-python",
    "MySQLdb": "mysqlclient",
    "nacl": "PyNaCl",
    "OpenSSL": "pyOpenSSL",
    "paho": "paho-mqtt",
    "PIL": "Pillow",
    "psycopg2": "psycopg2-binary",
    "slugify": "python-slugify",
    "socketio": "python-socketio",
    "stomp": "stomp.py",
    "websocket": "websocket-client",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""What pip calls packages whose modules have other names."""

_MISSING_ARGUMENTS = re.compile(r"error: the following arguments are required: (.+)")
_MISSING_VARIABLE = re.compile(
    r"""^  File "(?:[^"]*[/\\ ])?os(?:\.py)?>?", line \d+, in __getitem__\n(?:  .*\n)*KeyError: '([^']+)'""",
    re.MULTILINE,
)
_NO_ANSWER = re.compile(
    r"^(?:\w+\.)*(?:ConnectionError|ConnectionRefusedError|URLError|ConnectError|MaxRetryError)\b",
    re.MULTILINE,
)
_OLD_EVENT = re.compile(r"AttributeError: '?Events'? object has no attribute '(\w+)'")
_NEW_EVENTS = {
    "hatch_complete": "spawning_complete",
    "locust_error": "user_error",
    "locust_start_hatching": "test_start",
    "locust_stop_hatching": "test_stop",
    "request_failure": "request",
    "request_success": "request",
    "slave_report": "worker_report",
}
"""What Locust calls events today that had other names before its version 2."""

_OLD_NAME = re.compile(r"ImportError: cannot import name '(\w+)' from 'locust[.\w]*'")
_NEW_NAMES = {
    "InterruptLocust": "locust.exception.InterruptTaskSet",
    "SlaveLocustRunner": "locust.runners.WorkerRunner",
    "MasterLocustRunner": "locust.runners.MasterRunner",
    "LocalLocustRunner": "locust.runners.LocalRunner",
    "StopLocust": "locust.exception.StopUser",
    "TaskSequence": "locust.SequentialTaskSet",
    "seq_task": "locust.task in a SequentialTaskSet, whose tasks run in their order",
    "locust_runner": "environment.runner, which every listener and user has",
}
"""What Locust has today in place of names from before its version 1."""

_OLD_LISTENER = re.compile(r"TypeError: unsupported operand type\(s\) for \+=: 'EventHook'")

_MISSING_FILE = re.compile(r"^(?:\w+\.)*FileNotFoundError: .*?'([^']+)'", re.MULTILINE)


def describe_startup(hello: Mapping[str, Any], ignored_variables: Sequence[str]) -> tuple[str, ...]:
    """Return notes on what Locust's first message says of the scenario and of Locust's settings."""
    return tuple(_describe_startup(hello, ignored_variables))


def _describe_startup(hello: Mapping[str, Any], ignored_variables: Sequence[str]) -> Iterator[str]:
    if shapes := ", ".join(hello.get("shapes_overridden", ())):
        yield f"the load shape {shapes} is not used: the harness sets the number of users"
    for place in hello.get("own_starts", ()):
        yield f"{place} starts users itself (runner.start): not used, the harness sets the number of users"
    for file, settings in hello.get("settings", {}).items():
        if ignored := settings.get("ignored"):
            yield f"{file} sets {', '.join(ignored)}: ignored, because the harness decides this itself"
        if counted := settings.get("counted"):
            yield f"{file} sets {', '.join(counted)}: this counts, as part of the scenario"
    if ignored_variables:
        yield f"{', '.join(ignored_variables)} in the environment: ignored, the harness decides this itself"
    for name, count in hello.get("shared_connections", {}).items():
        connections = "one connection" if count == 1 else f"{count} connections"
        yield (
            f"all users of {name} in one Locust process share {connections} (its pool): what a request waits "
            "for a free one is part of its response time"
        )
    for name, waits in hello.get("ignored_waits", {}).items():
        yield (
            f"Locust no longer reads {', '.join(waits)} of {name}, so its users do not pause between tasks; "
            "write wait_time = between(1, 3), in seconds"
        )
    for name in hello.get("flows", ()):
        yield (
            f"{name} is reported over other requests of its user: it counts as a request too, with their "
            "times and the pauses between them; SLOs on single names (p95@NAME) tell them apart"
        )
    if hosts := hello.get("hosts", {}):
        each = ", ".join(f"{name} {host}" for name, host in hosts.items())
        yield f"the user classes have different hosts ({each}), and all of them lead to the target"
    for path, source in hello.get("bases", {}).items():
        yield (
            f"requests go below {path}, the path of the host in {source}; scenario: {{base: /}} drops it, "
            "and another base replaces it"
        )


def suggest_fix(output: str) -> str:
    """Return what to try after Locust failed to load a scenario, by its output; empty if that is unknown."""
    if old := _suggest_new_name(output):
        return old
    if module := _MISSING_MODULE.search(output):
        package = _PIP_NAMES.get(module[1].partition(".")[0])
        name = f"{package}, which has it, comes from pip" if package else f"{module[1]} is a package for pip"
        return (
            f"scenario: {{requirements: …}} if {name}, or scenario: {{folder: …}}, "
            "the folder in which you start Locust, if it is a module of yours"
        )
    if arguments := _MISSING_ARGUMENTS.search(output):
        return f"scenario: {{arguments: [{arguments[1].strip()}, …]}} gives the scenario arguments of its own"
    if variable := find_missing_variable(output):
        return f"set {variable} where you start the harness: the scenario gets its environment variables"
    if _NO_ANSWER.search(output):
        return (
            "no target runs yet while the file is loaded; ask it in on_start, or in a listener of "
            "events.test_start"
        )
    if file := _MISSING_FILE.search(output):
        return f"scenario: {{folder: …}} names the folder in which you start Locust, where {file[1]} is found"
    return ""


def find_missing_package(output: str) -> str:
    """Return what pip calls the package that Locust's output misses; empty if it misses none."""
    module = _MISSING_MODULE.search(output)
    top = module[1].partition(".")[0] if module else ""
    return _PIP_NAMES.get(top, top)


def find_missing_variable(output: str) -> str:
    """Return the environment variable that Locust's output misses; empty if it misses none."""
    variable = _MISSING_VARIABLE.search(output)
    return variable[1] if variable else ""


def _suggest_new_name(output: str) -> str:
    """Return what took the place of a name that only an older Locust has; empty if none is missing."""
    if (event := _OLD_EVENT.search(output)) and event[1] in _NEW_EVENTS:
        return f"Locust has no events.{event[1]} any more; events.{_NEW_EVENTS[event[1]]} took its place"
    if (name := _OLD_NAME.search(output)) and name[1] in _NEW_NAMES:
        return f"Locust has no {name[1]} any more; {_NEW_NAMES[name[1]]} took its place"
    if _OLD_LISTENER.search(output):
        return "write events.NAME.add_listener(function); Locust's events take no += any more"
    module = _MISSING_MODULE.search(output)
    if module and module[1].startswith("locust."):
        return (
            f"Locust has no {module[1]} any more; users, task sets, tasks, events and pauses all come from "
            "locust itself, as in: from locust import HttpUser, TaskSet, between, events, task"
        )
    return ""
