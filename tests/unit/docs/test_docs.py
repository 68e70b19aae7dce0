"""The documents are true: commands, options, exit codes, files, modules and links in them exist."""

import importlib
import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import typer

from harness import cli
from tests.unit.pages import (
    ARCHITECTURE,
    BLOCKS,
    COMMANDS,
    FENCED,
    HARNESS,
    PAGES,
    ROOT,
    find_code,
    find_commands,
)
from tools.lock import read_locked_versions


def options_by_command() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(cli.app)
    return {
        name: {
            option
            for parameter in command.params
            if not getattr(parameter, "hidden", False)
            for option in parameter.opts
            if option.startswith("--")
        }
        for name, command in group.commands.items()
    }


OPTIONS = options_by_command()


def test_every_command_and_option_is_on_its_page_and_no_other() -> None:
    documented = {
        match[1]: set(re.findall(r"--[a-z][a-z-]*", line))
        for line in COMMANDS.splitlines()
        if (match := re.match(r"\| `harness ([a-z]+)", line))
    }
    assert documented == OPTIONS


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_shown_exists_with_its_options(page: str) -> None:
    for line in find_commands(PAGES[page]):
        match = re.match(r"(?:\S*/)?harness ([a-z]+)(.*)", line) or re.match(
            r"(make matrix) .*(ARGS=.*)", line
        )
        if match:
            command = "run" if match[1] == "make matrix" else match[1]
            assert command in OPTIONS, line
            assert set(re.findall(r"--[a-z][a-z-]*", match[2])) <= OPTIONS[command], line
        elif line.startswith("--"):
            assert line.split()[0] in set().union(*OPTIONS.values()), line


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_and_variable_that_is_shown_exists(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tools = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tools").iterdir() if path.is_file())
    for line in find_commands(PAGES[page]):
        match = re.match(r"make ?([a-z0-9-]*)(.*)|()([A-Z]+=\w+)$", line)
        if match:
            target, rest = match[1] or "", match[2] or match[4] or ""
            assert not target or re.search(rf"^{target}:", makefile, re.MULTILINE), line
            for variable in re.findall(r"\b([A-Z]+)=", rest):
                assert (
                    re.search(rf"^{variable} \?=", makefile, re.MULTILINE) or f"${{{variable}:-" in tools
                ), line


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    listed = re.search(r"Exit codes: (.*?)(?:\n\n|\Z)", COMMANDS, re.DOTALL)
    assert listed
    codes = [int(match[1]) for match in re.finditer(r"(?:^|; )(\d+) ", listed[1].replace("\n", " "))]
    assert codes == sorted(
        v for name, v in vars(cli.console).items() if name.isupper() and isinstance(v, int)
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", FENCED.sub("", PAGES[page])):
        name, _, anchor = link.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        assert path.exists(), link
        assert not anchor or anchor in find_anchors(path.read_text(encoding="utf-8")), link


def find_anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_ours_that_is_named_exists(page: str) -> None:
    folders = ("harness/", "tests/", "tools/", "bench/", "docs/")
    for span in find_code(PAGES[page]):
        if span.startswith(folders) and " " not in span:
            file, _, name = span.partition("::")
            assert list(ROOT.glob(file)), span
            assert not name or f"def {name}(" in (ROOT / file).read_text(), span
        elif re.fullmatch(r"\w+\.(?:py|schema\.json)", span) and page == "ARCHITECTURE.md":
            assert list(HARNESS.rglob(span)), span


def test_every_module_and_function_that_the_architecture_names_exists() -> None:
    rooms = {path.stem for path in HARNESS.iterdir()}
    for span in find_code(ARCHITECTURE):
        match = re.match(r"(?:harness\.)?((\w+)(?:\.\w+)*)(?:\(|$)", span)
        if match and match[2] in rooms and not span.endswith((".py", ".json")):
            assert is_importable(f"harness.{match[1]}"), span


def is_importable(name: str) -> bool:
    """Return True if this is the name of a module, or of something within one."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            module: Any = importlib.import_module(".".join(parts[:depth]))
        except ModuleNotFoundError:
            continue
        return reduce(lambda found, part: getattr(found, part, None), parts[depth:], module) is not None
    return False


def test_the_diagram_names_every_module_in_its_folder_and_no_other() -> None:
    (diagram,) = [block.text for block in BLOCKS if block.page == "ARCHITECTURE.md" and not block.kind]
    shown = list(find_modules(diagram))
    existing = {
        path.relative_to(HARNESS).with_suffix("").as_posix()
        for path in HARNESS.rglob("*.py")
        if not path.stem.startswith("__")
    }
    assert len(shown) == len(set(shown))
    assert set(shown) == existing


def find_modules(diagram: str) -> Iterator[str]:
    """Yield the modules of the diagram: a folder at the margin, its modules indented below it."""
    folder = ""
    for line in diagram.splitlines():
        names = re.split(r" {2,}", line.strip())[0]
        if names.endswith("/"):
            folder = names
        else:
            yield from ((folder if line.startswith(" ") else "") + name for name in names.split(", "))


def test_the_image_of_locust_that_is_shown_has_the_locked_version() -> None:
    assert set(re.findall(r"locustio/locust:([\d.]+)", PAGES["docs/scale.md"])) == {
        read_locked_versions()["locust"]
    }


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert re.search(r"^ *- run: \.ci/run$", workflow, re.MULTILINE)
