"""Find the folder in which a scenario's users start Locust: what its files import and open decides.

Locust reads a locustfile's imports from the locustfile's own folder and from the folder in which it is
started, and relative paths of files from the latter only. Nothing of the scenario is run for this.
"""

import ast
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from itertools import takewhile
from pathlib import Path

from harness.plan.source_files import (
    find_imported_names,
    find_module_files,
    find_settings_files,
    is_file_name,
    parse_source,
)

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "package.json")
_MOST_SOURCES = 200
_REASONS_SHOWN = 3

_JOINS = frozenset({"join", "joinpath", "Path", "PurePath"})
"""Functions that make a path of parts."""

_LISTINGS = frozenset({"listdir", "scandir", "walk", "glob", "iglob"})
"""Functions that list what a folder holds."""

_CURRENT = frozenset({"getcwd", "cwd"})
"""Functions that return the folder in which a program was started."""


@dataclass(frozen=True, slots=True)
class WorkingFolder:
    """The folder to start Locust in. `reasons` are what it holds and the locustfile's own folder doesn't."""

    folder: Path
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Finds:
    """What the scenario finds if Locust starts in `folder`: modules, files by relative path, and settings."""

    folder: Path
    modules: frozenset[str]
    files: frozenset[str]
    settings: frozenset[str]

    @property
    def rank(self) -> tuple[int, int, int]:
        """The more the scenario finds, the higher. Without its modules it can't even be loaded."""
        return len(self.modules), len(self.files), len(self.settings)


def find_working_folder(locustfiles: Sequence[Path], matrix_folder: Path) -> WorkingFolder:
    """Return the folder in which most of what the locustfiles name is found.

    The candidates are the first locustfile's folder, those above it up to its project's root, and the
    matrix's folder. If several are equal, the first of them in this order is taken.
    """
    parse = cache(parse_source)
    own = locustfiles[0].parent
    finds = [_look_around(locustfiles, folder, parse) for folder in _list_candidates(own, matrix_folder)]
    best = max(finds, key=lambda each: each.rank)  # the first of equals
    own_finds = finds[0]
    modules = sorted(best.modules - own_finds.modules)
    gained = (
        *(name for name in modules if name.rpartition(".")[0] not in modules),
        *sorted(best.files - own_finds.files),
        *sorted(best.settings - own_finds.settings),
    )
    return WorkingFolder(best.folder, gained[:_REASONS_SHOWN])


def _list_candidates(own: Path, matrix_folder: Path) -> list[Path]:
    """Return the folders from the locustfile's own up to the root of its project, then the matrix's folder.

    The root is the folder of the repository. Outside of one it is the highest folder with a project's file,
    with the matrix, or with the packages that the locustfile lies in.
    """
    candidates, root = [own], own
    for folder in own.parents:
        is_outside = folder in (Path(os.path.expanduser("~")), Path(folder.anchor))
        if is_outside or os.path.exists(root / ".git"):
            break
        below = candidates[-1]
        candidates.append(folder)
        is_marked = any(os.path.exists(folder / name) for name in (*_PROJECT_FILES, ".git"))
        if is_marked or folder == matrix_folder or os.path.isfile(below / "__init__.py"):
            root = folder
    inside = candidates[: candidates.index(root) + 1]
    return inside if matrix_folder in inside else [*inside, matrix_folder]


def _look_around(locustfiles: Sequence[Path], folder: Path, parse: Callable[[Path], ast.AST]) -> _Finds:
    """Return what the scenario finds if Locust starts in the folder."""
    import_folders = tuple(dict.fromkeys([*(file.parent for file in locustfiles), folder]))
    modules: set[str] = set()
    texts: set[str] = set()
    sources = list(locustfiles)
    for source in sources:
        tree = parse(source)
        texts.update(find_path_texts(tree))
        for name in find_imported_names(tree):
            found = (
                list(find_module_files(name, import_folders)) if _may_be_local(name, import_folders) else []
            )
            modules |= {name} if found else set()
            if len(sources) < _MOST_SOURCES:
                sources += [path for path in dict.fromkeys(found) if path not in sources]
    settings = frozenset(path.name for path in find_settings_files(folder))
    files = frozenset(text for text in texts if _exists(folder, text))
    return _Finds(folder, frozenset(modules), files, settings)


def _may_be_local(name: str, folders: Sequence[Path]) -> bool:
    """Return False if Python takes the module from elsewhere, whatever the folders hold.

    A folder without an `__init__.py` is a package only if no installed package has its name.
    """
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "locust":
        return False
    installed = PathFinder.find_spec(top, [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    return installed is None or any(
        os.path.isfile(folder / f"{top}.py") or os.path.isfile(folder / top / "__init__.py")
        for folder in folders
    )


def _exists(folder: Path, text: str) -> bool:
    path = folder / text
    return os.path.isdir(path) if text.endswith("/") else os.path.isfile(path)


def find_path_texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that may be paths relative to the folder in which it is started.

    A folder's text ends in "/". Paths that begin with something unknown, such as the folder of `__file__`,
    are left out.
    """
    text = _read_path(node)
    if text is not None:
        if is_file_name(text):
            yield text
            if isinstance(node, ast.Call | ast.BinOp) and not text.endswith("/"):
                yield f"{text}/"
        return
    if isinstance(node, ast.Call) and _get_name(node.func) in _LISTINGS and node.args:
        pattern = _read_path(node.args[0])
        if pattern is not None and is_file_name(folder := _get_folder(pattern)):
            yield folder
    is_unknown_path = isinstance(node, ast.BinOp) or _is_join(node)
    for child in ast.iter_child_nodes(node):
        if not (is_unknown_path and isinstance(child, ast.Constant | ast.JoinedStr)):
            yield from find_path_texts(child)


def _get_folder(pattern: str) -> str:
    """Return the folder that a listing's pattern names: `data/` for "data", and for "data/*.csv"."""
    fixed = pattern.partition("*")[0]
    return f"{fixed.rstrip('/')}/" if fixed == pattern else fixed[: fixed.rfind("/") + 1]


def _get_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_join(node: ast.AST) -> bool:
    """Return True for a call that makes a path of its arguments; the `join` of a text makes none."""
    if not isinstance(node, ast.Call) or _get_name(node.func) not in _JOINS:
        return False
    return not (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant))


def _read_path(node: ast.AST) -> str | None:
    """Return the path that an expression means, as far as its beginning is known; None if it is not."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text[: text.rfind("/") + 1] or None
        case ast.Call() if _is_join(node):
            return _join(list(_list_parts(node)))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _join([left, right])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = _read_path(left), _read_path(right)
            if first is None:
                return None
            return first[: first.rfind("/") + 1] or None if second is None else first + second
    return None


def _list_parts(call: ast.Call) -> Iterator[ast.expr]:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "joinpath":
        yield call.func.value
    yield from call.args


def _join(parts: Sequence[ast.expr]) -> str | None:
    """Join the parts of a path up to the first unknown one; None if already the first is unknown.

    The folder in which the program was started may be the first part.
    """
    if parts and isinstance(parts[0], ast.Call) and _get_name(parts[0].func) in _CURRENT:
        parts = parts[1:]
    texts = [_read_path(part) for part in parts]
    known = list(takewhile(lambda text: text is not None, texts))
    if not known:
        return None
    joined = "/".join(str(text).rstrip("/") for text in known)
    return joined if len(known) == len(texts) else f"{joined}/"
