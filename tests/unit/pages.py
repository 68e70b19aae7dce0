"""The documents, and the blocks, tables and commands in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
FOUND_BY = ("*.md", "docs/*.md", "docs/guides/*.md", "targets/*/README.md")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in FOUND_BY
    for path in sorted(ROOT.glob(pattern))
}
ARCHITECTURE, COMMANDS = PAGES["ARCHITECTURE.md"], PAGES["docs/commands.md"]
MATRIX, RESULTS, METHOD = PAGES["docs/matrix.md"], PAGES["docs/results.md"], PAGES["docs/method.md"]
FENCED = re.compile(r"^( *)```(.*?)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: the page it stands on, the words after its fence, and its text without indentation."""

    page: str
    info: str
    text: str

    @property
    def kind(self) -> str:
        """The language, and a word for tests: "yaml" or "yaml mistakes"; "file=…" is left out."""
        return " ".join(word for word in self.info.split() if not word.startswith("file="))


def find_blocks(page: str) -> Iterator[Block]:
    for indent, info, text in FENCED.findall(PAGES[page]):
        yield Block(page, info, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))


BLOCKS = [block for page in PAGES for block in find_blocks(page)]


def find_code(text: str) -> list[str]:
    """Return the texts between backticks outside of fenced blocks, with blanks for line breaks."""
    return [span.replace("\n", " ") for span in find_spans(FENCED.sub("", text))]


def read_table(text: str, heading: str, below: str = "") -> list[list[str]]:
    """Return the rows of the first table after `below` that has this first heading."""
    table = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text[text.index(below) :], re.MULTILINE)
    assert table, heading
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[1].splitlines()]


def find_spans(cell: str) -> list[str]:
    """Return the texts between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def find_commands(text: str) -> Iterator[str]:
    """Yield the command lines: every text in backticks, and every line of a block for a shell."""
    yield from find_code(text)
    for _, kind, block in FENCED.findall(text):
        if kind == "sh":
            yield from block.splitlines()
