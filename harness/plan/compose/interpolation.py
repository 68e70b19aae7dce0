"""Replace the references of a compose file to variables, as the compose specification says.

`$NAME`, `${NAME}`, `${NAME:-other}`, `${NAME-other}`, `${NAME:?message}`, `${NAME?message}`,
`${NAME:+other}` and `${NAME+other}`; with a colon an empty value counts as none. Texts within a reference may
hold further references. `$$` stands for one dollar.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str, ...]
"""The keys that lead to a value; positions in lists are "*"."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONDITION = re.compile(r"(?P<colon>:?)(?P<kind>[-?+])(?P<other>.*)", re.DOTALL)
_MOST_VALUES = 100_000
"""Aliases can make a small file into a huge tree; real files have a few thousand values."""


@dataclass(slots=True)
class References:
    """Which variables a compose file refers to: `in_texts` where only the environment of a service sees them.

    `unset` are those without a value and without another text for that case.
    """

    in_texts: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    unset: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variables:
    """The values of variables, and a record of the references to them."""

    values: Mapping[str, str]
    references: References = field(default_factory=References)

    def look_up(self, name: str, *, in_text: bool) -> str | None:
        """Return the value of a variable, or None; note that it was asked for."""
        (self.references.in_texts if in_text else self.references.elsewhere).add(name)
        return self.values.get(name)

    def override_by(self, values: Mapping[str, str]) -> "Variables":
        """Return these variables with other values beneath them; the record is shared."""
        return Variables({**values, **self.values}, self.references)


def substitute(text: str, variables: Variables, *, in_text: bool = False) -> str:
    """Return the text with every reference replaced.

    Raises:
        ValueError: a reference has no end or no name, or a variable that must have a value has none.
    """
    parts, position = [], 0
    while (dollar := text.find("$", position)) >= 0:
        parts.append(text[position:dollar])
        replacement, position = _replace_reference(text, dollar, variables, in_text)
        parts.append(replacement)
    return "".join([*parts, text[position:]])


def _replace_reference(text: str, dollar: int, variables: Variables, in_text: bool) -> tuple[str, int]:
    """Return what stands for the reference that begins at `dollar`, and where the text goes on after it."""
    after = dollar + 1
    if text[after : after + 1] == "$":
        return "$", after + 1
    if text[after : after + 1] == "{":
        end = _find_closing_brace(text, after)
        return _replace_braced(text[after + 1 : end], variables, in_text), end + 1
    if name := _NAME.match(text, after):
        return _look_up_plainly(name[0], variables, in_text), name.end()
    return "$", after


def _find_closing_brace(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += (text[position] == "{") - (text[position] == "}")
        if depth == 0:
            return position
    raise ValueError(f'"{text[:60]}" has a ${{ without its }}; a plain dollar is written $$')


def _replace_braced(inner: str, variables: Variables, in_text: bool) -> str:
    """Return what stands for the reference `${inner}`."""
    name = _NAME.match(inner)
    rest = inner[name.end() :] if name else inner
    condition = _CONDITION.fullmatch(rest)
    if name is None or (rest and condition is None):
        raise ValueError(f'"${{{inner[:60]}}}" is no reference to a variable; a plain dollar is written $$')
    if condition is None:
        return _look_up_plainly(name[0], variables, in_text)
    value = variables.look_up(name[0], in_text=in_text)
    has_value = value is not None and bool(value or not condition["colon"])
    if condition["kind"] == "+":
        return substitute(condition["other"], variables, in_text=in_text) if has_value else ""
    if has_value:
        return value or ""
    other = substitute(condition["other"], variables, in_text=in_text)
    if condition["kind"] == "?":
        raise ValueError(f"the variable {name[0]} must have a value" + (f": {other}" if other else ""))
    return other


def _look_up_plainly(name: str, variables: Variables, in_text: bool) -> str:
    value = variables.look_up(name, in_text=in_text)
    if value is None:
        variables.references.unset[name] = None
    return value or ""


def interpolate_tree(tree: Any, variables: Variables) -> Any:
    """Return a copy of a tree of mappings and lists, with the references in all its texts replaced.

    Keys stay as they are, and so do values that are no texts.

    Raises:
        ValueError: as `substitute`, with the place; or the tree is too large.
    """
    left = _MOST_VALUES

    def walk(value: Any, path: KeyPath) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError(f"has more than {_MOST_VALUES} values")
        if isinstance(value, dict):
            return {str(key): walk(each, (*path, str(key))) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each, (*path, "*")) for each in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            if path[2:] == ("environment", "*"):
                return _substitute_assignment(value, variables)
            return substitute(value, variables, in_text=is_text_of_environment(path))
        except ValueError as error:
            raise ValueError(f"{'.'.join(each for each in path if each != '*')}: {error}") from None

    return walk(tree, ())


def _substitute_assignment(text: str, variables: Variables) -> str:
    """Return NAME=VALUE with every reference replaced. More than the environment depends on the name."""
    name, equals, value = text.partition("=")
    if name.count("{") != name.count("}"):  # the sign belongs to a reference, as in ${A:-b=c}
        return substitute(text, variables)
    return substitute(name, variables) + equals + substitute(value, variables, in_text=True)


def is_text_of_environment(path: KeyPath) -> bool:
    """Return True for a value that only the environment, or a file's content, in a container sees."""
    match path:
        case ("services", _, "environment", *_):
            return True
        case ("configs", _, "content"):
            return True
        case _:
            return False
