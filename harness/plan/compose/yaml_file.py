"""Read the YAML of a compose file as Compose does: anchors, merges, and the tags `!reset` and `!override`."""

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

_OLD_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_MOST_LEVELS = 100
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
    """Build Python values as the Go library of Compose does: `0444` is octal, dates are texts."""

    def construct_go_int(self, node: Node) -> int:
        text = str(node.value)
        if _OLD_OCTAL.fullmatch(text):
            return int(text.replace("_", ""), 8)
        return int(self.construct_yaml_int(node))

    def construct_text(self, node: Node) -> str:
        return str(node.value)

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


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_go_int)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_text)
_Constructor.add_constructor("!reset", _Constructor.construct_tagged)
_Constructor.add_constructor("!override", _Constructor.construct_tagged)


def read_documents(path: Path) -> list[YamlDocument]:
    """Return the documents of a compose file; each overrides those before it.

    Raises:
        ValueError: the file is not YAML.
        InputError: it can't be read.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.Resolver = _Constructor, _Resolver
    text = read_text(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # the later anchor counts, as in Compose
            documents = list(yaml.load_all(text))
    except MarkedYAMLError as error:
        raise ValueError(str(describe_syntax_error(error, shorten_path(path)))) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{shorten_path(path)}: not YAML: {' '.join(str(error).split())[:300]}") from None
    try:
        return [_take_tags_out(document) for document in documents if document is not None]
    except ValueError as error:
        raise ValueError(f"{shorten_path(path)} {error}") from None


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
            return [walk(each, (*path, "*")) for each in value]
        return value

    return YamlDocument(walk(tree, ()), tuple(replaced))
