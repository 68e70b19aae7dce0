"""Define the content of an exported file: plain values, some with the reason behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from harness.report.view.text import clean_text

Node = Union[str, int, float, bool, Mapping[str, "Node"], Sequence["Node"], "Explained", "Unknown"]
"""A value of an exported file."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A value, and why it is this one: a comment of one line or more."""

    value: "Node"
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A key that is left out because its value is not known; `why` becomes a comment in its place."""

    why: str


def strip(node: Node) -> object:
    """Return the values alone, without reasons, and without the keys that are left out."""
    if isinstance(node, Explained):
        return strip(node.value)
    if isinstance(node, Mapping):
        return {key: strip(value) for key, value in node.items() if not isinstance(value, Unknown)}
    if isinstance(node, str) or not isinstance(node, Sequence):
        return node
    return [strip(each) for each in node if not isinstance(each, Unknown)]


def split_reason(node: Node) -> tuple[Node, str]:
    """Return a value and its reason, which is empty if it has none."""
    return (node.value, clean_text(node.why)) if isinstance(node, Explained) else (node, "")
