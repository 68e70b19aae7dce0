"""Read the scenario: which locustfiles, and whether they exist and are Python."""

import warnings
from os.path import abspath, isdir, isfile
from pathlib import Path

from harness.errors import InputError, Problem
from harness.model import Scenario
from harness.plan.schema.matrix import ScenarioSection
from harness.plan.schema.quoting import quote
from harness.plan.yaml.document import KeyPath, read_bytes, shorten_path
from harness.plan.yaml.problems import name_siblings, suggest_nearest
from harness.plan.yaml.reading import Reading

_FILE = "locustfile.py"


def read_scenario(reading: Reading, section: ScenarioSection, target_folder: Path | None) -> Scenario:
    """Return the matrix's scenario with absolute paths.

    Without `locustfile` in the matrix it is the one in the target's folder. A target given inline has none.
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
    file = target_folder / _FILE
    _check_locustfile(reading, file, shorten_path(file), at)
    return (file,)


def _find_requirements(reading: Reading, name: str | None) -> Path | None:
    if name is None:
        return None
    file = reading.folder / name
    if not isfile(file):
        reading.report(("scenario", "requirements"), f"no file {quote(name)}; write the path of a requirements file for pip")
    return Path(abspath(file))


def _check_locustfile(reading: Reading, file: Path, name: str, at: KeyPath) -> None:
    """Report a locustfile that doesn't exist or is not Python; `name` is how the matrix writes it."""
    if isdir(file):
        reading.report(at, f"{quote(name)} is a folder; write the {_FILE} in it")
    elif not isfile(file):
        near = suggest_nearest(name, name_siblings(name, _python_names(file.parent)))
        reading.report(at, f"no locustfile {quote(name)}{near.replace('known here', 'Python files there')}")
    else:
        try:
            reading.problems.extend(_find_syntax_problems(read_bytes(file), shorten_path(file)))
        except InputError as error:
            reading.problems.extend(error.problems)


def _python_names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if entry.suffix == ".py"]
    except OSError:
        return []


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
