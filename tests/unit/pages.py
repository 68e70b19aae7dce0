"""The documents, and what is quoted in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md")))
}
README, ARCHITECTURE = PAGES["README.md"], PAGES["ARCHITECTURE.md"]
MATRIX, RESULTS = PAGES["docs/matrix.md"], PAGES["docs/results.md"]
FENCED = re.compile(r"^( *)```(.*?)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: str
    kind: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    for indent, kind, text in FENCED.findall(PAGES[page]):
        yield Block(page, kind, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def code(text: str) -> list[str]:
    """What stands between backticks outside of fences, line breaks made blanks."""
    return [span.replace("\n", " ") for span in spans(FENCED.sub("", text))]


def rows(text: str, heading: str, below: str = "") -> list[list[str]]:
    """The cells of the first table below a line whose heading row begins so."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text[text.index(below) :], re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[1].splitlines()]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def shown_commands(text: str) -> Iterator[str]:
    """Command lines: in backticks, and in blocks for a shell."""
    yield from code(text)
    for _, kind, block in FENCED.findall(text):
        if kind == "sh":
            yield from block.splitlines()
