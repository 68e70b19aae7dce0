"""Describe mistakes: turn pydantic's errors into problems with places, and suggest what to write instead."""

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from harness.errors import Problem
from harness.plan.schema.quoting import quote
from harness.plan.yaml.document import Document, KeyPath

MISSING_KEY_HINTS = {
    "cpus": "write cores, such as cpus: [0.5, 1]",
    "memory": "write amounts, such as memory: [256MiB, 512MiB]",
    "target": "write the folder that holds target.yaml, such as target: targets/web",
    "port": "write the port inside the container, such as port: 8000",
}
"""What to write for a missing key."""


def to_problem(model: type[BaseModel], details: ErrorDetails, document: Document, at: KeyPath) -> Problem:
    """Turn one of pydantic's errors into a problem, placed at the key if the key is wrong, else at the value.

    `at` is the path of the mapping that `model` validated.
    """
    path: KeyPath = (*at, *details["loc"])
    if details["type"] == "extra_forbidden":
        key = str(path[-1])
        return document.build_problem(
            path,
            f"unknown key {quote(key)}{suggest_nearest(key, _list_known_keys(model, details['loc']))}",
            at_key=True,
        )
    if path[-1:] == ("[key]",):
        return document.build_problem(path[:-1], _describe(details, None), at_key=True)
    if details["type"] == "missing":
        key = str(path[-1])
        return document.build_problem(path[:-1], _describe_missing(key))
    return document.build_problem(path, _describe(details, document.find_raw_text(path)))


def _describe_missing(key: str) -> str:
    hint = f"; {MISSING_KEY_HINTS[key]}" if key in MISSING_KEY_HINTS else ""
    return f"missing key {quote(key)}{hint}"


def suggest_nearest(word: str, known: Iterable[str], heading: str = "known here") -> str:
    """Return `; did you mean "limits"?` for the known name nearest to a word.

    Without a near one it is the list of all known names after `heading`; without known names it is "".
    """
    names = sorted(known)
    near = get_close_matches(word[:100], names, n=1)
    if near:
        return f"; did you mean {quote(near[0])}?"
    return f"; {heading}: {', '.join(names)}" if names else ""


def suggest_sibling(path: str, names: Iterable[str], heading: str) -> str:
    """Suggest the nearest path instead of `path`; `names` are those of the right kind in the same folder.

    The suggestion is a path as relative or absolute as `path`.
    """
    has_name = bool(PurePath(path).name)
    siblings = [str(PurePath(path).with_name(name)) for name in names] if has_name else []
    return suggest_nearest(path, siblings, heading)


def list_names(folder: Path, is_wanted: Callable[[Path], bool]) -> list[str]:
    """Return the names of a folder's entries that are wanted; nothing if the folder can't be read."""
    try:
        return [entry.name for entry in folder.iterdir() if is_wanted(entry)]
    except OSError:
        return []


def _list_known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> Iterable[str]:
    """Return the keys of the section that `loc` lies in, without deprecated ones."""
    for key in loc[:-1]:
        if isinstance(key, str) and key in model.model_fields:
            model = next(find_models(model.model_fields[key].annotation), model)
    return [name for name, field in model.model_fields.items() if not is_deprecated(field)]


def is_deprecated(field: FieldInfo) -> bool:
    """Return True for a key that is still read, but is no longer documented."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("deprecated"))


def find_models(annotation: Any) -> Iterator[Any]:
    """Yield the models that a type mentions, such as Model in `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from find_models(argument)


def _describe(details: ErrorDetails, raw: str | None) -> str:
    """Say what is wrong with a value and what to write.

    `raw` is the scalar as written in the file; None for a mapping, a list or a key.
    """
    context, value = details.get("ctx", {}), details["input"]
    shown = raw if raw is not None and not isinstance(value, str) else quote(value)
    match details["type"]:
        case "value_error":
            return str(context["error"])
        case "string_type" if raw == "":
            return 'has no value; write a text, or "" for an empty one'
        case "string_type":
            return f"{shown} is not text; " + (
                f'write "{raw}"' if raw else "write one text, in quotes if need be"
            )
        case "int_type" | "int_from_float" | "float_type":
            kind = "a number" if details["type"] == "float_type" else "a whole number"
            return f"{shown} is not {kind}; write it plainly, such as 10"
        case "bool_type":
            return f"{shown} is neither true nor false; write true or false"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            return f"{shown} is out of range; write {_describe_bound(context)}"
        case "literal_error":
            return f"{shown} is not known; write {context['expected']}"
        case "too_short":
            return "is an empty list; give at least one value"
        case "too_long":
            return f"has {context['actual_length']} values; give at most {context['max_length']}"
        case "tuple_type":
            return f"{shown} is not a list; write each item on its own line after a -, or [a, b]"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{shown} is not a mapping; write keys with values, as in {{key: value}}"
        case _:
            return details["msg"]


def _describe_bound(context: dict[str, Any]) -> str:
    if "gt" in context:
        return f"a number above {context['gt']:g}"
    return f"{context['ge']:g} or more" if "ge" in context else f"at most {context['le']}"
