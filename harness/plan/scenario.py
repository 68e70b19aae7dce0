"""Read the scenario, and check that its locustfiles exist and are Python."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from os.path import abspath, isdir, isfile
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError, Problem
from harness.model import Scenario
from harness.plan.schema.matrix import ScenarioSection
from harness.plan.schema.quoting import quote
from harness.plan.working_folder import find_working_folder
from harness.plan.yaml.document import KeyPath, read_bytes, shorten_path
from harness.plan.yaml.problems import list_names, suggest_sibling
from harness.plan.yaml.reading import Reading

_LOCUSTFILE = "locustfile.py"
_MOST_FILES = 100


class LoadedScenario(NamedTuple):
    """A scenario, and what its user should know of how Locust is started with it."""

    scenario: Scenario
    notes: tuple[str, ...] = ()


def read_scenario(reading: Reading, section: ScenarioSection, target_folder: Path | None) -> LoadedScenario:
    """Return the matrix's scenario with absolute paths.

    Without `locustfile` in the matrix, the locustfile is locustfile.py in the target's folder.
    `target_folder` is None for a target given inline.
    """
    files = _find_locustfiles(reading, section.locustfile or (), target_folder)
    scenario = Scenario(
        files,
        section.users,
        section.tags,
        section.exclude_tags,
        section.arguments,
        _find_requirements(reading, section.requirements),
        base=section.base,
    )
    if section.folder is not None:
        return LoadedScenario(replace(scenario, folder=_find_folder(reading, section.folder)))
    if not files or reading.problems:
        return LoadedScenario(scenario)
    found = find_working_folder(files, reading.folder)
    if found.folder == files[0].parent:
        return LoadedScenario(scenario)
    name = os.path.relpath(found.folder, reading.folder)
    return LoadedScenario(
        replace(scenario, folder=found.folder),
        (
            f"Locust starts in {name}/, because {' and '.join(found.reasons)} "
            f"{'is' if len(found.reasons) == 1 else 'are'} found from there; "
            "scenario: {folder: …} names another folder",
        ),
    )


def _find_locustfiles(reading: Reading, names: Sequence[str], target_folder: Path | None) -> tuple[Path, ...]:
    """Return the locustfiles of the matrix, and those of the folders among them as Locust would find them."""
    if not names:
        return _find_default_files(reading, target_folder)
    files: list[Path] = []
    for index, name in enumerate(names):
        at: KeyPath = ("scenario", "locustfile", index)
        for each in _split_names(reading.folder, name):
            path = Path(abspath(reading.folder / each))
            found = _list_folder(reading, path, each, at) if isdir(path) else [path]
            for file in found:
                _check_locustfile(reading, file, each if file == path else shorten_path(file), at)
                if file in files:
                    reading.report(at, "this file is listed twice; keep one")
            files += found
    return tuple(files)


def _split_names(folder: Path, name: str) -> list[str]:
    """Split a list of names at its commas, as Locust does, unless a file has this name."""
    parts = [part.strip() for part in name.split(",")]
    return [name] if (folder / name).exists() else [part for part in parts if part] or [name]


def _list_folder(reading: Reading, folder: Path, name: str, at: KeyPath) -> list[Path]:
    """Return the Python files that Locust loads of a folder: all below it whose name has no leading `_`."""
    files = sorted(
        Path(parent) / file
        for parent, _, names in os.walk(folder)
        for file in names
        if file.endswith(".py") and not file.startswith("_") and isfile(os.path.join(parent, file))
    )
    if not files:
        reading.report(at, f"the folder {quote(name)} holds no Python file; write a locustfile")
    if len(files) > _MOST_FILES:
        reading.report(
            at,
            f"the folder {quote(name)} holds {len(files)} Python files; write the names of the locustfiles",
        )
        return []
    return files


def _find_folder(reading: Reading, name: str) -> Path:
    folder = Path(abspath(reading.folder / name))
    if not isdir(folder):
        others = list_names(folder.parent, Path.is_dir)
        near = suggest_sibling(name, others, "folders there")
        reading.report(("scenario", "folder"), f"no folder {quote(name)}{near}")
    return folder


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
    if "://" in name:
        reading.report(at, f"{quote(name)} is an address; write the path of a file here")
    elif not isfile(file):
        others = list_names(file.parent, lambda entry: entry.suffix == ".py")
        near = suggest_sibling(name, others, "Python files there")
        reading.report(at, f"no locustfile {quote(name)}{near}")
    elif file.suffix != ".py":
        reading.report(at, f"Locust loads only files that end in .py; rename {quote(name)}")
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
