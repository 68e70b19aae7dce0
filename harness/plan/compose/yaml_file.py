"""Read the YAML of a compose file as Compose does: anchors, merges, and the tags `!reset` and `!override`."""

import math
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.resolver import VersionedResolver

from harness.plan.yaml.document import describe_syntax_error, read_text, shorten_path

KeyPath = tuple[str, ...]

_TIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"(?:(?:[Tt]| )(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})(?P<fraction>\.\d+)?"
    r"(?P<zone>Z|[-+]\d{2}:\d{2})?)?"
)
_OLD_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_MOST_LEVELS = 100
_MOST_TABS = 50
_MOST_VALUES = 100_000
"""Aliases can make a small file into a huge tree; real files have a few thousand values."""


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A value with the tag `!reset` or `!override`."""

    value: Any
    is_reset: bool


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document of a compose file. At the paths `replaced` it replaces what other files say."""

    values: Any
    replaced: tuple[KeyPath, ...] = field(default=())


class _Resolver(VersionedResolver):
    """Take scalars by YAML 1.2 whatever the line `%YAML 1.1` says, as Compose does: `22:22` is no number."""

    @property
    def processing_version(self) -> tuple[int, int]:
        return 1, 2


class _Constructor(SafeConstructor):
    """Build Python values as the Go library of Compose does: `0444` is octal, dates are Go's texts."""

    def construct_go_int(self, node: Node) -> int:
        text = str(node.value)
        if _OLD_OCTAL.fullmatch(text):
            return int(text.replace("_", ""), 8)
        return int(self.construct_yaml_int(node))

    def construct_go_float(self, node: Node) -> float | str:
        """Return a number; a number beyond all bounds stays a text."""
        value = float(self.construct_yaml_float(node))
        is_named = "inf" in str(node.value).lower()
        return str(node.value) if math.isinf(value) and not is_named else value

    def construct_go_time(self, node: Node) -> str:
        """Return a date, or a time, as the text that Go makes of it."""
        match = _TIME.fullmatch(str(node.value))
        if match is None:
            return str(node.value)
        date = "-".join(part.zfill(2) for part in (match["year"], match["month"], match["day"]))
        clock = ":".join((match[part] or "0").zfill(2) for part in ("hour", "minute", "second"))
        fraction = (match["fraction"] or "").rstrip("0").rstrip(".")
        zone = match["zone"] or "Z"
        if zone in ("Z", "+00:00", "-00:00"):
            return f"{date} {clock}{fraction} +0000 UTC"
        offset = zone.replace(":", "")
        return f"{date} {clock}{fraction} {offset} {offset}"

    def construct_go_bytes(self, node: Node) -> str:
        return bytes(self.construct_yaml_binary(node)).decode("utf-8", "replace")

    def construct_tagged(self, node: Node) -> _Tagged:
        """Return the value of a node with one of Compose's tags."""
        is_reset = str(node.tag) == "!reset"
        return _Tagged(None if is_reset else _construct_plainly(self, node), is_reset)


def _construct_plainly(constructor: _Constructor, node: Node) -> Any:
    """Return the value that the node would have without its tag."""
    if isinstance(node, MappingNode):
        return constructor.construct_mapping(node, deep=True)
    if isinstance(node, SequenceNode):
        return constructor.construct_sequence(node, deep=True)
    assert isinstance(node, ScalarNode)
    return constructor.construct_scalar(node)


def _construct_unknown(constructor: _Constructor, suffix: str, node: Node) -> Any:
    """Return the value without its tag, which Compose does not know."""
    return _construct_plainly(constructor, node)


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_go_int)
_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.construct_go_float)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_go_time)
_Constructor.add_constructor("tag:yaml.org,2002:binary", _Constructor.construct_go_bytes)
_Constructor.add_constructor("tag:yaml.org,2002:value", _Constructor.construct_yaml_str)
_Constructor.add_multi_constructor("!", _construct_unknown)
_Constructor.add_constructor("!reset", _Constructor.construct_tagged)
_Constructor.add_constructor("!override", _Constructor.construct_tagged)


def read_documents(path: Path) -> list[YamlDocument]:
    """Return the documents of a compose file; each overrides those before it.

    Raises:
        ValueError: the file is not YAML.
        InputError: it can't be read.
    """
    text = read_text(path)
    for _ in range(_MOST_TABS):
        try:
            documents = _load_all(text)
            break
        except MarkedYAMLError as error:
            place = _find_stray_tab(text, error)
            if place is None:
                raise ValueError(str(describe_syntax_error(error, shorten_path(path)))) from None
            text = f"{text[:place]} {text[place + 1 :]}"
        except (YAMLError, ValueError, RecursionError) as error:
            raise ValueError(
                f"{shorten_path(path)}: not YAML: {' '.join(str(error).split())[:300]}"
            ) from None
    else:
        raise ValueError(f"{shorten_path(path)} has more than {_MOST_TABS} tabs where YAML has spaces")
    try:
        return [_take_tags_out(document) for document in documents if document is not None]
    except ValueError as error:
        raise ValueError(f"{shorten_path(path)} {error}") from None


def _load_all(text: str) -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.Resolver = _Constructor, _Resolver
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReusedAnchorWarning)  # the later anchor counts, as in Compose
        return list(yaml.load_all(text))


def _find_stray_tab(text: str, error: MarkedYAMLError) -> int | None:
    """Return where a tab stands that separates as a space would, as Compose reads it; None for another fault.

    A tab that indents a line is a fault.
    """
    mark = error.problem_mark
    lines = text.split("\n")
    if mark is None or mark.line >= len(lines):
        return None
    before = lines[mark.line][: mark.column]
    is_stray = lines[mark.line][mark.column : mark.column + 1] == "\t" and before.strip() not in ("", "-")
    return sum(len(line) + 1 for line in lines[: mark.line]) + mark.column if is_stray else None


def _take_tags_out(tree: Any) -> YamlDocument:
    """Return the document with plain values in place of those with tags, and without those to be reset.

    Raises:
        ValueError: aliases make the tree too large or endless.
    """
    replaced: list[KeyPath] = []
    left = _MOST_VALUES

    def walk(value: Any, path: KeyPath) -> Any:
        nonlocal left
        left -= 1
        if len(path) > _MOST_LEVELS or left < 0:
            raise ValueError(f"has more than {_MOST_VALUES} values, or more than {_MOST_LEVELS} levels")
        if isinstance(value, _Tagged):
            replaced.append(path)
            value = value.value
        if isinstance(value, dict):
            children = {str(key): walk(each, (*path, str(key))) for key, each in value.items()}
            return {
                key: each
                for (key, each), tagged in zip(children.items(), value.values(), strict=True)
                if not (isinstance(tagged, _Tagged) and tagged.is_reset)
            }
        if isinstance(value, list):
            kept = (each for each in value if not (isinstance(each, _Tagged) and each.is_reset))
            return [walk(each, (*path, "*")) for each in kept]
        return value

    return YamlDocument(walk(tree, ()), tuple(replaced))
