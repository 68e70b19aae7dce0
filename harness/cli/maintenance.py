"""The commands before and after a campaign: doctor checks this machine, clean removes what was left."""

import contextlib
import inspect
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import DONE, NOT_MEASURED, ResultsOption, app, say
from harness.errors import EngineError, HarnessError
from harness.measure.docker.host import DockerHost
from harness.measure.doctor import Level, examine
from harness.measure.protocols import MonotonicClock
from harness.model import DEFAULT_ENGINE, Engine, EngineWorkers
from harness.plan import load_plan
from harness.store import remove_partial_files

_PACKAGE = Path(__file__).resolve().parents[1]
_DEFAULT_MATRIX = Path("matrix.yaml")


@app.command("doctor")
def doctor(
    results: ResultsOption = Path("results"),
    matrix: Annotated[
        Path | None,
        typer.Option(
            help="The matrix whose engines to check; by default matrix.yaml if there is one, "
            "otherwise only Docker's current engine.",
            metavar="MATRIX",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Check whether this machine and its engines can measure, and how well; exit code 2 if they can't."""
    has_error = False
    for finding in examine(results, find_engines(matrix)):
        has_error = has_error or finding.level is Level.ERROR
        say(f"{finding.level + ':':<9}{finding.what}")
        if finding.fix:
            say(f"         try: {finding.fix}")
    if not has_error and not _can_make():
        say("\nwhat there is to do:")
        for line in list_commands():
            say(line)
    return NOT_MEASURED if has_error else DONE


def _can_make() -> bool:
    """Return True in a checkout with make, whose own help lists what there is to do."""
    return (_PACKAGE.parent / "Makefile").is_file() and shutil.which("make") is not None


def list_commands() -> list[str]:
    """Return a line for each command of the harness, with the first sentence of its help."""
    helps = {
        str(command.name): inspect.getdoc(command.callback) or ""
        for command in app.registered_commands
        if command.callback is not None and not command.hidden
    }
    width = max(map(len, helps))
    return [f"  harness {name:<{width}}  {_find_first_sentence(text)}" for name, text in helps.items()]


def _find_first_sentence(text: str) -> str:
    """Return the first line up to its first full stop or semicolon."""
    return re.split(r"[.;](?:\s|$)", text.splitlines()[0] if text else "")[0]


def find_engines(matrix: Path | None) -> Mapping[str | None, Engine]:
    """Return the engines that a command is about, by name; the name is None if there is only one."""
    if matrix is not None:
        return _read_engines(matrix)
    if _DEFAULT_MATRIX.is_file():
        try:
            return _read_engines(_DEFAULT_MATRIX)
        except HarnessError:
            say(f"warning: {_DEFAULT_MATRIX} has mistakes, so only Docker's current engine counts")
            say("         try: harness plan")
    return {None: DEFAULT_ENGINE}


def _read_engines(matrix: Path) -> Mapping[str | None, Engine]:
    """Return the engines of a matrix: those of the targets, and those that the load comes from."""
    plan = load_plan(matrix)
    engines = dict(plan.engines)
    if isinstance(plan.load, EngineWorkers):
        engines |= {f"engine {number} of load": engine for number, engine in enumerate(plan.load.engines, 1)}
    return engines


@app.command("clean")
def clean(
    results: ResultsOption = Path("results"),
    matrix: Annotated[
        Path | None,
        typer.Option(
            help="The matrix whose engines to clean, beside Docker's current one; by default matrix.yaml if "
            "there is one.",
            metavar="MATRIX",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Remove what the harness left: containers, networks, replaced images, half-written files."""
    named = list(dict.fromkeys(find_engines(matrix).values()))
    removed, errors = 0, list[EngineError]()
    for engine in dict.fromkeys((*named, DEFAULT_ENGINE)):
        try:
            removed += _show_removed(_clean_engine(engine))
        except EngineError as error:
            errors += [error] if engine in named else []
    removed += _show_removed(map(str, remove_partial_files(results)))
    if errors:
        raise errors[0]
    say(f"{removed} removed" if removed else "nothing to remove")
    return DONE


def _clean_engine(engine: Engine) -> list[str]:
    """Remove what the harness left on an engine; return its names. Raises EngineError."""
    opened = DockerHost("harness clean", MonotonicClock(), engine=engine)
    with contextlib.closing(opened) as host, host.reserve():
        return host.remove_leftovers() + host.remove_old_images()


def _show_removed(names: Iterable[str]) -> int:
    """Print what was removed; return how many these are."""
    shown = list(names)
    for name in shown:
        say(f"removed {name}")
    return len(shown)
