"""Turn pydantic's errors into problems with a place and words that say what to write instead."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from harness.errors import Problem
from harness.plan.schema.units import quote
from harness.plan.yaml.document import Document, KeyPath

MISSING = {
    "cpus": "write cores, such as cpus: [0.5, 1]",
    "memory": "write amounts, such as memory: [256MiB, 512MiB]",
    "target": "write the folder that holds target.yaml, such as target: targets/web",
    "port": "write the port inside the container, such as port: 8000",
}


def to_problem(model: type[BaseModel], details: ErrorDetails, document: Document, at: KeyPath) -> Problem:
    """Turn one of pydantic's errors into a problem, at the key if the key is wrong, else at the value."""
    path: KeyPath = (*at, *details["loc"])
    if details["type"] == "extra_forbidden":
        key = str(path[-1])
        return document.problem(
            path,
            f"unknown key {quote(key)}{suggest_nearest(key, _keys_at(model, details['loc']))}",
            at_key=True,
        )
    if path[-1:] == ("[key]",):
        return document.problem(path[:-1], _describe(details, None), at_key=True)
    if details["type"] == "missing":
        key = str(path[-1])
        return document.problem(path[:-1], _describe_missing(key))
    return document.problem(path, _describe(details, document.raw(path)))


def _describe_missing(key: str) -> str:
    return f"missing key {quote(key)}; {MISSING[key]}" if key in MISSING else f"missing key {quote(key)}"


def suggest_nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "limits"?`, or all known names if none is near; "" if none is known."""
    names = sorted(known)
    near = get_close_matches(word[:100], names, n=1)
    if near:
        return f"; did you mean {quote(near[0])}?"
    return f"; known here: {', '.join(names)}" if names else ""


def name_siblings(path: str, names: Iterable[str]) -> list[str]:
    """Return the names as paths in the folder of `path`, written as `path` is."""
    return [str(PurePath(path).with_name(name)) for name in names] if PurePath(path).name else []


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> Iterable[str]:
    """Return the keys of the section that holds `loc`, without deprecated ones."""
    for step in loc[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = next(find_models(model.model_fields[step].annotation), model)
    return [name for name, field in model.model_fields.items() if not is_deprecated(field)]


def is_deprecated(field: FieldInfo) -> bool:
    """Return True for a key that is still read, but is no longer documented."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("deprecated"))


def find_models(annotation: Any) -> Iterator[Any]:
    """Yield the models in a type, such as the one in `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from find_models(argument)


def _describe(details: ErrorDetails, raw: str | None) -> str:
    """Say what is wrong with a value and what to write. `raw` is the scalar as written in the file."""
    context, value = details.get("ctx", {}), details["input"]
    got = raw if raw is not None and not isinstance(value, str) else quote(value)
    match details["type"]:
        case "value_error":
            return str(context["error"])
        case "string_type":
            return f"{got} is not text; " + (
                f'write "{raw}"' if raw else "write one text, in quotes if need be"
            )
        case "int_type" | "int_from_float" | "float_type":
            kind = "a number" if details["type"] == "float_type" else "a whole number"
            return f"{got} is not {kind}; write it plainly, such as 10"
        case "bool_type":
            return f"{got} is neither true nor false; write true or false"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            return f"{got} is out of range; write {_describe_bound(context)}"
        case "literal_error":
            return f"{got} is not known; write {context['expected']}"
        case "too_short":
            return "is an empty list; give at least one value"
        case "too_long":
            return f"has {context['actual_length']} values; give at most {context['max_length']}"
        case "tuple_type":
            return f"{got} is not a list; write each item on its own line after a -, or [a, b]"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{got} is not a mapping; write keys with values, as in {{key: value}}"
        case _:
            return details["msg"]


def _describe_bound(context: dict[str, Any]) -> str:
    if "gt" in context:
        return f"a number above {context['gt']:g}"
    return f"{context['ge']:g} or more" if "ge" in context else f"at most {context['le']}"
