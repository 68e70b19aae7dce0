"""The files whose contents decide what is measured: a build context, a locustfile with what it imports."""

import ast
import os
import warnings
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path

from harness.plan.dockerignore import ignoring

MOST_FILES = 50_000
MOST_BYTES = 1024 * 1024 * 1024
MOST_SOURCE_BYTES = 1024 * 1024
MOST_SOURCES = 1_000
OF_THIS_HOST = frozenset(
    {"HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TMPDIR", "USER"}
)
NOT_CONTENT = frozenset({"__pycache__", ".git"})


def context_files(context: Path) -> Iterator[Path]:
    """Files and links of a build context in order of their names, without what .dockerignore leaves out.

    Also left out: compiled Python, .git, and folders of campaigns, which each run would change.

    Raises:
        ValueError: there are too many files, or too many bytes, to read at each start.
        OSError: a folder or file can't be read.
    """
    is_ignored = ignoring(ignore_text(context))
    count = size = 0
    for path in walked(context):
        if is_ignored(path.relative_to(context).as_posix()) and path.name != ".dockerignore":
            continue
        count, size = count + 1, size + path.lstat().st_size
        if count > MOST_FILES or size > MOST_BYTES:
            raise ValueError(
                "holds over 1 GiB or 50,000 files; name what the image doesn't need in .dockerignore"
            )
        yield path


def ignore_text(context: Path) -> str:
    file = context / ".dockerignore"
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def walked(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name in NOT_CONTENT or entry.suffix == ".pyc" or is_campaign(entry):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from walked(entry)
        elif entry.is_file() or entry.is_symlink():
            yield entry


def is_campaign(folder: Path) -> bool:
    """Whether this is (a link to) a folder that the store wrote."""
    return os.path.isfile(folder / "events.jsonl") and os.path.isfile(folder / "plan.json")


def scenario_files(locustfiles: tuple[Path, ...]) -> list[Path]:
    """The locustfiles, the modules beside them that they import, and the files that these name in a text.

    Modules and files are looked for in the folders of the locustfiles and of the module that names them.
    """
    roots = tuple(dict.fromkeys(file.parent for file in locustfiles))
    found = dict.fromkeys(locustfiles)
    sources = list(found)
    while sources and len(found) < MOST_SOURCES:
        source = sources.pop()
        tree, near_roots = parsed(source), (*roots, source.parent)
        near = [
            path for path in chain(imported(tree, near_roots), named(tree, near_roots)) if path not in found
        ]
        found |= dict.fromkeys(near)
        sources += [path for path in dict.fromkeys(near) if path.suffix == ".py"]
    return list(found)


def parsed(source: Path) -> ast.AST:
    """The syntax tree; an empty one if it isn't Python of a bearable size."""
    try:
        with source.open("rb") as file, warnings.catch_warnings(action="ignore"):
            return ast.parse(file.read(MOST_SOURCE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def imported(tree: ast.AST, roots: tuple[Path, ...]) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
        else:
            continue
        for name in filter(None, names):
            yield from module_files(name.split("."), roots)


def module_files(parts: list[str], roots: tuple[Path, ...]) -> Iterator[Path]:
    """The files that importing a dotted name runs: packages on the way, and the module."""
    for root in roots:
        for depth in range(1, len(parts) + 1):
            base = root.joinpath(*parts[:depth])
            yield from filter(os.path.isfile, (base.with_name(base.name + ".py"), base / "__init__.py"))


def named(tree: ast.AST, roots: tuple[Path, ...]) -> Iterator[Path]:
    """Files whose path, relative to one of the roots, stands as a text in the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_file_name(node.value):
            yield from (root / node.value for root in roots if os.path.isfile(root / node.value))


def named_variables(files: Iterable[Path], environ: Collection[str]) -> set[str]:
    """Those of these variables whose name stands as a text in one of the files that are Python."""
    nodes = (node for file in files if file.suffix == ".py" for node in ast.walk(parsed(file)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & (set(environ) - OF_THIS_HOST)


def is_file_name(text: str) -> bool:
    return 0 < len(text) < 256 and text.isprintable() and not text.startswith("/") and ".." not in text
