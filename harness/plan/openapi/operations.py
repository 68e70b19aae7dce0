"""Read the requests of an OpenAPI document (2.0, 3.0 or 3.1), with addresses, headers and bodies to send."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.plan.openapi.addresses import (
    PARAMETER,
    build_address,
    find_base_path,
    find_media_value,
    find_parameter_value,
)
from harness.plan.openapi.forms import build_form, build_parts, encode_fields, find_field, find_files
from harness.plan.openapi.nodes import Node, open_document
from harness.plan.openapi.schemas import NoValueError, format_scalar, is_plain, is_scalar, make_value
from harness.plan.schema.quoting import quote

METHODS = ("get", "post", "put", "patch", "delete")
_OTHER_METHODS = ("head", "options", "trace", "query")
_METHODS_WITH_BODY = ("post", "put", "patch")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_HEADERS_OF_THE_BODY = ("accept", "content-type", "authorization")
"""Headers that the document describes elsewhere: as media types, and as security."""

_HEALTH_PATH = re.compile(
    r"/(?:[\w-]+/)*(?:health|healthz|healthcheck|ready|readyz|readiness|livez|ping|status)/?"
)
_MOST_COMPLETE = 60
_ONE_OF_MANY = "one of many"
"""The obstacle of requests beyond the first ones: values for thousands of them would take a minute."""

_ACTION = re.compile(r"log[_-]?(?:in|out)|sign[_-]?(?:in|out|up)|callback|redirect", re.IGNORECASE)
"""Addresses that a GET does something at: no place to ask whether a target is ready."""

_MEDIA_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+", re.ASCII)


class BodyKind(StrEnum):
    """How a client is given a body; the value is the name of its argument."""

    JSON = "json"
    FORM = "data"
    FILES = "files"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: a value of JSON, the fields of a form, the parts of a multipart form, or a text."""

    kind: BodyKind
    value: Any
    media_type: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of an OpenAPI document.

    `path` is the encoded address with example values; `name` is the path with the parameters' names, as
    reports show it. `obstacle` says why it can't be sent as it is; empty if it can.
    """

    method: str
    path: str
    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Api:
    """What a document says: its requests in the document's order, what they need, and what is not honoured.

    `credentials` describe the security schemes. `ready_path` is an address that answers 200 by itself; None
    if none is known.
    """

    operations: tuple[Operation, ...] = ()
    credentials: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ready_path: str | None = None


@dataclass(frozen=True, slots=True)
class _Described:
    """An operation as the document describes it: its method, its path, and both with what they hold."""

    method: str
    template: str
    item: Node
    node: Node


def read_api(document: object, path: Path | None = None) -> Api:
    """Read an OpenAPI document; `path` is its file, beside which its references are looked for.

    Raises:
        ValueError: it is no OpenAPI document.
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        if isinstance(document, dict) and isinstance(document.get("webhooks"), dict):
            raise ValueError(
                "has webhooks, which the service itself requests of others, and no paths that users request"
            )
        raise ValueError("has no paths; is it an OpenAPI document?")
    root = open_document(document, path)
    described = list(_list_described(root))
    operations: dict[int, Operation] = {}
    complete = 0
    for number in sorted(range(len(described)), key=lambda each: described[each].method != "get"):
        if complete < _MOST_COMPLETE:
            operations[number] = _build_operation(root, described[number])
            complete += not operations[number].obstacle
        else:
            name = _name_operation(root, described[number])
            operations[number] = Operation(
                described[number].method.upper(), name, name, obstacle=_ONE_OF_MANY
            )
    plain = [each for each in described if _answers_by_itself(root, each)]
    ready = next((each for each in plain if _HEALTH_PATH.fullmatch(each.template)), next(iter(plain), None))
    return Api(
        tuple(operations[number] for number in range(len(described))),
        tuple(_describe_credentials(root)),
        root.notes.list_all(),
        _build_operation(root, ready).path if ready else None,
    )


def _list_described(root: Node) -> Iterator[_Described]:
    """Yield the operations of a document in its order; of those that are left out the number is noted."""
    deprecated = others = 0
    for template, item in root.get("paths").get_items():
        if template.startswith("x-"):
            continue
        others += sum(key.lower() in _OTHER_METHODS for key in item.mapping)
        others += len(item.get("additionalOperations").mapping)
        for method, node in _list_methods(item):
            if node.mapping.get("deprecated") is True:
                deprecated += 1
            else:
                yield _Described(method, template, item, node)
    if deprecated:
        are = "request is" if deprecated == 1 else "requests are"
        root.notes.add(f"{deprecated} deprecated {are} left out")
    if others:
        are = "request is" if others == 1 else "requests are"
        root.notes.add(f"{others} {are} left out by method: not one of {', '.join(METHODS)}")


def _list_methods(item: Node) -> Iterator[tuple[str, Node]]:
    for key, node in item.get_items():
        if key.lower() in METHODS and isinstance(node.value, dict):
            yield key.lower(), node


def _name_operation(root: Node, described: _Described) -> str:
    template = described.template
    base = find_base_path((described.node, described.item, root))
    return base + PARAMETER.sub(r"[\1]", template if template.startswith("/") else f"/{template}")


def _build_operation(root: Node, described: _Described) -> Operation:
    method, node = described.method, described.node
    base = find_base_path((node, described.item, root))
    parameters = _list_parameters(described.item, node)
    address = build_address(base, described.template, parameters)
    name = _name_operation(root, described)
    headers = _build_headers(parameters)
    body, obstacle = None, ""
    if method in _METHODS_WITH_BODY:
        body, obstacle = _build_body(root, node, parameters)
    elif method == "delete":
        obstacle = "removes what other requests may need"
    return Operation(method.upper(), address, name, headers, body, obstacle)


def _list_parameters(item: Node, node: Node) -> list[Node]:
    """Return the parameters of a path and of its operation, which go before those of the same name."""
    both = [*item.list_items("parameters"), *node.list_items("parameters")]
    chosen = {
        (format_scalar(each.mapping.get("name")), str(each.mapping.get("in"))): each
        for each in both
        if isinstance(each.value, dict) and is_scalar(each.mapping.get("name"))
    }
    return list(chosen.values())


def _build_headers(parameters: Sequence[Node]) -> dict[str, str]:
    """Return the headers and cookies that a request must have."""
    headers: dict[str, str] = {}
    cookies = []
    for each in parameters:
        keys = each.mapping
        name = format_scalar(keys.get("name"))
        if keys.get("required") is not True or keys.get("in") not in ("header", "cookie"):
            continue
        if not _HEADER_NAME.fullmatch(name):
            each.notes.add(f"the {keys['in']} {quote(name)} is left out: nothing can have that name")
        elif keys.get("in") == "header" and name.lower() not in _HEADERS_OF_THE_BODY:
            headers[name] = _format_header(find_parameter_value(each))
        elif keys.get("in") == "cookie":
            cookies.append(f"{name}={_format_header(find_parameter_value(each))}")
    return {**headers, **({"Cookie": "; ".join(cookies)} if cookies else {})}


def _format_header(value: Any) -> str:
    """Return the value as text; 1 if a header can't hold it."""
    items = value if isinstance(value, list) else [value]
    text = ",".join(format_scalar(each) for each in items if is_scalar(each))
    return text if _HEADER_VALUE.fullmatch(text) else "1"


def _build_body(root: Node, node: Node, parameters: Sequence[Node]) -> tuple[Body | None, str]:
    """Return an operation's body, None if it has none, and why none can be made; empty if one can."""
    content = dict(node.get("requestBody", "content").get_items())
    if not content:
        return _build_body_of_version_2(root, node, parameters)
    media_type = min(content, key=_rank_media_type)
    media = content[media_type]
    try:
        value = find_media_value(media)
    except NoValueError as error:
        return None, f"needs a body of {_name_media_type(media_type)}, but {error}"
    if _name_media_type(media_type) == "application/x-www-form-urlencoded":
        value = encode_fields(media, value)
    return _format_body(media_type, value, media.get("schema"))


def _build_body_of_version_2(root: Node, node: Node, parameters: Sequence[Node]) -> tuple[Body | None, str]:
    consumes = node.mapping.get("consumes", root.mapping.get("consumes"))
    types = [each for each in consumes if isinstance(each, str)] if isinstance(consumes, list) else []
    fields = [each for each in parameters if each.mapping.get("in") == "formData"]
    if fields:
        media_type = min([*types, "application/x-www-form-urlencoded"], key=_rank_form)
        has_file = any(each.mapping.get("type") == "file" for each in fields)
        chosen = [each for each in fields if each.mapping.get("required") is True] or fields[:1]
        value = {format_scalar(each.mapping.get("name")): find_field(each) for each in chosen}
        files = {
            format_scalar(each.mapping.get("name")) for each in fields if each.mapping.get("type") == "file"
        }
        if has_file or media_type.startswith("multipart/"):
            return Body(BodyKind.FILES, build_parts(value, files), "multipart/form-data"), ""
        return Body(BodyKind.FORM, build_form(value), media_type), ""
    body = next((each for each in parameters if each.mapping.get("in") == "body"), None)
    if body is None:
        return None, ""
    media_type = min(types or ["application/json"], key=_rank_media_type)
    try:
        return _format_body(media_type, make_value(body.get("schema")), body.get("schema"))
    except NoValueError as error:
        return None, f"needs a body of {_name_media_type(media_type)}, but {error}"


def _rank_media_type(media_type: str) -> int:
    """Return the place of a media type among those that a body can be made in; the lowest is the best."""
    name = _name_media_type(media_type)
    kinds = (
        name == "application/json",
        name.endswith("+json"),
        name in ("*/*", "application/*"),
        name == "application/x-www-form-urlencoded",
        name.startswith("multipart/"),
        name.startswith("text/") and "xml" not in name,
    )
    return kinds.index(True) if True in kinds else len(kinds)


def _rank_form(media_type: str) -> int:
    return 0 if media_type.startswith("multipart/") else 1


def _name_media_type(media_type: str) -> str:
    """Return the media type without its parameters; one that can't be a header's value counts as unknown."""
    name = media_type.partition(";")[0].strip().lower()
    return name if _MEDIA_TYPE.fullmatch(name) else "application/octet-stream"


def _format_body(media_type: str, value: Any, schema: Node) -> tuple[Body | None, str]:
    name = _name_media_type(media_type)
    if name == "application/json" or name.endswith("+json") or "*" in name:
        value = {} if value is None else _read_json_text(value, schema)
        return Body(BodyKind.JSON, value, "application/json" if "*" in name else name), ""
    if name == "application/x-www-form-urlencoded" and isinstance(value, dict):
        return Body(BodyKind.FORM, build_form(value), name), ""
    if name == "multipart/form-data" and isinstance(value, dict):
        return Body(BodyKind.FILES, build_parts(value, find_files(schema)), name), ""
    if value is None and name == "application/octet-stream" and schema.value in (None, {}):
        return Body(BodyKind.TEXT, "text", name), ""
    if is_scalar(value) and "xml" not in name:
        return Body(BodyKind.TEXT, format_scalar(value), name), ""
    return None, f"needs a body of {name}"


def _read_json_text(value: Any, schema: Node) -> Any:
    """Return the object or list that an example of JSON is, if the document has it as a text."""
    if not isinstance(value, str) or schema.mapping.get("type") == "string":
        return value
    try:
        read = json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return value
    return read if isinstance(read, dict | list) and is_plain(read) else value


def _answers_by_itself(root: Node, described: _Described) -> bool:
    """Return True for a GET that has no parameters and needs no credentials, and whose answer is 200."""
    node = described.node
    security = node.mapping.get("security", root.mapping.get("security"))
    needs_credentials = isinstance(security, list) and bool(security) and {} not in security
    return (
        described.method == "get"
        and not set("{?#") & set(described.template)
        and not _ACTION.search(described.template)
        and not needs_credentials
        and bool(node.get("responses").mapping.keys() & {"200", "2XX", "2xx"})
        and not _list_parameters(described.item, node)
    )


def _describe_credentials(root: Node) -> Iterator[str]:
    """Yield a description of each way in which the document lets a client say who it is."""
    for name, scheme in (
        *root.get("securityDefinitions").get_items(),
        *root.get("components", "securitySchemes").get_items(),
    ):
        keys = scheme.mapping
        match keys.get("type"):
            case "apiKey":
                yield f"{name}: a key in the {keys.get('in')} {keys.get('name')}"
            case "http":
                yield f"{name}: HTTP {keys.get('scheme')}"
            case "basic":
                yield f"{name}: HTTP basic"
            case "oauth2":
                yield f"{name}: OAuth 2"
            case "openIdConnect":
                yield f"{name}: OpenID Connect"
