"""Build the addresses of an OpenAPI document's requests, with its server's path and its parameters.

All that comes from the document is percent-encoded, so that an address always begins with `/` and holds no
white space.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from harness.plan.openapi.nodes import Node
from harness.plan.openapi.schemas import NoValueError, find_given_value, format_scalar, is_scalar, make_value

PARAMETER = re.compile(r"\{([^{}]+)\}")

_PATH_CHARACTERS = "/:@!$&'()*+,;=~-._%?"
"""Characters that stay as they are in a path that the document writes out."""

_RESERVED = ":/?[]@!$'()*,;="
"""Characters that `allowReserved` leaves as they are: not `#`, `&` and `+`, which would change the value."""

_HOST_WITHOUT_SCHEME = re.compile(
    r"(?:localhost|\d+(?:\.\d+){3}|[\w-]+(?:\.[\w-]+)+\.[a-z]{2,}|[\w.-]+(?=:\d))(?::\d+)?(?=/|$)"
)
"""How a server's address begins if its scheme is forgotten: `localhost:8080/v1`, `api.example.org/v1`."""

_SEPARATORS = {
    "csv": ",",
    "ssv": "%20",
    "tsv": "%09",
    "pipes": "%7C",
    "form": ",",
    "simple": ",",
    "spaceDelimited": "%20",
    "pipeDelimited": "%7C",
    "label": ".",
    "matrix": ",",
}
"""What stands between the items of a list, by `style` (version 3) or `collectionFormat` (2.0)."""

_DOTS = re.compile(r"\.{0,2}")
"""Segments of a path that a client would drop."""

_EXAMPLE_HOST = "http://target"


def find_base_path(levels: Iterable[Node]) -> str:
    """Return the path that all addresses begin with, without a slash at its end.

    `levels` are the operation, its path and the document: the first of them that has `servers` decides, by
    its first server. A document of version 2.0 has `basePath` instead.
    """
    for level in levels:
        paths = list(dict.fromkeys(_read_server_path(server) for server in level.list_items("servers")))
        if len(paths) > 1:
            shown = ", ".join(path or "/" for path in paths[:5])
            level.notes.add(f"its servers have the base paths {shown}; the tasks use {paths[0] or '/'}")
        if paths:
            return paths[0]
        if isinstance(base := level.mapping.get("basePath"), str):
            return _clean_path(base)
    return ""


def _read_server_path(server: Node) -> str:
    """Return the path of a server's address, with its variables at their defaults."""

    def replace(match: re.Match[str]) -> str:
        value = find_given_value(server.get("variables", match[1]).mapping)
        return format_scalar(value) if is_scalar(value) else match[1]

    return _clean_path(PARAMETER.sub(replace, format_scalar(server.mapping.get("url") or "")))


def _clean_path(address: str) -> str:
    if _HOST_WITHOUT_SCHEME.match(address):
        address = f"//{address}"
    try:
        path = urlsplit(urljoin(f"{_EXAMPLE_HOST}/", address)).path
    except ValueError:
        return ""
    path = quote(re.sub(r"/{2,}", "/", path).rstrip("/"), _PATH_CHARACTERS, errors="replace")
    return path if path.startswith("/") else f"/{path}" if path else ""


def build_address(base: str, template: str, parameters: Sequence[Node]) -> str:
    """Return the address of a request, with values for its path, and for what its query requires."""
    in_path = {format_scalar(each.mapping.get("name")): each for each in parameters if _is_in(each, "path")}

    def fill(match: re.Match[str]) -> str:
        if match[1].startswith(("?", "&")):
            return ""  # `{?q}` stands for parameters of the query, which follow
        before, has_pattern, pattern = match[1].partition("=")
        if has_pattern:
            return quote(re.sub(r"\*+", "1", pattern), "/", errors="replace")
        name = before.strip("+*#./;")
        return _format_in_path(name, in_path.get(match[1]) or in_path.get(name))

    path = template.partition("#")[0]
    pieces = [
        quote(text, _PATH_CHARACTERS, errors="replace") if number % 2 == 0 else text
        for number, text in enumerate(re.split(r"(\{[^{}]+\})", path))
    ]
    address = PARAMETER.sub(fill, "".join(pieces))
    address = base + (address if address.startswith("/") else f"/{address}")
    required = (each for each in parameters if _is_in(each, "query") and each.mapping.get("required") is True)
    query = "&".join(pair for each in required for pair in _format_in_query(each))
    return address + (("&" if "?" in address else "?") + query if query else "")


def _is_in(parameter: Node, place: str) -> bool:
    return parameter.mapping.get("in") == place


def find_parameter_value(parameter: Node) -> Any:
    """Return an example of a parameter's value; 1 where nothing is known of it."""
    keys = parameter.mapping
    value = find_given_value(keys)
    if value is None:
        value = _find_named_example(parameter)
    if value is None:
        schema = parameter if "in" in keys and "schema" not in keys else parameter.get("schema")
        for _, media in parameter.get("content").get_items():
            schema = media.get("schema")
        try:
            value = make_value(schema, "1")
        except NoValueError:
            value = None
    return "1" if value is None or value in ("", [], {}) else value


def _find_named_example(holder: Node) -> Any:
    """Return the value of the first of the named `examples` that has one."""
    for _, example in holder.get("examples").get_items():
        if (value := find_given_value({"example": example.mapping.get("value")})) is not None:
            return value
    return None


def find_media_value(media: Node) -> Any:
    """Return an example of a body; None if the document describes none.

    Raises:
        NoValueError: its schema is not in the document, or each body would be too large.
    """
    value = find_given_value({"example": media.mapping.get("example")})
    if value is None:
        value = _find_named_example(media)
    if value is None and "schema" in media.mapping:
        value = make_value(media.get("schema"))
    return value


def _encode(value: Any, safe: str = "") -> str:
    return quote(format_scalar(value), safe, errors="replace")


def _format_in_path(name: str, parameter: Node | None) -> str:
    if parameter is None:
        return "1"
    value, style = find_parameter_value(parameter), str(parameter.mapping.get("style"))
    separator = _SEPARATORS.get(str(parameter.mapping.get("collectionFormat", style)), ",")
    text = separator.join(_list_parts(value, separator, explode=parameter.mapping.get("explode") is True))
    if _DOTS.fullmatch(text):
        return "1"
    return {"label": f".{text}", "matrix": f";{_encode(name)}={text}"}.get(style, text)


def _list_parts(value: Any, separator: str, *, explode: bool) -> list[str]:
    """Return the encoded parts of a value: one of a scalar, several of a list or an object."""
    if isinstance(value, Mapping):
        between = "=" if explode else separator
        return [f"{_encode(key)}{between}{_encode_inner(each)}" for key, each in value.items()]
    return [_encode_inner(each) for each in (value if isinstance(value, list) else [value])]


def _encode_inner(value: Any) -> str:
    return _encode(value if is_scalar(value) else "1")


def _format_in_query(parameter: Node) -> list[str]:
    """Return the pairs `name=value` of a parameter in the query."""
    keys, value = parameter.mapping, find_parameter_value(parameter)
    name = _encode(keys.get("name"))
    if "content" in keys and not is_scalar(value):
        value = json.dumps(value, ensure_ascii=False)
    if is_scalar(value):
        return [f"{name}={_encode(value, _RESERVED if keys.get('allowReserved') is True else '')}"]
    style = str(keys.get("style", keys.get("collectionFormat", "csv" if "type" in keys else "form")))
    explode = keys.get("explode", style == "form")
    if style == "deepObject" and isinstance(value, Mapping):
        return [f"{name}%5B{_encode(key)}%5D={_encode_inner(each)}" for key, each in value.items()]
    if style == "multi" or explode is True:
        if isinstance(value, Mapping):
            return [f"{_encode(key)}={_encode_inner(each)}" for key, each in value.items()]
        return [f"{name}={part}" for part in _list_parts(value, ",", explode=False)]
    separator = _SEPARATORS.get(style, ",")
    return [f"{name}={separator.join(_list_parts(value, separator, explode=False))}"]
