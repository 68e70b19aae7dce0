"""The requests of an OpenAPI document have the addresses, headers and bodies that it describes."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.plan.openapi.operations import Api, BodyKind, Operation, read_api


def read_paths(paths: dict[str, Any], version: str = "3.0.3", **more: Any) -> Api:
    return read_api({"openapi": version, "paths": paths, **more})


def read_get(operation: dict[str, Any], path: str = "/x", **more: Any) -> Operation:
    (read,) = read_paths({path: {"get": operation}}, **more).operations
    return read


def read_query(**parameter: Any) -> str:
    """Return the address with one required parameter `q` in its query."""
    return read_get({"parameters": [{"name": "q", "in": "query", "required": True, **parameter}]}).path


def read_body(schema: Any, version: str = "3.1.0", **more: Any) -> Any:
    """Return the JSON body that is made for a schema."""
    content = {"content": {"application/json": {"schema": schema}}}
    (operation,) = read_paths({"/x": {"post": {"requestBody": content}}}, version, **more).operations
    assert operation.body is not None
    return operation.body.value


def test_requests_have_the_documents_examples() -> None:
    document = {
        "/items": {
            "get": {
                "parameters": [{"in": "query", "name": "page", "required": True, "schema": {"minimum": 2}}]
            },
            "post": {},
        },
        "/items/{id}": {
            "parameters": [{"in": "path", "name": "id", "example": 42}],
            "get": {"parameters": [{"in": "query", "name": "deep"}]},
        },
        "/kinds/{kind}/": {
            "get": {"parameters": [{"in": "path", "name": "kind", "schema": {"enum": ["a", "b"]}}]}
        },
    }
    assert read_paths(document).operations == (
        Operation("GET", "/items?page=2", "/items"),
        Operation("POST", "/items", "/items"),
        Operation("GET", "/items/42", "/items/[id]"),
        Operation("GET", "/kinds/a/", "/kinds/[kind]/"),
    )


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, "text"])
def test_a_document_that_is_not_openapi_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="OpenAPI"):
        read_api(document)


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        ([], "/x"),
        ([{"url": "/"}], "/x"),
        ([{"url": "/api/v3"}], "/api/v3/x"),
        ([{"url": "https://shop.example/api/v3/"}], "/api/v3/x"),
        ([{"url": "https://shop.example"}], "/x"),
        ([{"url": "//shop.example/v1"}], "/v1/x"),
        ([{"url": "v1"}], "/v1/x"),
        ([{"url": "../v1"}], "/v1/x"),
        ([{"url": "https://{region}.example/{base}", "variables": {"base": {"default": "v2"}}}], "/v2/x"),
        ([{"url": "/{stage}", "variables": {"stage": {"enum": ["live", "test"]}}}], "/live/x"),
        ([{"url": "/{unknown}"}], "/unknown/x"),
        ([{"url": "/a b"}], "/a%20b/x"),
        ([{"url": "http://[broken"}], "/x"),
        ([{"url": None}, "text"], "/x"),
        ([{"url": "localhost:8080/v1"}], "/v1/x"),
        ([{"url": "localhost:3000"}], "/x"),
        ([{"url": "api.shop.example/v1"}], "/v1/x"),
        ([{"url": "shop:8080"}], "/x"),
        ([{"url": "127.0.0.1/v1"}], "/v1/x"),
        ([{"url": "index.php/api"}], "/index.php/api/x"),
        ([{"url": "v1.0/api"}], "/v1.0/api/x"),
    ],
)
def test_the_path_of_the_first_server_precedes_each_address(servers: list[Any], path: str) -> None:
    operation = read_get({}, servers=servers)
    assert (operation.path, operation.name) == (path, path)


def test_servers_of_an_operation_go_before_those_of_its_path_and_of_the_document() -> None:
    v1, v2, v3 = ([{"url": f"/v{number}"}] for number in (1, 2, 3))
    paths = {"/x": {"servers": v2, "get": {}, "post": {"servers": v3}}, "/y": {"get": {}}}
    assert [each.path for each in read_paths(paths, servers=v1).operations] == ["/v2/x", "/v3/x", "/v1/y"]


def test_servers_with_different_paths_are_noted() -> None:
    servers = [{"url": "https://a.example/v1"}, {"url": "https://b.example/v1"}, {"url": "/v2"}]
    assert read_paths({"/x": {"get": {}}}, servers=servers).notes == (
        "its servers have the base paths /v1, /v2; the tasks use /v1",
    )


def test_a_document_of_version_2_has_a_base_path() -> None:
    for base, path in (("/v2/", "/v2/x"), ("v2", "/v2/x"), ("/", "/x"), ("", "/x")):
        document = {"swagger": "2.0", "basePath": base, "paths": {"/x": {"get": {}}}}
        assert read_api(document).operations[0].path == path


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ({"schema": {"type": "string", "default": "red & white #1"}}, "q=red%20%26%20white%20%231"),
        ({"schema": {"type": "boolean", "default": True}}, "q=true"),
        ({"schema": {"type": "boolean"}}, "q=true"),
        ({"schema": {"type": "integer", "minimum": 5}}, "q=5"),
        ({"schema": {"type": "integer", "minimum": 5, "exclusiveMinimum": True}}, "q=6"),
        ({"schema": {"type": "integer", "exclusiveMinimum": 5}}, "q=6"),
        ({"schema": {"type": "integer", "maximum": 0}}, "q=0"),
        ({"schema": {"type": "integer", "multipleOf": 10}}, "q=10"),
        ({"schema": {"type": "number", "minimum": 0, "maximum": 0.5}}, "q=0.5"),
        ({"schema": {"type": ["null", "integer"]}}, "q=1"),
        ({"schema": {"const": "only"}}, "q=only"),
        ({"schema": {"type": "string", "format": "date"}}, "q=2024-01-01"),
        ({"schema": {"type": "string", "format": "date-time"}}, "q=2024-01-01T00%3A00%3A00Z"),
        ({"schema": {"type": "string", "minLength": 3}}, "q=111"),
        ({"schema": {"type": "string", "enum": ["a", "b"]}}, "q=a"),
        ({"schema": {"type": "string", "examples": ["shoe"]}}, "q=shoe"),
        ({"examples": {"none": {}, "one": {"value": "shoe"}}}, "q=shoe"),
        ({"example": 0}, "q=0"),
        ({"example": ["a", "b"]}, "q=a&q=b"),
        ({"example": False}, "q=false"),
        ({"schema": {"type": "array", "items": {"enum": ["a", "b"]}}}, "q=a"),
        ({"schema": {"type": "array"}, "example": ["a", "b c"]}, "q=a&q=b%20c"),
        ({"schema": {"type": "array"}, "example": ["a", "b"], "explode": False}, "q=a,b"),
        ({"schema": {"type": "array"}, "example": [1, 2], "style": "pipeDelimited"}, "q=1%7C2"),
        ({"schema": {"type": "array"}, "example": [1, 2], "style": "spaceDelimited"}, "q=1%202"),
        ({"schema": {"type": "object"}, "example": {"a": 1, "b": 2}}, "a=1&b=2"),
        ({"schema": {"type": "object"}, "example": {"a": 1}, "style": "deepObject"}, "q%5Ba%5D=1"),
        ({"schema": {"type": "object"}, "example": {"a": 1}, "explode": False}, "q=a,1"),
        ({"example": "a/b?c", "allowReserved": True}, "q=a/b?c"),
        ({"example": "a&b#c+d", "allowReserved": True}, "q=a%26b%23c%2Bd"),
        ({"content": {"application/json": {"schema": {"example": {"a": 1}}}}}, "q=%7B%22a%22%3A%201%7D"),
        ({}, "q=1"),
    ],
)
def test_a_parameter_has_a_value_that_its_schema_allows_encoded_by_its_style(
    parameter: dict[str, Any], query: str
) -> None:
    assert read_query(**parameter) == f"/x?{query}"


@pytest.mark.parametrize(
    ("format_", "query"),
    [("csv", "q=a,b"), ("ssv", "q=a%20b"), ("pipes", "q=a%7Cb"), ("multi", "q=a&q=b"), (None, "q=a,b")],
)
def test_lists_of_version_2_have_the_format_that_it_names(format_: str | None, query: str) -> None:
    named = {"collectionFormat": format_} if format_ else {}
    parameter = {"type": "array", "items": {"type": "string"}, "default": ["a", "b"], **named}
    assert read_query(**parameter) == f"/x?{query}"


@pytest.mark.parametrize(
    ("parameter", "path"),
    [
        ({"example": "a/b c"}, "/x/a%2Fb%20c"),
        ({"example": ".."}, "/x/1"),
        ({"example": ""}, "/x/1"),
        ({"schema": {"type": "array"}, "example": ["a", "b"]}, "/x/a,b"),
        ({"example": "a", "style": "label"}, "/x/.a"),
        ({"example": "a", "style": "matrix"}, "/x/;id=a"),
        ({"schema": {"type": "string", "format": "uuid"}}, "/x/123e4567-e89b-42d3-a456-426614174000"),
    ],
)
def test_a_value_in_a_path_is_one_segment(parameter: dict[str, Any], path: str) -> None:
    operation = read_get({"parameters": [{"name": "id", "in": "path", **parameter}]}, "/x/{id}")
    assert (operation.path, operation.name) == (path, "/x/[id]")


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("x", "/x"),
        ("/a b", "/a%20b"),
        ("/käse", "/k%C3%A4se"),
        ("/#Action=List", "/"),
        ("/{unknown}", "/1"),
        ("/{+rest}:do", "/1:do"),
        ("/x?y=1", "/x?y=1"),
        ("@elsewhere.example/", "/@elsewhere.example/"),
        ("/\ud800", "/?"),
    ],
)
def test_an_address_begins_with_a_slash_and_is_encoded(template: str, path: str) -> None:
    assert read_get({}, template).path == path


def test_patterns_and_queries_of_a_template_are_filled_in() -> None:
    assert read_get({}, "/v1/{name=projects/*/places/*}:check").path == "/v1/projects/1/places/1:check"
    assert read_get({}, "/search{?q,page}").path == "/search"


def test_required_headers_and_cookies_are_sent() -> None:
    parameters = [
        {"name": "X-Version", "in": "header", "required": True, "schema": {"type": "string", "default": "2"}},
        {"name": "X-Other", "in": "header", "schema": {"type": "string"}},
        {"name": "X-Bad", "in": "header", "required": True, "example": "a\r\nHost: b"},
        {"name": "bad name", "in": "header", "required": True},
        {"name": "Accept", "in": "header", "required": True, "example": "text/html"},
        {"name": "session", "in": "cookie", "required": True, "example": "abc"},
    ]
    assert read_get({"parameters": parameters}).headers == {
        "X-Version": "2",
        "X-Bad": "1",
        "Cookie": "session=abc",
    }


def test_a_header_that_no_client_can_send_is_noted() -> None:
    parameters = [
        {"name": "bad name", "in": "header", "required": True},
        {"name": "a;b", "in": "cookie", "required": True},
        {"name": "not needed", "in": "header"},
    ]
    assert read_paths({"/x": {"get": {"parameters": parameters}}}).notes == (
        'the header "bad name" is left out: nothing can have that name',
        'the cookie "a;b" is left out: nothing can have that name',
    )


def test_an_operations_parameter_goes_before_its_paths() -> None:
    inherited = {"name": "q", "in": "query", "required": True, "example": "path"}
    paths = {"/x": {"parameters": [inherited], "get": {"parameters": [{**inherited, "example": "own"}]}}}
    assert read_paths(paths).operations[0].path == "/x?q=own"


def test_references_are_followed_also_one_to_the_next() -> None:
    components = {
        "parameters": {
            "page": {
                "name": "page",
                "in": "query",
                "required": True,
                "schema": {"$ref": "#/components/x~1y"},
            },
            "again": {"$ref": "#/components/parameters/page"},
        },
        "x/y": {"type": "integer", "minimum": 3},
    }
    ref = {"$ref": "#/components/parameters/again"}
    assert read_get({"parameters": [ref]}, components=components).path == "/x?page=3"


def test_a_path_and_the_parameters_of_another_file_beside_the_document_are_followed(tmp_path: Path) -> None:
    (tmp_path / "paths").mkdir()
    shared = {"get": {"parameters": [{"$ref": "../shared.yaml#/page"}]}}
    (tmp_path / "paths/items.json").write_text(json.dumps(shared))
    (tmp_path / "shared.yaml").write_text("page: {name: page, in: query, required: true, example: 7}\n")
    document = {"openapi": "3.0.0", "paths": {"/items": {"$ref": "paths/items.json"}}}
    api = read_api(document, tmp_path / "openapi.json")
    assert (api.operations, api.notes) == ((Operation("GET", "/items?page=7", "/items"),), ())


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ("https://evil.example/x.json", "nothing is fetched from elsewhere"),
        ("//evil.example/x.json", "nothing is fetched from elsewhere"),
        ("../outside.json", "lies outside of the document's project"),
        ("inside-link.json", "lies outside of the document's project"),
        ("secret.txt", "no file called"),
        ("missing.json", "can't be read"),
        ("#/components/missing", "there is nothing in the document"),
        ("#/paths/~1x/get/parameters/many", "there is nothing in the document"),
        ("#anchor", "there is nothing in the document"),
    ],
)
def test_references_to_elsewhere_are_noted_and_not_followed(tmp_path: Path, ref: str, reason: str) -> None:
    outside = {"name": "q", "in": "query", "required": True}
    (tmp_path / "outside.json").write_text(json.dumps(outside))
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret.txt").write_text("{}")
    (home / "inside-link.json").symlink_to(tmp_path / "outside.json")
    document = {"openapi": "3.0.0", "paths": {"/x": {"get": {"parameters": [{"$ref": ref}]}}}}
    api = read_api(document, home / "openapi.json")
    assert api.operations == (Operation("GET", "/x", "/x"),)
    (note,) = api.notes
    assert note.startswith(f"{ref} is not followed: ")
    assert reason in note


NODE = {
    "type": "object",
    "required": ["name", "next", "children"],
    "properties": {
        "name": {"type": "string"},
        "next": {"$ref": "#/components/schemas/Node"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
    },
}


def test_a_schema_that_contains_itself_ends() -> None:
    body = read_body({"$ref": "#/components/schemas/Node"}, components={"schemas": {"Node": NODE}})
    assert body == {"name": "text", "children": []}


def test_a_reference_to_itself_ends() -> None:
    components = {
        "schemas": {"A": {"$ref": "#/components/schemas/B"}, "B": {"$ref": "#/components/schemas/A"}}
    }
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
    (operation,) = read_paths({"/x": {"post": {"requestBody": content}}}, components=components).operations
    assert operation.obstacle == "needs a body of application/json, but its schema is not in the document"


def test_a_schema_that_branches_without_end_is_cut() -> None:
    schemas = {
        f"S{level}": {
            "required": list("abcdefghij"),
            "properties": {key: {"$ref": f"#/components/schemas/S{level + 1}"} for key in "abcdefghij"},
        }
        for level in range(30)
    }
    body = read_body({"$ref": "#/components/schemas/S0"}, components={"schemas": schemas})
    assert len(json.dumps(body)) < 20_000


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}},
            {"a": "text", "b": 1},
        ),
        ({"properties": {"a": {}, "b": {"type": "null"}}, "required": ["b"]}, {"b": None}),
        ({"properties": {"id": {"type": "integer", "readOnly": True}, "a": {"default": 3}}}, {"a": 3}),
        ({"required": ["undescribed"]}, {"undescribed": "text"}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {}),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
            {"b": 2, "a": 1},
        ),
        ({"allOf": [{"enum": ["x", "y"]}], "nullable": True}, "x"),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"anyOf": [{"type": "boolean"}, {"type": "integer"}]}, True),
        ({"type": ["null", "string"], "maxLength": 1}, "t"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"type": "string", "example": 12345}, "12345"),
        ({"type": "integer", "example": "12"}, 12),
        ({"type": "integer", "example": "twelve"}, 1),
        ({"example": {"a": [1, None]}}, {"a": [1, None]}),
        ({"type": "string", "format": "email"}, "user@example.com"),
        ({"minimum": 1e400}, 1),
        (True, "text"),
    ],
)
def test_a_body_is_made_of_its_schema(schema: Any, value: Any) -> None:
    assert read_body(schema) == value


def test_the_property_that_tells_alternatives_apart_names_the_chosen_one() -> None:
    schemas = {
        "Cat": {
            "properties": {"kind": {"type": "string"}, "lives": {"const": 9}},
            "required": ["kind", "lives"],
        }
    }
    choice = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}],
        "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/components/schemas/Cat"}},
    }
    assert read_body(choice, components={"schemas": schemas}) == {"kind": "cat", "lives": 9}


PET = {
    "type": "object",
    "properties": {"kind": {"type": "string"}, "name": {"type": "string"}},
    "required": ["kind", "name"],
    "discriminator": {"propertyName": "kind"},
}
DOG = {
    "allOf": [
        {"$ref": "#/components/schemas/Pet"},
        {"properties": {"bark": {"const": 3}}, "required": ["bark"]},
    ]
}


def test_a_schema_that_builds_upon_a_general_one_is_named_by_what_tells_them_apart() -> None:
    schemas = {"Pet": PET, "Dog": DOG}
    dog = {"$ref": "#/components/schemas/Dog"}
    assert read_body(dog, components={"schemas": schemas}) == {"kind": "Dog", "name": "text", "bark": 3}
    mapping = {"propertyName": "kind", "mapping": {"cat": "Cat", "dog": "#/components/schemas/Dog"}}
    mapped = {"schemas": {"Pet": {**PET, "discriminator": mapping}, "Dog": DOG}}
    assert read_body(dog, components=mapped)["kind"] == "dog"
    puppy = {"com.example.Puppy": {"allOf": [dog, {"properties": {"weeks": {"const": 2}}}]}}
    named = read_body(
        {"$ref": "#/components/schemas/com.example.Puppy"}, components={"schemas": schemas | puppy}
    )
    assert named == {"kind": "com.example.Puppy", "name": "text", "bark": 3}


@pytest.mark.parametrize("to", ["Dog", "#/components/schemas/Dog"])
def test_of_a_general_schema_the_first_kind_is_taken(to: str) -> None:
    pet = {**PET, "discriminator": {"propertyName": "kind", "mapping": {"dog": to}}}
    components = {"schemas": {"Pet": pet, "Dog": DOG}}
    expected = {"kind": "dog", "name": "text", "bark": 3}
    assert read_body({"$ref": "#/components/schemas/Pet"}, components=components) == expected
    described = {"allOf": [{"$ref": "#/components/schemas/Pet"}], "description": "any"}
    assert read_body(described, components=components) == expected


def test_a_kind_that_is_not_in_the_document_leaves_the_general_schema() -> None:
    pet = {**PET, "discriminator": {"propertyName": "kind", "mapping": {"dog": "Gone"}}}
    body = read_body({"$ref": "#/components/schemas/Pet"}, components={"schemas": {"Pet": pet}})
    assert body == {"kind": "text", "name": "text"}


def test_a_body_of_bytes_without_a_schema_is_a_text() -> None:
    body = read_content({"application/octet-stream": {}}).body
    assert body is not None
    assert (body.kind, body.value, body.media_type) == (BodyKind.TEXT, "text", "application/octet-stream")


def test_a_document_of_webhooks_alone_says_so() -> None:
    with pytest.raises(ValueError, match="has webhooks, which the service itself requests of others"):
        read_api({"openapi": "3.1.0", "webhooks": {"paid": {"post": {}}}})


def read_content(content: dict[str, Any]) -> Operation:
    (operation,) = read_paths({"/x": {"post": {"requestBody": {"content": content}}}}).operations
    return operation


def test_a_body_is_sent_in_the_media_type_that_can_be_made() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"enum": ["x"]}}}}
    form = read_content({"application/xml": {}, "application/x-www-form-urlencoded": {"schema": schema}}).body
    assert form is not None
    assert (form.kind, form.value) == (BodyKind.FORM, {"a": "1", "b": ["x"]})
    patch = read_content({"application/merge-patch+json; charset=utf-8": {"example": [1]}}).body
    assert patch is not None
    assert (patch.kind, patch.value, patch.media_type) == (BodyKind.JSON, [1], "application/merge-patch+json")
    text = read_content({"text/plain": {"example": "hello"}}).body
    assert text is not None
    assert (text.kind, text.value) == (BodyKind.TEXT, "hello")
    file = {"properties": {"file": {"type": "string", "format": "binary"}, "note": {"type": "string"}}}
    parts = read_content({"multipart/form-data": {"schema": file}}).body
    assert parts is not None
    assert parts.value == {"file": ("file.txt", "text"), "note": (None, "text")}
    assert read_content({"application/xml": {"schema": schema}}).obstacle == "needs a body of application/xml"


def test_bodies_of_version_2_come_from_body_and_form_parameters() -> None:
    body = {"in": "body", "name": "pet", "schema": {"properties": {"name": {"example": "Tom"}}}}
    fields = [
        {"in": "formData", "name": "name", "type": "string", "required": True},
        {"in": "formData", "name": "status", "type": "string"},
    ]
    upload = {"in": "formData", "name": "file", "type": "file", "required": True}
    document = {
        "swagger": "2.0",
        "paths": {
            "/pet": {"post": {"parameters": [body]}},
            "/form": {"post": {"parameters": fields}},
            "/file": {"post": {"parameters": [upload]}},
        },
    }
    bodies = [each.body for each in read_api(document).operations]
    assert [(each.kind, each.value) for each in bodies if each] == [
        (BodyKind.JSON, {"name": "Tom"}),
        (BodyKind.FORM, {"name": "1"}),
        (BodyKind.FILES, {"file": ("file.txt", "1")}),
    ]


def test_requests_that_delete_are_no_tasks_and_deprecated_ones_are_left_out() -> None:
    api = read_paths({"/x": {"delete": {}, "get": {"deprecated": True}, "head": {}}})
    assert [(each.method, bool(each.obstacle)) for each in api.operations] == [("DELETE", True)]
    assert api.notes == (
        "1 deprecated request is left out",
        "1 request is left out by method: not one of get, post, put, patch, delete",
    )


def test_the_target_is_ready_when_a_request_without_parameters_is_answered() -> None:
    plain: dict[str, Any] = {"get": {"responses": {"200": {}}}}
    secured = {"get": {"responses": {"200": {}}, "security": [{"key": []}]}}
    created: dict[str, Any] = {"get": {"responses": {"201": {}}}}
    assert read_paths({"/a/{id}": plain, "/b": secured, "/c": created, "/d": plain}).ready_path == "/d"
    assert read_paths({"/user/logout": plain}).ready_path is None
    assert read_paths({"/d": plain, "/api/healthz": plain}).ready_path == "/api/healthz"
    assert read_paths({"/a": secured}).ready_path is None
    optional = {"get": {"responses": {"200": {}}, "parameters": [{"name": "user", "in": "query"}]}}
    assert read_paths({"/user/login": optional}).ready_path is None


def test_ways_to_know_a_caller_are_described() -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "b": {"type": "http", "scheme": "bearer"},
    }
    api = read_paths({}, components={"securitySchemes": schemes})
    assert api.credentials == ("key: a key in the header X-Key", "b: HTTP bearer")


def test_of_many_requests_only_the_first_are_complete_and_reads_go_first() -> None:
    paths: dict[str, Any] = {f"/{number}/{{id}}": {"post": {}, "get": {}} for number in range(100)}
    operations = read_paths(paths).operations
    assert [each.method for each in operations[:3]] == ["POST", "GET", "POST"]
    complete = [each for each in operations if not each.obstacle]
    assert [(each.method, each.path) for each in complete] == [
        ("GET", f"/{number}/1") for number in range(60)
    ]


def test_a_file_elsewhere_in_the_repository_is_followed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "spec").mkdir()
    (tmp_path / "common.yaml").write_text("page: {name: p, in: query, required: true, example: 7}\n")
    paths = {"/x": {"get": {"parameters": [{"$ref": "../common.yaml#/page"}]}}}
    api = read_api({"openapi": "3.0.3", "paths": paths}, tmp_path / "spec/openapi.json")
    assert (api.operations[0].path, api.notes) == ("/x?p=7", ())


def test_extensions_among_the_paths_are_no_requests() -> None:
    assert read_paths({"x-hidden": {"get": {}}, "/x": {"get": {}}}).operations == (
        Operation("GET", "/x", "/x"),
    )


@pytest.mark.parametrize(
    ("schema", "example", "value"),
    [
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({}, "[1, 2]", [1, 2]),
        ({"type": "string"}, '{"a": 1}', '{"a": 1}'),
        ({}, "plain {", "plain {"),
        ({}, "5", "5"),
    ],
)
def test_an_example_of_json_that_is_written_as_a_text_is_read(
    schema: dict[str, Any], example: str, value: Any
) -> None:
    operation = read_content({"application/json": {"schema": schema, "example": example}})
    assert operation.body is not None
    assert operation.body.value == value


def test_objects_in_forms_are_sent_as_json() -> None:
    example = {"name": "a", "meta": {"b": [1, "ä"]}, "none": None}
    form = read_content({"application/x-www-form-urlencoded": {"example": example}}).body
    assert form is not None
    assert form.value == {"name": "a", "meta": '{"b": [1, "ä"]}'}
    parts = read_content({"multipart/form-data": {"example": example}}).body
    assert parts is not None
    assert parts.value == {"name": (None, "a"), "meta": (None, '{"b": [1, "ä"]}', "application/json")}


def test_methods_that_no_task_has_are_noted() -> None:
    further: dict[str, Any] = {"additionalOperations": {"COPY": {}}}
    api = read_paths({"/x": {"get": {}, "head": {}, "options": {}}, "/y": further})
    assert len(api.operations) == 1
    assert api.notes == ("3 requests are left out by method: not one of get, post, put, patch, delete",)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [({}, "a,b"), ({"collectionFormat": "multi"}, ["a", "b"]), ({"collectionFormat": "pipes"}, "a|b")],
)
def test_a_list_in_a_form_of_version_2_is_one_field_unless_it_is_multi(
    parameter: dict[str, Any], value: Any
) -> None:
    tags = {"name": "tags", "in": "formData", "required": True, "type": "array", "default": ["a", "b"]}
    document = {"swagger": "2.0", "paths": {"/x": {"post": {"parameters": [{**tags, **parameter}]}}}}
    body = read_api(document).operations[0].body
    assert body is not None
    assert body.value == {"tags": value}


@pytest.mark.parametrize(
    ("encoding", "value"),
    [
        ({}, ["a", "b"]),
        ({"contentType": "text/plain"}, ["a", "b"]),
        ({"explode": False}, "a,b"),
        ({"style": "pipeDelimited"}, "a|b"),
        ({"style": "spaceDelimited", "explode": False}, "a b"),
    ],
)
def test_a_list_in_a_form_has_the_encoding_that_the_document_names(
    encoding: dict[str, Any], value: Any
) -> None:
    schema = {"type": "object", "properties": {"tags": {"type": "array", "example": ["a", "b"]}}}
    media = {"schema": schema, "encoding": {"tags": encoding}}
    content = {"application/x-www-form-urlencoded": media}
    body = read_paths({"/x": {"post": {"requestBody": {"content": content}}}}).operations[0].body
    assert body is not None
    assert body.value == {"tags": value}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"prefixItems": [{"type": "integer"}, {"enum": ["a"]}]}, [1, "a"]),
        ({"items": {"enum": ["a", "b", "c"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [1, 2, 3]),
        ({"items": {"type": "string"}, "minItems": 2, "uniqueItems": True}, ["text", "text2"]),
        ({"items": {"type": "string"}, "minItems": 2}, ["text", "text"]),
    ],
)
def test_a_list_has_the_items_that_its_schema_asks_for(schema: dict[str, Any], value: list[Any]) -> None:
    assert read_body({"type": "array", **schema}) == value
