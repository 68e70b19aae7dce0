"""Read large JSON and YAML documents of other programs, such as OpenAPI documents, into JSON values.

JSON is read by Python's own reader. YAML is read by libyaml, which takes a twentieth of the time of the
reader that gives places (`document.py`), and its scalars are those of YAML 1.2: `no`, `on` and `2024-01-01`
are texts. Nothing in a document makes an object of another kind, and no depth of nesting exhausts the
stack.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.plan.yaml.document import build_file_error, shorten_path

_MOST_BYTES = 64 * 1024 * 1024
_MOST_DIGITS = 200
_MOST_LEVELS = 400
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def read_large_document(path: Path) -> Any:
    """Read a JSON or YAML file of at most 64 MiB into the values that JSON has.

    An alias gives the same object as its anchor. Of duplicate keys the last one counts.

    Raises:
        InputError: it can't be read, is too large, or is neither JSON nor YAML.
    """
    name = shorten_path(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise build_file_error(name, f"can't be read: {reason}") from None
    if len(content) > _MOST_BYTES:
        raise build_file_error(name, "is larger than 64 MiB; is it the right file?")
    try:
        return parse_large_document(content)
    except ValueError as error:
        raise build_file_error(name, str(error)) from None


def parse_large_document(content: bytes) -> Any:
    """Parse the bytes of a JSON or YAML document.

    Raises:
        ValueError: they are neither.
    """
    try:
        text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not text in UTF-8 (byte {error.start})") from None
    if not text.lstrip().startswith(("{", "[")):
        return _parse_yaml(text)
    try:
        return json.loads(text, parse_int=_parse_integer, parse_constant=str)
    except RecursionError:
        raise ValueError("is nested too deeply to be read") from None
    except ValueError as error:
        reason = str(error)
    try:
        return _parse_yaml(text)
    except ValueError:
        raise ValueError(f"is not JSON: {reason}") from None


def _parse_integer(digits: str) -> int | str:
    """Return the number; a text if it has so many digits that no service can mean it."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _parse_yaml(text: str) -> Any:
    try:
        return _YamlBuilder().build(yaml.parse(text, Loader=_LOADER))
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(f"is neither JSON nor YAML: {' '.join(str(error).split())[:300]}") from None


class _YamlBuilder:
    """Builds the value of a stream's first document from the parser's events, without recursion."""

    def __init__(self) -> None:
        self._anchors: dict[str, Any] = {}
        self._open: list[tuple[Any, str | None]] = []
        """The mappings and lists that are open, outermost first, each with its anchor."""
        self._keys: list[Any] = []
        """The key of each that waits for its value; `_NO_KEY` if none does."""
        self._result: Any = None

    def build(self, events: Iterator[Any]) -> Any:
        """Return the value of the first document; None if there is none."""
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._add(str(event.value) if self._awaits_key() else _read_scalar(event), event.anchor)
                case yaml.AliasEvent():
                    self._add(self._find_anchor(event), None)
                case yaml.MappingStartEvent():
                    self._start({}, event.anchor)
                case yaml.SequenceStartEvent():
                    self._start([], event.anchor)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end()
                case yaml.DocumentEndEvent():
                    deque(events, maxlen=0)  # what follows must be YAML, too
        return self._result

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._keys[-1] is _NO_KEY and isinstance(self._open[-1][0], dict)

    def _start(self, collection: dict[str, Any] | list[Any], anchor: str | None) -> None:
        if len(self._open) >= _MOST_LEVELS:
            raise ValueError("is nested too deeply to be read")
        self._open.append((collection, anchor))
        self._keys.append(_NO_KEY)

    def _end(self) -> None:
        """Close the innermost collection. Only now an alias can mean it, so that none can contain itself."""
        collection, anchor = self._open.pop()
        self._keys.pop()
        if isinstance(collection, dict) and _MERGE in collection:
            collection = _merge_keys(collection)
        self._add(collection, anchor)

    def _add(self, value: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self._result = value
            return
        collection, _ = self._open[-1]
        if isinstance(collection, list):
            collection.append(value)
        elif self._keys[-1] is _NO_KEY:
            self._keys[-1] = _check_key(value)
        else:
            collection[self._keys[-1]] = value
            self._keys[-1] = _NO_KEY

    def _find_anchor(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            line = event.start_mark.line + 1
            raise ValueError(f"line {line}: the alias *{event.anchor} means nothing, or contains itself")
        return self._anchors[event.anchor]


_NO_KEY = object()
_MERGE = "<<"


def _merge_keys(mapping: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping with the keys of those that its key `<<` names; its own keys go first."""
    merged = mapping[_MERGE]
    sources = [each for each in (merged if isinstance(merged, list) else [merged]) if isinstance(each, dict)]
    if not sources:
        return mapping
    own = {key: value for key, value in mapping.items() if key != _MERGE}
    for source in sources:
        own = {**source, **own}
    return own


def _check_key(value: Any) -> str:
    """Return a mapping's key, which is a text as written: 200 and "200" are the same key in JSON.

    Raises:
        ValueError: it is a mapping or a list, or an alias of another value than a text.
    """
    if not isinstance(value, str):
        raise ValueError("has a key that is no text, which JSON has not")
    return value


def _read_scalar(event: Any) -> Any:
    """Return a scalar's value by the core schema of YAML 1.2. One in quotes, or with a tag, is a text."""
    raw = str(event.value)
    if not event.implicit[0]:
        return raw
    for pattern, convert in _CONVERSIONS:
        if pattern.fullmatch(raw):
            return convert(raw)
    return raw


def _read_integer(raw: str) -> int | str:
    return int(raw, 0 if raw[:2] in ("0x", "0o") else 10) if len(raw) <= _MOST_DIGITS else raw


_CONVERSIONS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_NULL, lambda raw: None),
    (_TRUE, lambda raw: True),
    (_FALSE, lambda raw: False),
    (_INTEGER, _read_integer),
    (_FLOAT, float),
)
