"""The locustfile that `harness init` writes is the program that is meant, whatever the document says."""

import ast
import json
import random
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.plan.locustfile_text import format_locustfile
from harness.plan.openapi.operations import Api, Body, BodyKind, Operation, read_api
from tests.examples import count_examples

HOSTILE = [
    "\n    import os",
    "\r\nimport os",
    '"""',
    '"); import os; ("',
    "'); import os; ('",
    "\\",
    '\\"); import os #',
    "\N{LINE SEPARATOR}import os",
    "\x0cimport os",
    "\x00",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "\ud800",
    "{os}",
    "${HOME}",
    "%s",
    "# coding: utf-7",
    "+AAo-import os",
    "__class__",
]
TEXTS = st.text() | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("x".join)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    "name in required schema example examples default enum type properties items allOf oneOf format $ref "
    "content application/json multipart/form-data application/x-www-form-urlencoded text/plain value "
    "style explode minimum maximum minLength path query header cookie body formData".split()
)
PIECES: st.SearchStrategy[Any] = st.recursive(
    SCALARS
    | st.sampled_from("path query header cookie body formData array object string integer file".split()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXTS, inner, max_size=5),
    max_leaves=12,
)
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "parameters": st.lists(
            st.fixed_dictionaries(
                {
                    "name": TEXTS,
                    "in": st.sampled_from("path query header cookie body formData".split()),
                    "required": st.just(True),
                },
                optional={"example": VALUES, "schema": PIECES, "type": st.sampled_from(["string", "file"])},
            )
            | PIECES,
            max_size=3,
        ),
        "requestBody": PIECES
        | st.fixed_dictionaries({"content": st.dictionaries(KEYS | TEXTS, PIECES, max_size=2)}),
        "servers": PIECES,
        "security": PIECES,
        "responses": PIECES,
        "consumes": PIECES,
    },
)
METHODS = st.sampled_from(["get", "post", "put", "patch", "delete"])
DOCUMENTS = st.fixed_dictionaries(
    {
        "paths": st.dictionaries(
            TEXTS.map("/".__add__) | TEXTS, st.dictionaries(METHODS, OPERATIONS), max_size=3
        )
    },
    optional={
        "servers": st.lists(st.fixed_dictionaries({"url": TEXTS}), max_size=2),
        "basePath": TEXTS,
        "components": PIECES
        | st.fixed_dictionaries(
            {"securitySchemes": st.dictionaries(TEXTS, st.dictionaries(KEYS | st.just("scheme"), TEXTS))}
        ),
    },
)


def find_calls(text: str) -> list[dict[str, Any]]:
    """Return the arguments of each request in a locustfile. Fails if there is anything else in the file."""
    docstring, imports, visitor = ast.parse(text.encode()).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(imports) == "from locust import HttpUser, between, task"
    assert isinstance(visitor, ast.ClassDef)
    assert [ast.unparse(base) for base in visitor.bases] == ["HttpUser"]
    wait_time, *tasks = visitor.body
    assert ast.unparse(wait_time) == "wait_time = between(1, 4)"
    calls = []
    for task in tasks:
        assert isinstance(task, ast.FunctionDef)
        assert [ast.unparse(each) for each in task.decorator_list] == ["task"]
        (statement,) = task.body
        assert isinstance(statement, ast.Expr)
        call = statement.value
        assert isinstance(call, ast.Call)
        arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        calls.append({"call": ast.unparse(call.func), "url": ast.literal_eval(call.args[0]), **arguments})
    assert len({task.name for task in tasks if isinstance(task, ast.FunctionDef)}) == len(tasks)
    return calls


@settings(max_examples=count_examples(100), suppress_health_check=list(HealthCheck))
@given(DOCUMENTS)
def test_no_document_can_put_code_into_the_file(document: Any) -> None:
    for call in find_calls(format_locustfile(read_api(document))):
        assert call["call"] in {f"self.client.{method}" for method in ("get", "post", "put", "patch")}
        assert call["url"].startswith("/")
        assert call["url"].isascii()
        assert not set(call["url"]) & set(string.whitespace)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_text_stays_a_text_wherever_it_stands(hostile: str) -> None:
    body = Body(BodyKind.JSON, {hostile: [hostile]}, "application/json")
    operation = Operation("POST", "/x", hostile, {"X-A": hostile}, body)
    other = Operation("DELETE", "/", hostile, obstacle=hostile)
    (call,) = find_calls(format_locustfile(Api((operation, other), (hostile,))))
    assert call == {
        "call": "self.client.post",
        "url": "/x",
        "name": hostile,
        "json": {hostile: [hostile]},
        "headers": {"X-A": hostile},
    }


def test_the_injected_path_of_a_stranger_is_an_address() -> None:
    path = "/a\nimport pathlib; pathlib.Path('pwned').touch()\n#"
    calls = find_calls(format_locustfile(read_api({"paths": {path: {"post": {}}, "/x": {"get": {}}}})))
    assert [call["url"] for call in calls] == [
        "/x",
        "/a%0Aimport%20pathlib;%20pathlib.Path('pwned').touch()%0A",
    ]


def name_tasks(*paths: str) -> list[str]:
    text = format_locustfile(Api(tuple(Operation("GET", "/x", path) for path in paths)))
    return [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]


def test_each_task_has_a_name_of_its_own_that_is_valid_however_its_path_is_spelt() -> None:
    assert name_tasks("/import", "/tasks", "/", "/2fa", "/a-b", "/a_b", "/käse", "/商品", "/" + "x" * 90) == [
        "get_import",
        "get_tasks",
        "get_front_page",
        "get_2fa",
        "get_a_b",
        "get_a_b_2",
        "get_kase",
        "get_front_page_2",
        "get_" + "x" * 56,
    ]


def test_long_calls_have_a_line_for_each_argument() -> None:
    body = Body(
        BodyKind.JSON, {"name": "a" * 40, "tags": ["b" * 40], "none": None, "below": -1.5}, "application/json"
    )
    text = format_locustfile(Api((Operation("POST", "/items/1", "/items/[id]", {}, body),)))
    assert text.endswith(f"""
    @task
    def post_items_id(self):
        self.client.post(
            "/items/1",
            name="/items/[id]",
            json={{
                "name": "{"a" * 40}",
                "tags": ["{"b" * 40}"],
                "none": None,
                "below": -1.5,
            }},
        )
""")


def test_reads_go_first_and_what_is_no_task_is_named_below() -> None:
    operations = [
        Operation("POST", "/a", "/a"),
        Operation("DELETE", "/a", "/a", obstacle="removes what other requests may need"),
        *(Operation("GET", f"/{number}", f"/{number}") for number in range(40)),
    ]
    text = format_locustfile(Api(tuple(operations), ("key: HTTP basic",)))
    assert [call["url"] for call in find_calls(text)] == [f"/{number}" for number in range(30)]
    assert "    # The service knows its callers by key: HTTP basic.\n" in text
    assert "    # DELETE /a: removes what other requests may need\n" in text
    assert "    # POST /a\n" in text


def test_without_a_document_the_only_task_is_the_front_page() -> None:
    assert [call["url"] for call in find_calls(format_locustfile(Api()))] == ["/"]


LOAD = """\
import json, sys
from locust import HttpUser
from locust.util.load_locustfile import load_locustfile
known = set(dir(HttpUser))
for path in sys.argv[1:]:
    (visitor,) = load_locustfile(path)[0].values()
    names = [task.__name__ for task in visitor.tasks]
    assert not known & set(names), names
    print(len(names))
print([each for each in known if each.partition("_")[0] in ("get", "post", "put", "patch", "delete")])
"""


def test_locust_loads_the_file_and_knows_no_name_of_its_tasks(tmp_path: Path) -> None:
    reserved = (
        "/tasks /import /wait /client /weight /host /on_start /on_stop /environment /run /stop /class".split()
    )
    documents: list[Any] = [
        {"paths": {path: {"get": {}, "post": {}} for path in reserved}},
        {
            "paths": {
                f"/{''.join(random.Random(seed).sample(string.printable, 20))}": {"get": {}}
                for seed in range(20)
            }
        },
    ]
    files = []
    for number, document in enumerate(documents):
        files.append(tmp_path / f"file{number}.py")
        files[-1].write_text(format_locustfile(read_api(json.loads(json.dumps(document)))), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD, *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.stderr, run.stdout.split("\n")) == ("", ["24", "20", "[]", ""])
