"""YAML as plain values that remember where they stand. The only module that knows the YAML parser.

Deliberately less than YAML: one document, text keys, no aliases, no tags, bounded size and depth. Whatever is
wrong becomes an InputError with its place.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.errors import InputError, Problem

MOST_BYTES = 1024 * 1024
DEEPEST = 24
MOST_PROBLEMS = 50
LARGEST_NUMBER = 10**15
TAG = "tag:yaml.org,2002:"
UNUSABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value begins, where its key does (the value itself in a list), and how a scalar was written."""

    value: tuple[int, int]
    key: tuple[int, int]
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as mappings, lists, texts, numbers, booleans, None. `file` is its name in messages."""

    file: str
    values: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str, *, at_key: bool = False) -> Problem:
        """A mistake at `path`, or at its nearest ancestor that exists."""
        known = path
        while known not in self.places and known:
            known = known[:-1]
        place = self.places.get(known, Place((0, 0), (0, 0)))
        line, column = place.key if at_key else place.value
        named = dotted(path[:-1] if at_key else path)
        return Problem(self.file, line, column, f"{named}: {message}" if named else message)

    def raw(self, path: KeyPath) -> str | None:
        """The text of a scalar as written, without its quotes."""
        place = self.places.get(path)
        return place.raw if place else None


def dotted(path: KeyPath) -> str:
    """`limits.memory`; list positions are left out, the line and the column tell them."""
    keys = [key for key in path if isinstance(key, str)]
    return ".".join(
        key if re.fullmatch(r"[\w-]+", key) else json.dumps(key, ensure_ascii=False) for key in keys
    )


def shown(path: Path) -> str:
    """A path as messages show it: relative to the current directory where it lies within."""
    absolute = os.path.abspath(path)
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith("..") else relative


def read_document(path: Path) -> Document:
    """The document in a file.

    Raises:
        InputError: it can't be read, is not UTF-8, not YAML, or holds what we don't accept.
    """
    return parse_document(decoded(read_bounded(path), shown(path)), shown(path))


def read_foreign(path: Path) -> Any:
    """The content of a YAML file that follows another program's rules: aliases and merges are allowed.

    Raises:
        InputError: it can't be read, or is not YAML.
    """
    text = decoded(read_bounded(path), shown(path))
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise whole(shown(path), f"not YAML: {' '.join(str(error).split())[:300]}") from None


def read_bounded(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise whole(shown(path), f"can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST_BYTES:
        raise whole(shown(path), "is larger than 1 MiB; this is not a file written by hand")
    return content


def decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        byte = content[error.start]
        message = f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        raise InputError([Problem(file, line, column, message)]) from None


def parse_document(text: str, file: str) -> Document:
    """The document in a text; `file` names it in messages.

    Raises:
        InputError: with every duplicate key and every unusable value at once; a syntax error comes alone.
    """
    node = composed(text, file)
    if node is None:
        raise whole(file, "is empty; write at least target: and limits:")
    document = Document(file, None)
    problems: list[Problem] = []
    values = placed(node, (), start(node), document, problems)
    if not isinstance(values, dict):
        problems.append(
            Problem(file, *start(node), "this must be a mapping of keys, such as target: targets/web")
        )
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    return Document(file, values, document.places)


def composed(text: str, file: str) -> Node | None:
    """The parser's tree, after a flat pass that refuses what could blow it up."""
    try:
        refused = next(bombs(text, file), None)
        if refused is None:
            return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]
    except MarkedYAMLError as error:
        refused = syntax_problem(error, file)
    except Exception as error:  # the parser's own failures (bad escapes, odd directives) are the file's fault
        refused = Problem(file, *unprintable(text), f"not YAML: {first_line(str(error))}")
    raise InputError([refused])


def bombs(text: str, file: str) -> Iterator[Problem]:
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if getattr(event, "anchor", None) is not None:
            yield Problem(
                file, *place, "anchors and aliases (&name, *name) are not supported; write the value out"
            )
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            yield Problem(file, *place, f"nested deeper than {DEEPEST} levels; nothing here needs that")


def syntax_problem(error: MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    words = " ".join(part for part in (error.context, error.problem) if part)
    hint = "; indent with spaces, not tabs" if "'\\t'" in words else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(file, line, column, f"not YAML: {first_line(words)}{hint}")


def unprintable(text: str) -> tuple[int, int]:
    """Where the first character stands that YAML forbids; (0, 0) if none does."""
    match = UNUSABLE.search(text.replace("\r", "\n"))
    if match is None:
        return 0, 0
    at = match.start()
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def first_line(words: str) -> str:
    return (words.strip().splitlines() or ["unreadable"])[0]


def placed(
    node: Node, path: KeyPath, key: tuple[int, int], document: Document, problems: list[Problem]
) -> Any:
    """The value of a node; records the place of everything within it in the document."""
    raw = node.value if isinstance(node, ScalarNode) else None
    document.places[path] = Place(start(node), key, raw)
    if isinstance(node, MappingNode):
        return placed_mapping(node, path, document, problems)
    if isinstance(node, SequenceNode):
        items = enumerate(node.value)
        return [placed(item, (*path, index), start(item), document, problems) for index, item in items]
    try:
        return scalar(str(node.tag), str(node.value))
    except ValueError as error:
        problems.append(document.problem(path, str(error)))
        return None


def placed_mapping(
    node: MappingNode, path: KeyPath, document: Document, problems: list[Problem]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode) or UNUSABLE.search(key_node.value):
            problems.append(Problem(document.file, *start(key_node), "a key must be plain text"))
            continue
        key = str(key_node.value)
        if key in values:
            first = document.places[(*path, key)].key[0]
            message = (
                f"{json.dumps(key, ensure_ascii=False)} is given twice (first in line {first}); keep one"
            )
            problems.append(Problem(document.file, *start(key_node), message))
            continue
        values[key] = placed(value_node, (*path, key), start(key_node), document, problems)
    return values


def scalar(tag: str, raw: str) -> Any:
    """A scalar by its YAML 1.2 type; numbers that are not finite, or huge, are refused."""
    if UNUSABLE.search(raw):
        raise ValueError("holds a control character; write plain text")
    match tag.removeprefix(TAG):
        case "null":
            return None
        case "bool":
            return raw.lower() in ("true", "yes", "on")
        case "int" | "float" as kind:
            return number(raw, kind)
        case "str" | "timestamp" | "value" | "merge":
            return raw
        case _:
            raise ValueError(f"the tag {first_line(tag)} is not supported; write plain YAML")


def number(raw: str, kind: str) -> int | float:
    digits = raw.replace("_", "").lower()
    if len(digits) > 40:
        raise ValueError("this number is too long to be meant")
    if kind == "float":
        if digits.strip("+-") in (".inf", ".nan"):
            raise ValueError(f"{raw} is not a number to measure with; write a finite one")
        value: int | float = float(digits)
    else:
        value = int(digits, 0 if digits.lstrip("+-")[:2] in ("0x", "0o", "0b") else 10)
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ValueError(f"{raw} is too large a number to be meant")
    return value


def start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def whole(file: str, message: str) -> InputError:
    """A problem of a file as a whole."""
    return InputError([Problem(file, 0, 0, message)])
