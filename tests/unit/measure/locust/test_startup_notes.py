"""What is said of how Locust was started, and of why it did not load a scenario."""

import pytest

from harness.measure.locust.startup_notes import describe_startup, suggest_fix


def test_settings_and_the_path_of_a_host_are_named_once_each() -> None:
    hello = {
        "shapes_overridden": ["Ramp"],
        "own_starts": ["locustfile.py:12"],
        "settings": {
            "locust.conf": {"ignored": ["master", "csv"], "counted": ["tags"]},
            "pyproject.toml": {"ignored": [], "counted": ["timescale"]},
        },
        "shared_connections": {"Shopper": 10, "Admin": 1},
        "ignored_waits": {"Visitor": ["min_wait", "max_wait"]},
        "flows": ["FLOW checkout"],
        "hosts": {"Api": "api.example", "Admin": "admin.example:81"},
        "bases": {"/api/v1": "Api and Admin"},
    }
    assert describe_startup(hello, ["LOCUST_HTML"]) == (
        "the load shape Ramp is not used: the harness sets the number of users",
        "locustfile.py:12 starts users itself (runner.start): not used, the harness sets the number of users",
        "locust.conf sets master, csv: ignored, because the harness decides this itself",
        "locust.conf sets tags: this counts, as part of the scenario",
        "pyproject.toml sets timescale: this counts, as part of the scenario",
        "LOCUST_HTML in the environment: ignored, the harness decides this itself",
        "all users of Shopper in one Locust process share 10 connections (its pool): what a request waits "
        "for a free one is part of its response time",
        "all users of Admin in one Locust process share one connection (its pool): what a request waits "
        "for a free one is part of its response time",
        "Locust no longer reads min_wait, max_wait of Visitor, so its users do not pause between tasks; "
        "write wait_time = between(1, 3), in seconds",
        "FLOW checkout is reported over other requests of its user: it counts as a request too, with their "
        "times and the pauses between them; SLOs on single names (p95@NAME) tell them apart",
        "the user classes have different hosts (Api api.example, Admin admin.example:81), and all of them "
        "lead to the target",
        "requests go below /api/v1, the path of the host in Api and Admin; scenario: {base: /} drops it, "
        "and another base replaces it",
    )
    assert describe_startup({}, ()) == ()


@pytest.mark.parametrize(
    ("output", "key"),
    [
        ("Traceback …\nModuleNotFoundError: No module named 'common.x'", "scenario: {requirements: …}"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'data/u.csv'", "scenario: {folder: …}"),
        ("ModuleNotFoundError: No module named 'kafka.errors'", "scenario: {requirements: …} if kafka-"),
        ("ModuleNotFoundError: No module named 'yaml'", "scenario: {requirements: …} if PyYAML, which"),
        (
            "usage\nlocust: error: the following arguments are required: --token, --pool",
            "scenario: {arguments: [--token, --pool, …]}",
        ),
        (
            "  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'API_KEY'",
            "set API_KEY where you start",
        ),
        (
            '  File "/usr/lib/python3.11/os.py", line 679, in __getitem__\n    raise KeyError(key)\n'
            "KeyError: 'API_KEY'",
            "set API_KEY where you start",
        ),
        ("  File \"/shop/locustfile.py\", line 3, in __getitem__\nKeyError: 'x'", ""),
        ("requests.exceptions.ConnectionError: HTTPConnectionPool(host='shop')", "no target runs yet"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", "no target runs yet"),
        (
            "AttributeError: 'Events' object has no attribute 'request_success'",
            "Locust has no events.request_success any more; events.request took its place",
        ),
        ("AttributeError: 'Events' object has no attribute 'mine'", ""),
        (
            "ImportError: cannot import name 'TaskSequence' from 'locust' (/venv/locust/__init__.py)",
            "Locust has no TaskSequence any more; locust.SequentialTaskSet took its place",
        ),
        (
            "ImportError: cannot import name 'StopLocust' from 'locust.exception' (/venv/exception.py)",
            "Locust has no StopLocust any more; locust.exception.StopUser took its place",
        ),
        ("ImportError: cannot import name 'Mine' from 'locust' (/venv/locust/__init__.py)", ""),
        (
            "TypeError: unsupported operand type(s) for +=: 'EventHook' and 'function'",
            "write events.NAME.add_listener(function); ",
        ),
        ("ModuleNotFoundError: No module named 'locust.core'", "Locust has no locust.core any more; users, "),
        (
            "ModuleNotFoundError: No module named 'locust.events'; 'locust.events' is not a package",
            "Locust has no locust.events any more; ",
        ),
        ("ModuleNotFoundError: No module named 'locust_plugins'", "scenario: {requirements: …} if locust-pl"),
        ("KeyError: 'x'", ""),
    ],
)
def test_what_helps_depends_on_what_is_missing(output: str, key: str) -> None:
    fix = suggest_fix(output)
    assert fix.startswith(key)
    assert bool(fix) is bool(key)
