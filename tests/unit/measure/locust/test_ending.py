"""What ends Locust is read in its log."""

import pytest

from harness.measure.locust.ending import describe_ending, find_cause

START = "[2026-11-26 01:40:12,557] vm/INFO/locust.main: Starting Locust 2.47.0\n"
SHAPE = "[2026-11-26 01:40:12,559] vm/INFO/locust.runners: Shape test starting.\n"
LISTENER = "[2026-11-26 01:40:12,559] vm/ERROR/root: Uncaught exception in event handler: \n"
UNHANDLED = "[2026-11-26 01:40:12,559] vm/CRITICAL/locust.runners: Unhandled exception in greenlet: <x>\n"
IN_TASK = "[2026-11-26 01:40:12,559] vm/ERROR/locust.user.task: 'rows'\n"
TRACEBACK = """\
Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/locust/event.py", line 45, in fire
    handler(**kwargs)
  File "/home/me/shop/locustfile.py", line 10, in pages
    pages.app
  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode
    ^^^^^^^^^^
AttributeError: no app
"""


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("", ""),
        (START + SHAPE, ""),
        (
            f"{SHAPE}harness: locustfile.py:9 called runner.quit()\n"
            "harness: locustfile.py:9 called runner.stop()\n",
            "locustfile.py:9 called runner.quit()",
        ),
        (START + LISTENER + TRACEBACK, "AttributeError: no app (locustfile.py:10) in a listener"),
        (
            START + LISTENER + TRACEBACK.replace("    pages.app\n", "    ui = environment.web_ui\n"),
            "AttributeError: no app (locustfile.py:10) in a listener: "
            "environment.web_ui is None without Locust's web page",
        ),
        (START + SHAPE + LISTENER + TRACEBACK, ""),
        (START + SHAPE + IN_TASK + TRACEBACK, ""),
        (START + SHAPE + UNHANDLED + TRACEBACK, "AttributeError: no app (locustfile.py:10)"),
        (TRACEBACK, "AttributeError: no app (locustfile.py:10)"),
        (SHAPE + TRACEBACK + "2026-11-26T01:40:13Z <Greenlet at 0x1: f> failed with X\n\n" + START, ""),
        (
            "[x] vm/ERROR/locust.runners: database is empty\n"
            "[x] vm/WARNING/locust.runners: Stopping Locust...\n",
            "the scenario stopped the test (database is empty)",
        ),
        (
            "[x] vm/ERROR/locust.runners: database is empty\nfill it first\n"
            "[x] vm/WARNING/locust.runners: Stopping Locust...\n",
            "the scenario stopped the test (database is empty)",
        ),
        (
            "[x] vm/ERROR/root: an error\n[x] vm/INFO/root: another line\n"
            "[x] vm/WARNING/locust.runners: Stopping Locust...\n",
            "",
        ),
        (START + "[x] vm/INFO/locust.main: Got SIGTERM signal\n", "somebody sent it SIGTERM"),
        (
            "usage\nlocust: error: unrecognized arguments: --pages\n",
            "locust: error: unrecognized arguments: --pages",
        ),
    ],
)
def test_the_cause_of_an_end_is_found_in_the_log(log: str, cause: str) -> None:
    assert find_cause(log) == cause


def test_an_ending_names_its_cause_and_the_exit_code() -> None:
    log = "harness: locustfile.py:9 called sys.exit(3)"
    assert describe_ending("Locust", 3, log) == (
        "locustfile.py:9 called sys.exit(3), so Locust ended with exit code 3"
    )
    assert describe_ending("Locust", 1, "") == "Locust ended with exit code 1"
    assert "killed, by a person or by the kernel" in describe_ending("Locust", -9, "")
    assert describe_ending("Locust", None, "") == "Locust closed its connection to the harness"


def test_a_long_cause_is_cut() -> None:
    assert len(find_cause("harness: " + "x" * 1000)) == 300
