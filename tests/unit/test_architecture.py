"""The rules that keep it a house, read from the syntax trees."""

import ast
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
    ("measure", "analyse", "report", "store"),
    ("campaign",),
    ("cli",),
    ("__main__",),
)
"""Who stands below whom; rooms of one level do not know each other."""

INSIDE_LOCUST = ["measure/locust_side"]

ROOMS = {
    "docker": ["measure"],
    "requests": ["measure"],
    "urllib3": ["measure"],
    "locust": INSIDE_LOCUST,
    "gevent": INSIDE_LOCUST,
    "geventhttpclient": INSIDE_LOCUST,
    "psutil": ["measure"],
    "pydantic": ["plan"],
    "pydantic_core": ["plan"],
    "ruamel": ["plan"],
    "jinja2": ["report"],
    "markupsafe": ["report"],
    "tabulate": ["report"],
    "click": ["cli"],
    "rich": ["cli"],
    "typer": ["cli"],
    "numpy": ["model", "measure", "analyse", "store", "cli/progress.py"],
}
"""Where each outside library may be imported.

requests and urllib3 are what Docker's library raises from; markupsafe is jinja2's, pydantic_core pydantic's.
"""

WORLDLY = {
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
"""What pure rooms do without: the outside, the clock, and chance."""

MOST_MODULE_LINES = 400
MOST_FUNCTION_LINES = 40
LONGER_WITH_REASON: dict[str, str] = {}
"""Functions that may be longer ("analyse/judge.py:_result"), each beside why."""


class Import(NamedTuple):
    module: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{place(self.module)}:{self.line} imports {self.name}"


def place(module: Path) -> str:
    return module.relative_to(HARNESS).as_posix()


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def imports(module: Path) -> Iterator[Import]:
    """Every import of a module, also within functions and under conditions, by its full name."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(module)}:{node.lineno} imports relatively"
            yield from (Import(module, node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


IMPORTS = [found for module in MODULES for found in imports(module)]


def room(module: Path) -> str:
    return module.relative_to(HARNESS).parts[0].removesuffix(".py")


def level(name: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if name in rooms)


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_module_stands_in_a_known_room() -> None:
    known = {name for rooms in LEVELS for name in rooms} | {"__init__"}
    assert {room(module) for module in MODULES} == known


def test_imports_point_down() -> None:
    wrong = []
    for found in IMPORTS:
        parts = found.name.split(".")
        if parts[0] != "harness" or len(parts) == 1:
            continue
        here = room(found.module)
        there = parts[1] if any(parts[1] in rooms for rooms in LEVELS) else "__init__"
        if there not in ("__init__", here) and (here == "__init__" or level(there) >= level(here)):
            wrong.append(str(found))
    assert wrong == []


def test_each_outside_library_has_its_one_room() -> None:
    wrong = []
    for found in IMPORTS:
        library = found.name.partition(".")[0]
        if library == "harness" or library in sys.stdlib_module_names:
            continue
        assert library in ROOMS, f"{found}, which has no room yet"
        if not any(place(found.module).startswith(allowed) for allowed in ROOMS[library]):
            wrong.append(str(found))
    assert wrong == []


@pytest.mark.parametrize("pure", ["model", "analyse", "report"])
def test_pure_rooms_know_neither_the_outside_nor_the_clock_nor_chance(pure: str) -> None:
    wrong = [
        str(found) for found in IMPORTS if room(found.module) == pure and found.name.split(".")[0] in WORLDLY
    ]
    assert wrong == []


def test_measuring_never_sees_an_slo() -> None:
    wrong = [str(found) for found in IMPORTS if room(found.module) == "measure" and "Slo" in found.name]
    assert wrong == []


def test_only_the_command_line_prints_and_exits() -> None:
    wrong = [
        f"{place(module)}:{node.lineno} calls {ast.unparse(node.func)}"
        for module in MODULES
        if room(module) != "cli"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit", "quit")
    ]
    raised = [
        f"{place(module)}:{node.lineno} raises SystemExit"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Raise) and node.exc is not None and "SystemExit" in ast.unparse(node.exc)
    ]
    assert wrong + raised == []


def test_no_name_says_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "base"}
    named = {part.removesuffix(".py") for module in MODULES for part in module.relative_to(HARNESS).parts}
    assert named & empty == set()


def test_modules_stay_short() -> None:
    lengths = {place(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {name: length for name, length in lengths.items() if length > MOST_MODULE_LINES} == {}


def test_functions_stay_short_or_say_why_not() -> None:
    long = {
        f"{place(module)}:{node.name}": lines
        for module in MODULES
        for node in functions(module)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
    }
    assert {name: lines for name, lines in long.items() if name not in LONGER_WITH_REASON} == {}
    assert LONGER_WITH_REASON.keys() <= long.keys(), "an exemption that is not needed any more"


def test_every_module_says_what_it_is_for() -> None:
    silent = [place(module) for module in MODULES if not ast.get_docstring(tree(module))]
    assert silent in ([], ["__main__.py"])
