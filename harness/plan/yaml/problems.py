"""pydantic's findings as our problems: each at its place, in words that say what to write instead."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import Problem
from harness.plan.schema.units import quoted
from harness.plan.yaml.document import MOST_PROBLEMS, Document, KeyPath

Model = TypeVar("Model", bound=BaseModel)

MISSING = {
    "cpus": "write cores, such as cpus: [0.5, 1]",
    "memory": "write sizes, such as memory: [256MiB, 512MiB]",
    "target": "write the folder that holds target.yaml, such as target: targets/web",
    "port": "write the port inside the container, such as port: 8000",
}


def validated(
    model: type[Model], document: Document, at: KeyPath, problems: list[Problem]
) -> tuple[Model, frozenset[str]]:
    """The section at `at`, and which of its keys were faulty and are left at their defaults.

    What is wrong with those is added to `problems`, so that other checks can go on and find more.
    Every key of the model needs a default.
    """
    values = section(document.values, at)
    try:
        return model.model_validate(values), frozenset()
    except ValidationError as error:
        found = error.errors(include_url=False)
    problems += [worded(model, details, document, at) for details in found[:MOST_PROBLEMS]]
    faulty = frozenset(str(details["loc"][0]) for details in found if details["loc"])
    known = values if isinstance(values, dict) and faulty else {}
    return model.model_validate({key: value for key, value in known.items() if key not in faulty}), faulty


def section(values: Any, at: KeyPath) -> Any:
    for key in at:
        values = values[key]
    return values


def worded(model: type[BaseModel], details: ErrorDetails, document: Document, at: KeyPath) -> Problem:
    """One finding as a problem: at the key if the key is wrong, else at the value."""
    path: KeyPath = (*at, *details["loc"])
    if details["type"] == "extra_forbidden":
        key = str(path[-1])
        return document.problem(
            path, f"unknown key {quoted(key)}{nearest(key, keys_at(model, details['loc']))}", at_key=True
        )
    if path[-1:] == ("[key]",):
        return document.problem(path[:-1], sentence(details, None), at_key=True)
    if details["type"] == "missing":
        key = str(path[-1])
        return document.problem(path[:-1], missing(key))
    return document.problem(path, sentence(details, document.raw(path)))


def missing(key: str) -> str:
    return f"missing key {quoted(key)}; {MISSING[key]}" if key in MISSING else f"missing key {quoted(key)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "limits"?`, or all that is known if nothing is near."""
    names = sorted(known)
    near = get_close_matches(word[:100], names, n=1)
    if near:
        return f"; did you mean {quoted(near[0])}?"
    return f"; known here: {', '.join(names)}" if names else ""


def beside(path: str, names: Iterable[str]) -> list[str]:
    """The names as paths in the folder of `path`, as it is written."""
    return [str(PurePath(path).with_name(name)) for name in names] if PurePath(path).name else []


def keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> Iterable[str]:
    """The keys of the section that holds `loc`."""
    for step in loc[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = next(models_in(model.model_fields[step].annotation), model)
    return model.model_fields


def models_in(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def sentence(details: ErrorDetails, raw: str | None) -> str:
    """What is wrong with a value and what to write. `raw` is the scalar as written in the file."""
    context, value = details.get("ctx", {}), details["input"]
    got = raw if raw is not None and not isinstance(value, str) else quoted(value)
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
            return f"{got} is neither true nor false; write one of these"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            return f"{got} is out of range; write {bound(context)}"
        case "literal_error":
            return f"{got} is not known; write {context['expected']}"
        case "too_short":
            return "is an empty list; give at least one value"
        case "too_long":
            return f"has {context['actual_length']} values; give at most {context['max_length']}"
        case "tuple_type":
            return f"{got} is not a list; write one item a line with - before it, or [a, b]"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{got} is not a mapping; write keys with values, as in {{key: value}}"
        case _:
            return details["msg"]


def bound(context: dict[str, Any]) -> str:
    if "gt" in context:
        return f"a number above {context['gt']:g}"
    return f"{context['ge']:g} or more" if "ge" in context else f"at most {context['le']}"
