"""The scenario: which locustfiles, and whether they are there and are Python."""

import warnings
from os.path import abspath, isdir, isfile
from pathlib import Path

from harness.errors import InputError, Problem
from harness.model import Scenario
from harness.plan.schema.matrix import ScenarioSection
from harness.plan.schema.units import quoted
from harness.plan.yaml.document import Document, KeyPath, read_bounded, shown
from harness.plan.yaml.problems import beside, nearest

FILE = "locustfile.py"


def read_scenario(
    section: ScenarioSection,
    document: Document,
    folder: Path,
    target_folder: Path | None,
    problems: list[Problem],
) -> Scenario:
    """The scenario with absolute paths; `folder` is the matrix file's.

    Without locustfile in the matrix it is the one in the target's folder.
    """
    given = section.locustfile if section.locustfile is not None else ()
    files = tuple(Path(abspath(folder / name)) for name in given)
    for index, file in enumerate(files):
        problems += locustfile_problems(file, given[index], ("scenario", "locustfile", index), document)
        if file in files[:index]:
            problems.append(document.problem(("scenario", "locustfile", index), "is there already; keep one"))
    if not files:
        files = default_files(document, target_folder, problems)
    requirements = folder / section.requirements if section.requirements is not None else None
    if requirements is not None and not isfile(requirements):
        at: KeyPath = ("scenario", "requirements")
        problems.append(
            document.problem(at, f"no file {quoted(section.requirements)}; write the one for pip")
        )
    return Scenario(
        files,
        section.users,
        section.tags,
        section.exclude_tags,
        section.arguments,
        Path(abspath(requirements)) if requirements else None,
    )


def default_files(
    document: Document, target_folder: Path | None, problems: list[Problem]
) -> tuple[Path, ...]:
    at: KeyPath = ("scenario",) if "scenario" in document.values else ("target",)
    if target_folder is None:
        message = "a target given inline needs a scenario; write scenario: {locustfile: locustfile.py}"
        problems.append(document.problem(at, message))
        return ()
    file = target_folder / FILE
    problems += locustfile_problems(file, shown(file), at, document)
    return (file,)


def locustfile_problems(file: Path, given: str, at: KeyPath, document: Document) -> list[Problem]:
    if isdir(file):
        return [document.problem(at, f"{quoted(given)} is a folder; write the {FILE} in it")]
    if not isfile(file):
        near = nearest(given, beside(given, python_names(file.parent))).replace(
            "known here", "Python files there"
        )
        return [document.problem(at, f"no locustfile {quoted(given)}{near}")]
    try:
        source = read_bounded(file)
    except InputError as error:
        return list(error.problems)
    return syntax_problems(source, shown(file))


def python_names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir() if entry.suffix == ".py"]
    except OSError:
        return []


def syntax_problems(source: bytes, file: str) -> list[Problem]:
    """Why the source doesn't compile, with line and column in that file; nothing if it does."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"the scenario is not Python: {error.msg}"
        return [Problem(file, error.lineno or 0, max(error.offset or 1, 1), message)]
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return [Problem(file, 0, 0, f"the scenario is not Python: {error or 'nested too deeply'}")]
    return []
