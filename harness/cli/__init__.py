"""Arguments in, exit code out: the only print, the only exit."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn, cast

import typer

from harness.cli import init as beginning
from harness.cli import maintenance
from harness.cli import results as reading
from harness.cli import run as measuring
from harness.cli.console import INTERRUPTED, NOT_MEASURED, USER_MISTAKE, app, err
from harness.cli.progress import safe
from harness.errors import HarnessError, UsageError

__all__ = ["app", "beginning", "main", "maintenance", "measuring", "reading"]

MISUSE = cast(type[typer.BadParameter], typer.BadParameter.__mro__[1])
"""The command-line library's own usage error, whichever copy of it typer brings along."""


def main() -> NoReturn:
    """Run the command line; every failure has one place where it becomes words and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        code = app(standalone_mode=False)
    except MISUSE as error:
        if error.format_message():
            err.print(f"error: {safe(error.format_message())}")
        code = USER_MISTAKE
    except HarnessError as error:
        err.print(f"error: {safe(str(error))}")
        code = USER_MISTAKE if isinstance(error, UsageError) else NOT_MEASURED
    except (KeyboardInterrupt, typer.Abort):
        err.print("interrupted: what was measured is kept, what was started is removed")
        code = INTERRUPTED
    sys.exit(code)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """The first time: remove what was started, draw what was measured. The second time: leave at once.

    Locust dies with us; a container that is left is removed by the next run, or by `harness clean`.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted_again)
    raise KeyboardInterrupt


def _interrupted_again(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"left at once: `make clean`, or the next run, removes what is still there\n")
    os._exit(INTERRUPTED)
