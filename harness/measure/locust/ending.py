"""Read in Locust's log what ended it, so that the cause can be named in words."""

import re
import signal
from pathlib import PurePath

_OUR_MARK = "harness: "
"""The start of a line in which the plugin says what ends Locust: `harness_endings.LOG_MARK`."""

_LOG_LINE = re.compile(r"\[[^\]]*\] \S+?/(?P<level>[A-Z]+)/(?P<logger>\S+): (?P<text>.*)")
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<path>[^"]+)", line (?P<line>\d+)')
_OURS = "endings|host|options|other_errors|plugin|requests|seeds|target_only|task_errors|telemetry|user_time"
_LIBRARY = re.compile(
    r"^<|site-packages|dist-packages|/lib/python3[.\d]*/"
    rf"|(^|/)harness_({_OURS}|worker_relay)\.py$"
)
_STARTED = "Shape test starting"
_USAGE_ERROR = re.compile(r"\S+: error: .+")
_MAX_CHARACTERS = 300
_WEB_PAGE = re.compile(r"    .*\bweb_ui\b")
"""A traceback's line of code that uses Locust's web page."""


def describe_ending(who: str, code: int | None, log: str) -> str:
    """Return what ended a process (`who`, such as "Locust") with this exit code, on one line.

    `code` is None for a process that still runs but has closed its connection.
    """
    ending = f"{who} {describe_exit(code)}"
    cause = find_cause(log)
    return f"{cause}, so {ending}" if cause else ending


def describe_exit(code: int | None) -> str:
    """Return how a process ended, such as "ended with exit code 1"."""
    if code is None:
        return "closed its connection to the harness"
    killed = " (killed, by a person or by the kernel for lack of memory)" if code == -signal.SIGKILL else ""
    return f"ended with exit code {code}{killed}"


def find_cause(log: str) -> str:
    """Return what a log says of the end of its Locust process; "" if it says nothing."""
    lines = log.rstrip().splitlines()
    return (
        next((line.removeprefix(_OUR_MARK) for line in lines if line.startswith(_OUR_MARK)), "")
        or _find_stopped_test(lines)
        or _find_exception(lines)
        or ("somebody sent it SIGTERM" if "Got SIGTERM signal" in log else "")
        or next((line.strip() for line in lines[-3:] if _USAGE_ERROR.fullmatch(line.strip())), "")
    )[:_MAX_CHARACTERS]


def _find_stopped_test(lines: list[str]) -> str:
    """Return why Locust stops the test: it logs the text of a StopTest, then that it stops."""
    entry: re.Match[str] | None = None
    for line in lines:
        match = _LOG_LINE.fullmatch(line)
        if match and match["text"] == "Stopping Locust..." and entry and entry["level"] == "ERROR":
            return f"the scenario stopped the test ({entry['text'] or 'StopTest'})"
        entry = match or entry
    return ""


def _find_exception(lines: list[str]) -> str:
    """Return the last exception that ended the process; tasks and greenlets may end without that."""
    starts = [number for number, line in enumerate(lines) if line == _TRACEBACK]
    if not starts:
        return ""
    start = starts[-1]
    end = next((n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith(" ")), None)
    header = _LOG_LINE.fullmatch(lines[start - 1]) if start else None
    logged = header["text"] if header else ""
    is_in_listener = logged.startswith("Uncaught exception in event handler")
    is_at_start = is_in_listener and not any(_STARTED in line for line in lines)
    is_raw = header is None and end is not None and end >= len(lines) - 2
    is_critical = logged.startswith("Unhandled exception in greenlet")
    if end is None or not (is_at_start or is_raw or is_critical):
        return ""
    place = _find_place(lines[start:end])
    where = " in a listener" if is_at_start else ""
    if where and any(_WEB_PAGE.match(line) for line in lines[start:end]):
        where += ": environment.web_ui is None without Locust's web page"
    return f"{lines[end].strip()}{f' ({place})' if place else ''}{where}"


def _find_place(traceback: list[str]) -> str:
    """Return the innermost line of the user's own code, such as "locustfile.py:9"; "" if there is none."""
    frames = [frame for line in traceback if (frame := _FRAME.match(line))]
    own = [frame for frame in frames if not _LIBRARY.search(frame["path"])]
    return f"{PurePath(own[-1]['path']).name}:{own[-1]['line']}" if own else ""
