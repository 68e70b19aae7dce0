"""Find or make a value that a schema of an OpenAPI document describes.

Values that the document gives go first: `const`, `example`, `examples`, `default`, `enum`. Otherwise a
value is made of the type with its format, pattern and bounds. The value is a sensible first guess, not a
proof that the service accepts it.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.plan.openapi.nodes import Node, Notes
from harness.plan.openapi.patterns import make_matching_text
from harness.plan.schema.quoting import quote

_MOST_LEVELS = 8
_MOST_VALUES = 200
"""Values of one example that is made: a larger one nobody reads in a locustfile."""

_MOST_CHARACTERS = 5_000
_MOST_MADE_CHARACTERS = 1_000
_MOST_ITEMS = 5

_FORMATS = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "byte": "dGV4dA==",
    "json-pointer": "/0",
}
_MERGED_KEYS = (
    "type format enum const example examples default minimum maximum exclusiveMinimum exclusiveMaximum "
    "multipleOf minLength maxLength pattern minItems maxItems uniqueItems additionalProperties "
    "contentEncoding"
).split()
_FILE_SUFFIX = re.compile(r"\.(?:json|ya?ml)$")
_GIVEN_KEYS = frozenset({"enum", "const", "example", "examples", "default"})


class NoValueError(Exception):
    """No value can be made of a schema: it is not in the document, or each value would be too large."""


@dataclass(slots=True)
class _Budget:
    """How many more values the example may have."""

    left: int = 2 * _MOST_VALUES

    def spend(self, level: int) -> None:
        self.left -= 1
        if self.left < 0 or level > _MOST_LEVELS:
            raise NoValueError("each value would be too large")


@dataclass(slots=True)
class _Shape:
    """A schema with the parts of its `allOf`, and of the first choice of its `oneOf` and `anyOf`, in one."""

    keys: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Node] = field(default_factory=dict)
    required: dict[str, None] = field(default_factory=dict)
    items: Node | None = None
    first_items: list[Node] = field(default_factory=list)
    discriminated: Node | None = None
    """The schema among them that says which property tells its kinds apart."""

    def merge(self, other: "_Shape") -> None:
        """Add what the other has and this has not; a value that only describes a part is left out."""
        self.keys = {**other.keys, **self.keys}
        self.properties = {**other.properties, **self.properties}
        self.required |= other.required
        self.items = self.items or other.items
        self.first_items = self.first_items or other.first_items
        self.discriminated = self.discriminated or other.discriminated

    @property
    def kind(self) -> str:
        """The type; where the schema names none, the one that its other keys belong to, or an empty text."""
        types = self.keys.get("type")
        named = [each for each in (types if isinstance(types, list) else [types]) if isinstance(each, str)]
        if named:
            return next((each for each in named if each != "null"), "null")
        if self.properties or self.required:
            return "object"
        if self.items is not None or self.first_items:
            return "array"
        if self.keys.keys() & {"minimum", "maximum", "multipleOf"}:
            return "number"
        if self.keys.keys() & {"format", "pattern", "minLength", "maxLength"}:
            return "string"
        return "object" if isinstance(self.keys.get("additionalProperties"), dict) else ""


def make_value(schema: Node, default_text: str = "text") -> Any:
    """Return a value for a schema; `default_text` for a text of which nothing else is known.

    Raises:
        NoValueError: there is no schema, or each value would be too large.
    """
    if schema.value is None:
        raise NoValueError("its schema is not in the document")
    return _make(schema, default_text, _Budget(), 0)


def _make(schema: Node, default_text: str, budget: _Budget, level: int) -> Any:
    budget.spend(level)
    shape = _read_shape(schema, budget, level)
    own = {key: value for key, value in schema.mapping.items() if key in _GIVEN_KEYS}
    kind = shape.kind
    for keys in (own, shape.keys if kind != "object" else {}):
        for value in _list_given_values(keys):
            if (fitting := _fit(value, kind)) is not None:
                return fitting
    match kind:
        case "object":
            return _make_object(shape, budget, level)
        case "array":
            return _make_list(shape, default_text, budget, level)
        case "boolean":
            return True
        case "integer" | "number":
            return _make_number(shape.keys, is_whole=kind == "integer")
        case "null":
            return None
        case "file":
            return default_text
        case _:
            return _make_text(shape.keys, default_text, schema.notes)


def find_given_value(keys: Mapping[str, Any]) -> Any:
    """Return the first usable value that a parameter or a media type gives itself; None if there is none."""
    return next((value for value in _list_given_values(keys) if is_plain(value)), None)


def _list_given_values(keys: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values that a schema, a parameter or a media type gives, the most telling first."""
    for key in ("const", "example", "x-example"):
        if keys.get(key) is not None:
            yield keys[key]
    examples = keys.get("examples")
    if isinstance(examples, list):
        yield from (each for each in examples if each is not None)
    if keys.get("default") is not None:
        yield keys["default"]
    if isinstance(keys.get("enum"), list):
        yield from (each for each in keys["enum"] if each is not None)


def _fit(value: Any, kind: str) -> Any:
    """Return the value in the type that the schema names; None if it is of another type, or of no use."""
    if not is_plain(value):
        return None
    match kind:
        case "string":
            return format_scalar(value) if not isinstance(value, dict | list) else None
        case "integer" | "number" if isinstance(value, str):
            return _parse_number(value, is_whole=kind == "integer")
        case "integer" | "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return {"true": True, "false": False}.get(format_scalar(value)) if is_scalar(value) else None
        case "array":
            return value if isinstance(value, list) else None
        case "object":
            return value if isinstance(value, dict) else None
    return value


def _parse_number(text: str, *, is_whole: bool) -> int | float | None:
    try:
        number = int(text) if is_whole else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_scalar(value: object) -> bool:
    """Return True for a text, number or boolean."""
    return isinstance(value, str | int | float)


def format_scalar(value: Any) -> str:
    """Write a scalar as it stands in a URL: `true`, `1.5`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def is_plain(value: Any) -> bool:
    """Return True for a value of JSON that is small enough to stand in a locustfile."""
    pending, count, characters = [value], 0, 0
    while pending:
        each = pending.pop()
        count += 1
        match each:
            case None | bool():
                pass
            case str():
                characters += len(each)
            case int():
                characters += each.bit_length() // 3
            case float():
                if not math.isfinite(each):
                    return False
            case list():
                pending += each
            case dict():
                characters += sum(map(len, each))
                pending += each.values()
            case _:
                return False
        if count + len(pending) > _MOST_VALUES or characters > _MOST_CHARACTERS:
            return False
    return True


def _read_shape(schema: Node, budget: _Budget, level: int, *, is_of_kind: bool = False) -> _Shape:
    """Return the schema with the schemas that it is composed of, in one.

    `is_of_kind`: it is what a more special schema, which is read already, builds upon.
    """
    budget.spend(level)
    keys = schema.mapping
    shape = _Shape({key: keys[key] for key in _MERGED_KEYS if key in keys})
    shape.properties = {name: schema.get("properties", name) for name in schema.get("properties").mapping}
    if isinstance(required := keys.get("required"), list):
        shape.required = dict.fromkeys(each for each in required if isinstance(each, str))
    if "items" in keys:
        shape.items = schema.get("items")
    shape.first_items = schema.list_items("prefixItems")
    for part in schema.list_items("allOf"):
        shape.merge(_read_shape(part, budget, level + 1, is_of_kind=is_of_kind or bool(schema.reference)))
    if shape.discriminated is not None and schema.reference and not is_of_kind:
        _name_choice(shape, shape.discriminated, schema.reference)
    for key in ("oneOf", "anyOf"):
        _merge_choice(shape, schema, key, budget, level)
    if "discriminator" in keys:
        shape.discriminated = schema
        if not is_of_kind and not keys.keys() & {"oneOf", "anyOf"}:
            _merge_first_kind(shape, schema, budget, level)
    return shape


def _merge_first_kind(shape: _Shape, schema: Node, budget: _Budget, level: int) -> None:
    """Merge the first of the more special schemas that a discriminator tells apart, and name it."""
    for _, kind in schema.get("discriminator", "mapping").get_items():
        if isinstance(name := kind.value, str):
            reference = name if "/" in name or "#" in name else f"#/components/schemas/{name}"
            special = replace(schema, value={"kind": {"$ref": reference}}).get("kind")
            if special.value is not None:
                with contextlib.suppress(NoValueError):
                    shape.merge(_read_shape(special, budget, level + 1, is_of_kind=True))
                    _name_choice(shape, schema, reference)
            return


def _merge_choice(shape: _Shape, schema: Node, key: str, budget: _Budget, level: int) -> None:
    """Merge the first alternative that is not only null, and name it by the discriminator."""
    for alternative in schema.list_items(key):
        if alternative.mapping.get("type") != "null":
            shape.merge(_read_shape(alternative, budget, level + 1))
            references = [ref for _, ref in alternative.trail[len(schema.trail) :]]
            _name_choice(shape, schema, next(iter(references), ""))
            return


def _name_choice(shape: _Shape, schema: Node, reference: str) -> None:
    """Give the property that tells the alternatives apart the value of the chosen one."""
    discriminator = schema.get("discriminator")
    name = discriminator.mapping.get("propertyName")
    if not isinstance(name, str):
        return
    mapping = discriminator.get("mapping").mapping
    meant = reference.rpartition("/")[2]
    value = next(
        (key for key, to in mapping.items() if to in (reference, meant)), _FILE_SUFFIX.sub("", meant)
    )
    if value:
        shape.properties[name] = replace(schema, value={"const": value})
        shape.required[name] = None


def _make_object(shape: _Shape, budget: _Budget, level: int) -> dict[str, Any]:
    """Return an object with the required properties, or with all if none is required.

    Properties that only answers have (`readOnly`), and those that never end, are left out.
    """
    names = list(shape.required) or list(shape.properties)
    made: dict[str, Any] = {}
    for name in names:
        schema = shape.properties.get(name)
        if schema is not None and (schema.value is None or schema.mapping.get("readOnly") is True):
            continue
        try:
            made[name] = _make(schema, "text", budget, level + 1) if schema is not None else "text"
        except NoValueError:
            continue
    return made


def _make_list(shape: _Shape, default_text: str, budget: _Budget, level: int) -> list[Any]:
    """Return a list of as few items as allowed, but one; empty if an item never ends."""
    most, first = shape.keys.get("maxItems"), shape.first_items[:_MOST_ITEMS]
    if first:
        return [_make(each, default_text, budget, level + 1) for each in first]
    if shape.items is None or shape.items.value is None or most == 0:
        return []
    try:
        item = _make(shape.items, default_text, budget, level + 1)
    except NoValueError:
        return []
    fewest = shape.keys.get("minItems")
    count = min(max(fewest, 1), _MOST_ITEMS) if isinstance(fewest, int) else 1
    if count > 1 and shape.keys.get("uniqueItems") is True:
        return _vary(item, shape.items.mapping.get("enum"), count)
    return [item] * count


def _vary(item: Any, choices: Any, count: int) -> list[Any]:
    """Return different values: those of an enumeration, or the item with numbers; the same if it has none."""
    if isinstance(choices, list):
        return [each for each in choices if is_plain(each)][:count]
    if isinstance(item, int | float) and not isinstance(item, bool):
        return [item + number for number in range(count)]
    if isinstance(item, str):
        return [item, *(f"{item}{number}" for number in range(2, count + 1))]
    return [item] * count


def _make_number(keys: Mapping[str, Any], *, is_whole: bool) -> int | float:
    """Return 1, or the number nearest to it that the bounds allow."""
    low, is_above = _find_bound(keys, "minimum", "exclusiveMinimum")
    high, is_below = _find_bound(keys, "maximum", "exclusiveMaximum")
    step = 1 if is_whole else min(1.0, (high - low) / 2 if low < high else 1.0)
    number: float = 1
    if number < low or (is_above and number == low):
        number = low + (step if is_above else 0)
    if number > high or (is_below and number == high):
        number = high - (step if is_below else 0)
    factor = keys.get("multipleOf")
    if isinstance(factor, int | float) and math.isfinite(factor) and factor > 0:
        count = number / factor
        number = math.ceil(count) * factor if math.isfinite(count) else number
    return math.ceil(number) if is_whole or number == int(number) else number


def _find_bound(keys: Mapping[str, Any], name: str, exclusive: str) -> tuple[float, bool]:
    """Return a bound, and whether it is excluded itself: as a flag (3.0) or a number of its own (3.1)."""
    unbounded = -math.inf if name == "minimum" else math.inf
    bound, other = keys.get(name), keys.get(exclusive)
    if isinstance(other, int | float) and not isinstance(other, bool) and math.isfinite(other):
        return other, True
    if isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound):
        return bound, other is True
    return unbounded, False


def _make_text(keys: Mapping[str, Any], default_text: str, notes: Notes) -> str:
    """Return a text of the format or the pattern, or else the default as long as the bounds allow."""
    named = _FORMATS.get(str(keys.get("format")))
    if named is not None:
        return named
    fewest, most = keys.get("minLength"), keys.get("maxLength")
    low = fewest if isinstance(fewest, int) else 0
    high = most if isinstance(most, int) and most >= 0 else _MOST_MADE_CHARACTERS
    if isinstance(pattern := keys.get("pattern"), str):
        if (made := make_matching_text(pattern, low, high)) is not None:
            return made
        notes.add(f"no text is made for the pattern {quote(pattern)}; check that value in the locustfile")
    text = default_text
    if len(text) < low <= _MOST_MADE_CHARACTERS:
        text = (text * low)[:low]
    return text[:high]
