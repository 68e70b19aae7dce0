"""The command line: arguments in, exit code out. Nothing else prints or exits."""

import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn, cast

import typer
from typer.main import get_command

from harness.cli import (
    ab,
    change,
    costs,
    demo,
    export,
    init,
    maintenance,
    metrics,
    results,
    run,
    trials,
    watch,
)
from harness.cli.console import DONE, INTERRUPTED, NOT_MEASURED, USER_MISTAKE, app, err
from harness.errors import HarnessError, UsageError
from harness.report.view.text import clean_lines

__all__ = [
    "ab",
    "app",
    "change",
    "costs",
    "demo",
    "export",
    "init",
    "main",
    "maintenance",
    "metrics",
    "results",
    "run",
    "run_command",
    "trials",
    "watch",
]

_ORDER = (
    *("demo", "init", "doctor", "plan", "run", "watch", "metrics", "report", "judge"),
    *("compare", "ab", "size", "costs", "export", "burst", "soak", "check", "change", "comment", "clean"),
)
"""The commands in the order of their use, as `harness --help` lists them."""

app.registered_commands.sort(key=lambda command: _ORDER.index(str(command.name)))

_COMMAND = get_command(app)

_TyperUsageError = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])
"""The base class of all usage errors of typer, which typer itself does not export."""


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # not every terminal has all characters of a report
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run a command, and turn every failure into a message; return the exit code."""
    try:
        return int(_COMMAND(list(arguments), standalone_mode=False) or DONE)
    except _TyperUsageError as error:
        if error.format_message():
            _print_error(error.format_message())
        return USER_MISTAKE
    except HarnessError as error:
        _print_error(str(error))
        return USER_MISTAKE if isinstance(error, UsageError) else NOT_MEASURED
    except OSError as error:
        _print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return NOT_MEASURED
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted: finished steps are stored, and started containers are removed")
        return INTERRUPTED


def _print_error(message: str) -> None:
    err.print(f"error: {clean_lines(message)}", markup=False, soft_wrap=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, so that containers are removed; end at once at the next signal.

    Locust ends with this process. The next run, or `harness clean`, removes containers that are left.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _abort)
    raise KeyboardInterrupt


def _abort(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"aborted: `harness clean`, or the next run, removes the containers that are left\n")
    os._exit(INTERRUPTED)
