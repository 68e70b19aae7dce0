"""Write an exported file as YAML, with the reasons as comments."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from harness.report.export.tree import Node, Unknown, split_reason
from harness.report.view.text import clean_lines, clean_text

WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*", re.ASCII)
_WORDS = frozenset("true false yes no on off y n null".split())
"""Words that YAML may read as another type than text."""

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_yaml(documents: Sequence[Node], heading: str = "") -> str:
    """Return documents as one YAML stream; each line of `heading` stands above it as a comment."""
    parts = ["\n".join(_write_node(document, 0)) for document in documents]
    above = "".join(f"{line}\n" for line in write_comment(heading, 0)) if heading else ""
    return above + "\n---\n".join(parts) + "\n"


def _write_node(node: Node, indent: int) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _write_entry(f"{format_scalar(key)}:", value, indent)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for each in node:
            yield from _write_item(each, indent)
    else:
        yield " " * indent + format_scalar(node)


def _write_entry(start: str, node: Node, indent: int) -> Iterator[str]:
    """Yield the lines of a key with its value; the reason stands behind it if both fit, or else above it."""
    if isinstance(node, Unknown):
        yield from write_comment(f"{start} {clean_text(node.why)}", indent)
        return
    value, why = split_reason(node)
    if _is_nested(value):
        yield from write_comment(why, indent) if why else ()
        yield f"{' ' * indent}{start}"
        yield from _write_node(value, indent + 2)
    else:
        yield from _write_line(f"{' ' * indent}{start} {format_scalar(value)}", why, indent)


def _write_item(node: Node, indent: int) -> Iterator[str]:
    if isinstance(node, Unknown):
        yield from write_comment(clean_text(node.why), indent)
        return
    value, why = split_reason(node)
    if not _is_nested(value):
        yield from _write_line(f"{' ' * indent}- {format_scalar(value)}", why, indent)
        return
    yield from write_comment(why, indent) if why else ()
    lines = list(_write_node(value, indent + 2))
    first = next(number for number, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[first] = f"{' ' * indent}- {lines[first].lstrip()}"
    yield from lines


def _write_line(line: str, why: str, indent: int) -> Iterator[str]:
    if why and len(line) + len(why) + 4 > WIDTH:
        yield from write_comment(why, indent)
        why = ""
    yield f"{line}  # {why}" if why else line


def write_comment(text: str, indent: int) -> Iterator[str]:
    """Yield the lines of a comment; each line of the text begins a new one."""
    for line in map(clean_text, text.split("\n")):
        wrapped = textwrap.wrap(line, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
        yield from (f"{' ' * indent}# {part}" for part in wrapped)


def _is_nested(node: Node) -> bool:
    return isinstance(node, Mapping | Sequence) and not isinstance(node, str) and bool(node)


def format_scalar(value: object) -> str:
    """Return a value on one line; a text that could be read as anything else is in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if is_plain else quote_text(value)


def quote_text(value: str) -> str:
    """Return a text in double quotes, in which characters that a terminal would not show are written out."""
    return f'"{"".join(_ESCAPES.get(char) or _escape_unseen(char) for char in value)}"'


def _escape_unseen(char: str) -> str:
    return char if clean_lines(char) == char else f"\\U{ord(char):08x}"
