"""Read YAML as plain values with the places where they stand. Only this module knows the YAML parser.

It accepts less than YAML on purpose: one document, text keys, no aliases, no tags, bounded size and depth.
Every mistake is raised as an InputError with its place.
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

_MOST_BYTES = 1024 * 1024
_MOST_LEVELS = 24
MOST_PROBLEMS = 50
_LARGEST_NUMBER = 10**15
_TAG_PREFIX = "tag:yaml.org,2002:"
_CONTROL_CHARACTER = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")

KeyPath = tuple[str | int, ...]
"""The keys, and positions in lists, that lead from the whole document to a value."""


@dataclass(frozen=True, slots=True)
class Place:
    """The line and column of a value and of its key, and a scalar's text as written.

    An item of a list has no key; its `key` is the value's place.
    """

    value: tuple[int, int]
    key: tuple[int, int]
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as mappings, lists, texts, numbers, booleans and None. `file` is its name in messages."""

    file: str
    values: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def build_problem(self, path: KeyPath, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at `path`, or at its nearest ancestor that exists.

        With `at_key` the key itself is wrong: the problem is placed there, and named after the key's section.
        """
        existing = path
        while existing not in self.places and existing:
            existing = existing[:-1]
        place = self.places.get(existing, Place((0, 0), (0, 0)))
        line, column = place.key if at_key else place.value
        name = _format_key_path(path[:-1] if at_key else path)
        return Problem(self.file, line, column, f"{name}: {message}" if name else message)

    def find_raw_text(self, path: KeyPath) -> str | None:
        """Return the text of a scalar as written, without its quotes; None if there is no scalar."""
        place = self.places.get(path)
        return place.raw if place else None


def _format_key_path(path: KeyPath) -> str:
    """Format a path such as `limits.memory`, without positions in lists: line and column show them."""
    keys = [key for key in path if isinstance(key, str)]
    return ".".join(
        key if re.fullmatch(r"[\w-]+", key) else json.dumps(key, ensure_ascii=False) for key in keys
    )


def shorten_path(path: Path) -> str:
    """Return a path for messages: relative to the current directory for a file in that, else absolute."""
    absolute = os.path.abspath(path)
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith("..") else relative


def read_document(path: Path) -> Document:
    """Read the document in a file.

    Raises:
        InputError: it can't be read, is not UTF-8, is not YAML, or holds YAML that is not accepted.
    """
    return parse_document(_decode(read_bytes(path), shorten_path(path)), shorten_path(path))


def read_text(path: Path) -> str:
    """Read a text file of at most 1 MiB.

    Raises:
        InputError: it can't be read, is larger, or is not UTF-8.
    """
    return _decode(read_bytes(path), shorten_path(path))


def read_any_yaml(path: Path) -> Any:
    """Read a YAML file of another program, such as a compose file; aliases and merges are allowed.

    Raises:
        InputError: it can't be read, or is not YAML.
    """
    text = read_text(path)
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise build_file_error(
            shorten_path(path), f"not YAML: {' '.join(str(error).split())[:300]}"
        ) from None


def read_bytes(path: Path) -> bytes:
    """Read a file of at most 1 MiB.

    Raises:
        InputError: it can't be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise build_file_error(
            shorten_path(path), f"can't be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    if len(content) > _MOST_BYTES:
        raise build_file_error(shorten_path(path), "is larger than 1 MiB; is it the right file?")
    return content


def _decode(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        byte = content[error.start]
        message = f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        raise InputError([Problem(file, line, column, message)]) from None


def parse_document(text: str, file: str) -> Document:
    """Parse the document in a text; `file` names it in messages.

    Raises:
        InputError: with every duplicate key and every unusable value, or with one syntax error.
    """
    node = _parse_tree(text, file)
    if node is None:
        raise build_file_error(file, "is empty; write at least target: and limits:")
    document = Document(file, None)
    problems: list[Problem] = []
    values = _read_node(node, (), _find_start(node), document, problems)
    if not isinstance(values, dict):
        problems.append(
            Problem(file, *_find_start(node), "this must be a mapping of keys, such as target: targets/web")
        )
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    return Document(file, values, document.places)


def _parse_tree(text: str, file: str) -> Node | None:
    """Return the parser's tree; None for a text without content.

    A first pass over the parser's events refuses YAML whose tree could become huge.
    """
    try:
        problem = next(_find_forbidden_syntax(text, file), None)
        if problem is None:
            return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]
    except MarkedYAMLError as error:
        problem = describe_syntax_error(error, file)
    except Exception as error:  # the parser's own failures (bad escapes, odd directives) are the file's fault
        problem = Problem(file, *_find_control_character(text), f"not YAML: {_take_first_line(str(error))}")
    raise InputError([problem])


def _find_forbidden_syntax(text: str, file: str) -> Iterator[Problem]:
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if getattr(event, "anchor", None) is not None:
            yield Problem(
                file,
                line,
                column,
                "anchors and aliases (&name, *name) are not supported; write the value out",
            )
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MOST_LEVELS:
            message = f"nested deeper than {_MOST_LEVELS} levels; nothing here needs that"
            yield Problem(file, line, column, message)


def describe_syntax_error(error: MarkedYAMLError, file: str) -> Problem:
    """Return what the parser refuses, with its place in the file."""
    mark = error.problem_mark or error.context_mark
    text = " ".join(part for part in (error.context, error.problem) if part)
    hint = "; indent with spaces, not tabs" if "'\\t'" in text else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(file, line, column, f"not YAML: {_take_first_line(text)}{hint}")


def _find_control_character(text: str) -> tuple[int, int]:
    """Return line and column of the first character that YAML forbids; (0, 0) if there is none."""
    match = _CONTROL_CHARACTER.search(text.replace("\r", "\n"))
    if match is None:
        return 0, 0
    at = match.start()
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _take_first_line(text: str) -> str:
    return (text.strip().splitlines() or ["unreadable"])[0]


def _read_node(
    node: Node, path: KeyPath, key: tuple[int, int], document: Document, problems: list[Problem]
) -> Any:
    """Return the value of a node.

    The places of the node and of all nodes in it are added to the document, and faulty values to `problems`.
    `key` is the line and column of the node's key.
    """
    raw = node.value if isinstance(node, ScalarNode) else None
    document.places[path] = Place(_find_start(node), key, raw)
    if isinstance(node, MappingNode):
        return _read_mapping(node, path, document, problems)
    if isinstance(node, SequenceNode):
        items = enumerate(node.value)
        return [
            _read_node(item, (*path, index), _find_start(item), document, problems) for index, item in items
        ]
    try:
        return _parse_scalar(str(node.tag), str(node.value))
    except ValueError as error:
        problems.append(document.build_problem(path, str(error)))
        return None


def _read_mapping(
    node: MappingNode, path: KeyPath, document: Document, problems: list[Problem]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode) or _CONTROL_CHARACTER.search(key_node.value):
            problems.append(Problem(document.file, *_find_start(key_node), "a key must be plain text"))
            continue
        key = str(key_node.value)
        if key in values:
            quoted, first_line = json.dumps(key, ensure_ascii=False), document.places[(*path, key)].key[0]
            message = f"{quoted} is given twice (first in line {first_line}); keep one"
            problems.append(Problem(document.file, *_find_start(key_node), message))
            continue
        values[key] = _read_node(value_node, (*path, key), _find_start(key_node), document, problems)
    return values


def _parse_scalar(tag: str, raw: str) -> Any:
    """Return a scalar by its YAML 1.2 type.

    Raises:
        ValueError: it holds a control character, has a tag, or is an infinite or too large number.
    """
    if _CONTROL_CHARACTER.search(raw):
        raise ValueError("holds a control character; write plain text")
    match tag.removeprefix(_TAG_PREFIX):
        case "null":
            return None
        case "bool":
            return raw.lower() in ("true", "yes", "on")
        case "int" | "float" as kind:
            return _parse_number(raw, kind)
        case "str" | "timestamp" | "value" | "merge":
            return raw
        case _:
            raise ValueError(f"the tag {_take_first_line(tag)} is not supported; write plain YAML")


def _parse_number(raw: str, kind: str) -> int | float:
    digits = raw.replace("_", "").lower()
    if len(digits) > 40:
        raise ValueError("this number has more than 40 digits; write a shorter one")
    if kind == "float":
        if digits.strip("+-") in (".inf", ".nan"):
            raise ValueError(f"{raw} is not a number to measure with; write a finite one")
        value: int | float = float(digits)
    else:
        value = int(digits, 0 if digits.lstrip("+-")[:2] in ("0x", "0o", "0b") else 10)
    if not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
        raise ValueError(f"{raw} is too large; write a number up to 10^15")
    return value


def _find_start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def build_file_error(file: str, message: str) -> InputError:
    """Return the error for a problem with a file as a whole."""
    return InputError([Problem(file, 0, 0, message)])
