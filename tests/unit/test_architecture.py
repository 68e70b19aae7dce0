"""The rules of ARCHITECTURE.md on imports, names and lengths hold: they are read from the syntax trees."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
MODULES = sorted(HARNESS.rglob("*.py"))

LEVELS = (
    ("model",),
    ("errors",),
    ("plan",),
    ("measure", "analyse", "report", "store", "publish"),
    ("campaign", "watch"),
    ("cli",),
    ("__main__", "pytest_plugin"),
)
"""Rooms from the lowest level to the highest. A room may import from lower levels only."""

SHELVES = {
    "plan": ("schema", "yaml", "compose", "openapi"),
    "measure": ("host", "docker", "locust"),
    "analyse": ("search", "step", "result"),
    "report": ("view", "export", "html", "formats"),
}
"""The folders within a room: each may import from those before it."""

INSIDE_LOCUST = ["measure/locust_side"]

ROOMS = {
    "docker": ["measure"],
    "requests": ["measure", "publish"],
    "urllib3": ["measure"],
    "locust": INSIDE_LOCUST,
    "gevent": INSIDE_LOCUST,
    "geventhttpclient": INSIDE_LOCUST,
    "psutil": ["measure"],
    "pydantic": ["plan"],
    "pydantic_core": ["plan"],
    "referencing": ["plan"],
    "ruamel": ["plan"],
    "dotenv": ["plan"],
    "jsonschema": ["plan"],
    "yaml": ["plan"],
    "jinja2": ["report"],
    "markupsafe": ["report"],
    "tabulate": ["report"],
    "click": ["cli"],
    "rich": ["cli"],
    "prometheus_client": ["report/formats/metrics.py", "cli/metrics.py"],
    "pyarrow": ["store/request_table.py"],
    "pytest": ["pytest_plugin.py"],
    "typer": ["cli"],
    "numpy": ["model", "measure", "analyse", "store"],
}
"""The places where each outside library may be imported.

Docker's library raises errors of requests and urllib3; markupsafe comes with jinja2.
"""

IMPURE = {
    "asyncio",
    "http",
    "multiprocessing",
    "os",
    "random",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
"""Standard modules that pure rooms do not import: they reach the outside, the clock or chance."""

MOST_MODULE_LINES = 400
MOST_FUNCTION_LINES = 40
LONGER_WITH_REASON: dict[str, str] = {}
"""Functions that may be longer, such as "analyse/step/judge.py:_judge", each with the reason."""


NO_VERBS = set(
    "a after again all alone also an and another any as at before between both by each every few for from "
    "how if in it its many more most neither no nobody none not nothing of on one only other some such that "
    "the their then these they this those to two until up us we what when where whether which who whose why "
    "with within without".split()
)
"""First words of a docstring that are certainly no verb in the imperative."""

PARTICIPLES = re.compile(
    r"told|kept|ran|begun|said|held|sought|swept|born|taken|given|made|found|[a-z]{3,}ed"
)
"""Names of functions that say what something is, not what they do. Words with underscores are allowed."""


class Import(NamedTuple):
    module: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{format_path(self.module)}:{self.line} imports {self.name}"


def format_path(module: Path) -> str:
    return module.relative_to(HARNESS).as_posix()


@cache
def parse(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@cache
def list_nodes(module: Path) -> list[ast.AST]:
    return list(ast.walk(parse(module)))


def find_imports(module: Path) -> Iterator[Import]:
    """Yield every import of a module, also within functions and under conditions, by its full name."""
    for node in list_nodes(module):
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{format_path(module)}:{node.lineno} imports relatively"
            yield from (Import(module, node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def list_imports() -> list[Import]:
    return [found for module in MODULES for found in find_imports(module)]


def find_room(module: Path) -> str:
    return module.relative_to(HARNESS).parts[0].removesuffix(".py")


def find_level(name: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if name in rooms)


@cache
def find_functions(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in list_nodes(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_every_module_is_in_a_known_room() -> None:
    known = {name for rooms in LEVELS for name in rooms} | {"__init__"}
    assert {find_room(module) for module in MODULES} == known


def test_imports_point_down() -> None:
    wrong = []
    for found in list_imports():
        parts = found.name.split(".")
        if parts[0] != "harness" or len(parts) == 1:
            continue
        here = find_room(found.module)
        there = parts[1] if any(parts[1] in rooms for rooms in LEVELS) else "__init__"
        if there not in ("__init__", here) and (here == "__init__" or find_level(there) >= find_level(here)):
            wrong.append(str(found))
    assert wrong == []


def test_imports_within_a_room_point_one_way() -> None:
    wrong = []
    for found in list_imports():
        here = format_path(found.module).split("/")
        there = found.name.split(".")[1:]
        folders = SHELVES.get(here[0], ())
        is_within_room = found.name.startswith("harness.") and there[0] == here[0] and here[1] in folders
        if is_within_room and there[1] in folders and folders.index(there[1]) > folders.index(here[1]):
            wrong.append(str(found))
    assert wrong == []


def test_each_outside_library_has_one_room() -> None:
    wrong = []
    for found in list_imports():
        library = found.name.partition(".")[0]
        if library == "harness" or library in sys.stdlib_module_names:
            continue
        assert library in ROOMS, f"{found}, which has no room yet"
        if not any(format_path(found.module).startswith(allowed) for allowed in ROOMS[library]):
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("pure", ["model", "analyse", "report"])
def test_pure_rooms_use_neither_the_outside_nor_the_clock_nor_chance(pure: str) -> None:
    wrong = [
        str(found)
        for found in list_imports()
        if find_room(found.module) == pure and found.name.split(".")[0] in IMPURE
    ]
    assert wrong == []


def test_measuring_never_sees_an_slo() -> None:
    wrong = [
        str(found) for found in list_imports() if find_room(found.module) == "measure" and "Slo" in found.name
    ]
    assert wrong == []


def test_only_the_command_line_prints_and_exits() -> None:
    wrong = [
        f"{format_path(module)}:{node.lineno} calls {ast.unparse(node.func)}"
        for module in MODULES
        if find_room(module) != "cli"
        for node in list_nodes(module)
        if isinstance(node, ast.Call)
        if getattr(node.func, "id", None) in ("print", "exit", "quit")
        or (getattr(node.func, "attr", None) == "exit" and ast.unparse(node.func) == "sys.exit")
    ]
    raised = [
        f"{format_path(module)}:{node.lineno} raises SystemExit"
        for module in MODULES
        for node in list_nodes(module)
        if isinstance(node, ast.Raise) and node.exc is not None and "SystemExit" in ast.unparse(node.exc)
    ]
    assert wrong + raised == []


def test_no_name_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
    named = {part.removesuffix(".py") for module in MODULES for part in module.relative_to(HARNESS).parts}
    assert named & empty == set()


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_docstrings_of_functions_start_with_a_verb() -> None:
    wrong = [
        f"{format_path(module)}:{node.lineno} {node.name}: {docstring.splitlines()[0]}"
        for module in MODULES
        for node in find_functions(module)
        if not is_property(node) and (docstring := ast.get_docstring(node))
        if not docstring[0].isupper() or docstring.split()[0].rstrip(".,:;").lower() in NO_VERBS
    ]
    assert wrong == []


def test_functions_are_not_named_by_participles() -> None:
    wrong = [
        f"{format_path(module)}:{node.lineno} {node.name}"
        for module in MODULES
        for node in find_functions(module)
        if not is_property(node) and PARTICIPLES.fullmatch(node.name.strip("_"))
    ]
    assert wrong == []


def test_modules_stay_short() -> None:
    lengths = {
        format_path(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES
    }
    assert {name: length for name, length in lengths.items() if length > MOST_MODULE_LINES} == {}


def test_functions_stay_short_or_say_why_not() -> None:
    long = {
        f"{format_path(module)}:{node.name}": lines
        for module in MODULES
        for node in find_functions(module)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert {name: lines for name, lines in long.items() if name not in LONGER_WITH_REASON} == {}
    assert LONGER_WITH_REASON.keys() <= long.keys(), "an exemption that is not needed any more"


def test_every_module_says_what_it_is_for() -> None:
    silent = [format_path(module) for module in MODULES if not ast.get_docstring(parse(module))]
    assert silent in ([], ["__main__.py"])


def test_no_test_imports_another_test_module() -> None:
    """Read the lines, as the formatter writes them: to parse them all would take two seconds."""
    imports = re.compile(r"^ *(?:from|import) (tests\.[\w.]*\btest_\w+)", re.MULTILINE)
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for module in imports.findall(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []
