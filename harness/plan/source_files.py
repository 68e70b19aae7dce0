"""Find the files that decide what is measured: build contexts, and locustfiles with their imports."""

import ast
import os
import tomllib
import warnings
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path

from harness.model import EVENTS_FILE, PLAN_FILE, Scenario
from harness.plan.dockerignore import DOCKERIGNORE_FILE, IgnoreRules, read_ignore_rules

MOST_FILES = 50_000
_MOST_BYTES = 1024 * 1024 * 1024
_MOST_SOURCE_BYTES = 1024 * 1024
_MOST_SOURCES = 1_000
_HOST_VARIABLES = frozenset(
    {"HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "USER"}
)
_IGNORED_NAMES = frozenset({"__pycache__", ".git"})


def find_context_files(context: Path, dockerfile: str = "Dockerfile") -> Iterator[Path]:
    """Yield the files and links of a build context, sorted by name, whose change makes another target.

    These are the files that .dockerignore does not name, without compiled Python, .git and the folders of
    campaigns, which every run may change. `list_build_context` lists what the engine is sent.

    Raises:
        ValueError: there are too many files, or too many bytes, to read whenever a campaign starts.
        OSError: a folder or a file can't be read.
    """
    rules = read_ignore_rules(context, dockerfile)
    count = size = 0
    for path in _walk(context, context, rules):
        if rules.is_ignored(path.relative_to(context).as_posix()) and path.name != DOCKERIGNORE_FILE:
            continue
        count, size = count + 1, size + path.lstat().st_size
        if count > MOST_FILES or size > _MOST_BYTES:
            raise ValueError(
                "holds over 1 GiB or 50,000 files; name what the image doesn't need in .dockerignore"
            )
        yield path


def _walk(folder: Path, context: Path, rules: IgnoreRules) -> Iterator[Path]:
    """Yield the files and links below a folder; an ignored folder that may not be read is left out."""
    try:
        entries = sorted(folder.iterdir())
    except PermissionError:
        if folder == context or not rules.is_ignored(folder.relative_to(context).as_posix()):
            raise
        return
    for entry in entries:
        if entry.name in _IGNORED_NAMES or entry.suffix == ".pyc" or is_campaign(entry):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry, context, rules)
        elif entry.is_file() or entry.is_symlink():
            yield entry


def is_campaign(folder: Path) -> bool:
    """Return True for the folder of a campaign, and for a link to one."""
    return os.path.isfile(folder / EVENTS_FILE) and os.path.isfile(folder / PLAN_FILE)


def find_scenario_files(scenario: Scenario) -> list[Path]:
    """Return the locustfiles, the local modules that they import, and the files that they name as text.

    Locust's settings in the working folder belong to the scenario too. Modules and files are looked for in
    that folder, and in the folders of the locustfiles and of the module that names them.
    """
    locustfiles, folder = scenario.locustfiles, scenario.working_folder
    roots = tuple(dict.fromkeys([*(file.parent for file in locustfiles), folder]))
    files = dict.fromkeys([*locustfiles, *find_settings_files(folder)])
    sources = list(locustfiles)
    while sources and len(files) < _MOST_SOURCES:
        source = sources.pop()
        tree, folders = parse_source(source), (*roots, source.parent)
        paths = chain(_find_imported_files(tree, folders), _find_named_files(tree, folders))
        new = [path for path in paths if path not in files]
        files |= dict.fromkeys(new)
        sources += [path for path in dict.fromkeys(new) if path.suffix == ".py"]
    return list(files)


def find_settings_files(folder: Path) -> list[Path]:
    """Return the files with settings of Locust in the folder in which it starts."""
    project = folder / "pyproject.toml"
    names = (folder / "locust.conf", *([project] if _has_locust_settings(project) else []))
    return [path for path in names if os.path.isfile(path)]


def _has_locust_settings(project: Path) -> bool:
    try:
        with project.open("rb") as file:
            tools = tomllib.load(file).get("tool")
    except (OSError, ValueError):
        return False
    return isinstance(tools, dict) and "locust" in tools


def find_named_variables(files: Iterable[Path], environ: Collection[str]) -> set[str]:
    """Return the variables of `environ` whose name is a text constant in one of the Python files.

    Variables that describe this host, such as PATH and HOME, are left out.
    """
    nodes = (node for file in files if file.suffix == ".py" for node in ast.walk(parse_source(file)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & (set(environ) - _HOST_VARIABLES)


def parse_source(source: Path) -> ast.AST:
    """Return the syntax tree; an empty one if the file isn't Python, or can't be read or parsed."""
    try:
        with source.open("rb") as file, warnings.catch_warnings(action="ignore"):
            return ast.parse(file.read(_MOST_SOURCE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _find_imported_files(tree: ast.AST, folders: tuple[Path, ...]) -> Iterator[Path]:
    for name in find_imported_names(tree):
        yield from find_module_files(name, folders)


def find_imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a module imports; what stands after `from … import` may be a module too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from filter(None, [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)])


def find_module_files(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that importing a dotted name runs: the packages on the way, and the module."""
    parts = name.split(".")
    for folder in folders:
        for depth in range(1, len(parts) + 1):
            base = folder.joinpath(*parts[:depth])
            yield from filter(os.path.isfile, (base.with_name(base.name + ".py"), base / "__init__.py"))


def _find_named_files(tree: ast.AST, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files whose path, relative to one of the folders, is a text constant in the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_file_name(node.value):
            paths = (Path(os.path.normpath(folder / node.value)) for folder in folders)
            yield from filter(os.path.isfile, paths)


def is_file_name(text: str) -> bool:
    """Return True if the text may be the relative path of a file."""
    return 0 < len(text) < 256 and text.isprintable() and not text.startswith("/")
