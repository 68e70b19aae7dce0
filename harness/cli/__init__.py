"""The command line: arguments in, exit code out. Nothing else prints or exits."""

import io
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
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

SignalHandler = Callable[[int, FrameType | None], None]

_TWICE_WITHIN_S = 0.5
"""Signals so close together are one: who closes a terminal hangs up on the harness and on its shell, which
passes it on, and make and service managers do so with other signals.
"""

_TyperUsageError = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])
"""The base class of all usage errors of typer, which typer itself does not export."""


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    handle_interrupts(_interrupt)
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


def handle_interrupts(handler: SignalHandler) -> None:
    """Let the handler take the signals that interrupt a command.

    A hangup that is ignored stays ignored: `nohup harness run` is to outlive its terminal.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, so that containers are removed; end at once at the next signal.

    Locust ends with this process. The next run, or `harness clean`, removes containers that are left.
    """
    handle_interrupts(build_abort(time.monotonic() + _TWICE_WITHIN_S))
    raise KeyboardInterrupt


def show_cursor(descriptor: int) -> None:
    """Show the cursor of a terminal, which the live display hides; do nothing with a file or a pipe."""
    if os.isatty(descriptor):
        os.write(descriptor, b"\x1b[?25h")


def build_abort(from_s: float) -> SignalHandler:
    """Return a handler that ends this process at once, but does nothing before this instant."""

    def abort(_number: int, _frame: FrameType | None) -> None:
        if time.monotonic() >= from_s:
            show_cursor(1)
            os.write(2, b"aborted: `harness clean`, or the next run, removes the containers that are left\n")
            os._exit(INTERRUPTED)

    return abort
