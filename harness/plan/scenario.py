"""Read the scenario, and check that its locustfiles exist and are Python."""

import warnings
from os.path import abspath, isdir, isfile
from pathlib import Path

from harness.errors import InputError, Problem
from harness.model import Scenario
from harness.plan.schema.matrix import ScenarioSection
from harness.plan.schema.quoting import quote
from harness.plan.yaml.document import KeyPath, read_bytes, shorten_path
from harness.plan.yaml.problems import list_names, suggest_sibling
from harness.plan.yaml.reading import Reading

_LOCUSTFILE = "locustfile.py"


def read_scenario(reading: Reading, section: ScenarioSection, target_folder: Path | None) -> Scenario:
    """Return the matrix's scenario with absolute paths.

    Without `locustfile` in the matrix, the locustfile is locustfile.py in the target's folder.
    `target_folder` is None for a target given inline.
    """
    names = section.locustfile if section.locustfile is not None else ()
    files = tuple(Path(abspath(reading.folder / name)) for name in names)
    for index, file in enumerate(files):
        at: KeyPath = ("scenario", "locustfile", index)
        _check_locustfile(reading, file, names[index], at)
        if file in files[:index]:
            reading.report(at, "this file is listed twice; keep one")
    return Scenario(
        files or _find_default_files(reading, target_folder),
        section.users,
        section.tags,
        section.exclude_tags,
        section.arguments,
        _find_requirements(reading, section.requirements),
    )


def _find_default_files(reading: Reading, target_folder: Path | None) -> tuple[Path, ...]:
    at: KeyPath = ("scenario",) if "scenario" in reading.values else ("target",)
    if target_folder is None:
        reading.report(
            at, "a target given inline needs a scenario; write scenario: {locustfile: locustfile.py}"
        )
        return ()
    file = target_folder / _LOCUSTFILE
    _check_locustfile(reading, file, shorten_path(file), at)
    return (file,)


def _find_requirements(reading: Reading, name: str | None) -> Path | None:
    if name is None:
        return None
    file = reading.folder / name
    if not isfile(file):
        reading.report(
            ("scenario", "requirements"),
            f"no file {quote(name)}; write the path of a requirements file for pip",
        )
    return Path(abspath(file))


def _check_locustfile(reading: Reading, file: Path, name: str, at: KeyPath) -> None:
    """Report a locustfile that doesn't exist or is not Python; `name` is how the matrix writes it."""
    if isdir(file):
        reading.report(at, f"{quote(name)} is a folder; write the {_LOCUSTFILE} in it")
    elif not isfile(file):
        others = list_names(file.parent, lambda entry: entry.suffix == ".py")
        near = suggest_sibling(name, others, "Python files there")
        reading.report(at, f"no locustfile {quote(name)}{near}")
    else:
        try:
            reading.problems.extend(_find_syntax_problems(read_bytes(file), shorten_path(file)))
        except InputError as error:
            reading.problems.extend(error.problems)


def _find_syntax_problems(source: bytes, file: str) -> list[Problem]:
    """Return why the source doesn't compile, with its line and column; nothing if it does."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"the scenario is not Python: {error.msg}"
        return [Problem(file, error.lineno or 0, max(error.offset or 1, 1), message)]
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return [Problem(file, 0, 0, f"the scenario is not Python: {error or 'nested too deeply'}")]
    return []
