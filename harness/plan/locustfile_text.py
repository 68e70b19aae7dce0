"""Write the locustfile of `harness init`: a user with a task for each request of an OpenAPI document.

What a document says can never become code. Its texts enter the file as literals and within comments of one
line; and before the file is saved, its syntax tree is compared with one that is built from the requests
without any text.
"""

import ast
import keyword
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import UsageError
from harness.plan.openapi.operations import Api, Body, BodyKind, Operation

_MOST_TASKS = 30
_MOST_COMMENTS = 30
_MOST_NAME_CHARACTERS = 60
_MOST_COMMENT_CHARACTERS = 300
_LINE_CHARACTERS = 100

_DOCSTRING = "What your users do. Weight each task by its frequency: @task(3) runs three times as often."
_CLASS_NAME = "Visitor"
_FRONT_PAGE = Operation("GET", "/", "/")


def format_locustfile(api: Api) -> str:
    """Write locustfile.py with a task for each request that can be sent, reads first, and comments on others.

    Raises:
        UsageError: the text would not be the program that the document means.
    """
    tasks, others = _choose_tasks(api.operations)
    names = list(_name_tasks(tasks))
    blocks = [_format_task(name, each) for name, each in zip(names, tasks, strict=True)]
    comments = "".join(f"    # {_to_one_line(line)}\n" for line in _list_comments(api, others, len(tasks)))
    text = (
        f'"""{_DOCSTRING}"""\n\nfrom locust import HttpUser, between, task\n\n\n'
        f"class {_CLASS_NAME}(HttpUser):\n    wait_time = between(1, 4)\n\n"
        + "\n".join(blocks)
        + (f"\n{comments}" if comments else "")
    )
    _check_program(text, names, tasks)
    return text


def _choose_tasks(operations: Sequence[Operation]) -> tuple[list[Operation], list[Operation]]:
    """Return the operations that become tasks, and the others. Those that only read go first."""
    ready = [each for each in operations if not each.obstacle]
    ordered = sorted(ready, key=lambda each: each.method != "GET")
    tasks = ordered[:_MOST_TASKS] or [_FRONT_PAGE]
    chosen = set(map(id, tasks))
    return tasks, [each for each in operations if id(each) not in chosen]


def _list_comments(api: Api, others: Sequence[Operation], count: int) -> Iterator[str]:
    """Yield the lines of the comment below the tasks."""
    if api.credentials:
        yield f"The service knows its callers by {'; '.join(api.credentials)}."
        yield 'Give it to all requests in on_start: self.client.headers["Authorization"] = …'
    for each in others[:_MOST_COMMENTS]:
        yield f"{each.method} {each.name}" + (f": {each.obstacle}" if each.obstacle else "")
    if len(others) > _MOST_COMMENTS:
        yield f"and {len(others) - _MOST_COMMENTS} more requests; {count} became tasks"


def _name_tasks(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield a name for each task: its method and the words of its path, each name once.

    Nothing that Locust knows begins with a method and an underscore, so that no task takes the place of
    something.
    """
    taken: set[str] = set()
    for each in operations:
        ascii_name = unicodedata.normalize("NFKD", each.name).encode("ascii", "ignore").decode("ascii")
        words = re.findall(r"[A-Za-z0-9]+", ascii_name)
        base = (
            "_".join([each.method, *(words or ["front", "page"])]).lower()[:_MOST_NAME_CHARACTERS].strip("_")
        )
        number = 1
        while (name := base if number == 1 else f"{base}_{number}") in taken:
            number += 1
        taken.add(name)
        yield name


def _format_task(name: str, operation: Operation) -> str:
    """Return the task's source."""
    arguments = [_format_value(operation.path, 12)]
    arguments += [f"{key}={_format_value(value, 12)}" for key, value in _list_arguments(operation).items()]
    call = f"self.client.{operation.method.lower()}"
    line = f"        {call}({', '.join(arguments)})\n"
    if len(arguments) > 1 and (len(line) > _LINE_CHARACTERS or "\n" in line.rstrip("\n")):
        line = f"        {call}(\n" + "".join(f"            {each},\n" for each in arguments) + "        )\n"
    return f"    @task\n    def {name}(self):\n{line}"


def _list_arguments(operation: Operation) -> dict[str, Any]:
    """Return the named arguments of the client's call."""
    arguments: dict[str, Any] = {"name": operation.name} if operation.name != operation.path else {}
    headers = dict(operation.headers)
    if (body := operation.body) is not None:
        key, value, media_type = _prepare_body(body)
        arguments[key] = value
        headers |= {"Content-Type": media_type} if media_type else {}
    return arguments | ({"headers": headers} if headers else {})


def _prepare_body(body: Body) -> tuple[str, Any, str]:
    """Return the client's argument for a body, its value, and the media type if it is not the client's."""
    match body.kind:
        case BodyKind.JSON:
            return "json", body.value, "" if body.media_type == "application/json" else body.media_type
        case BodyKind.FORM:
            return "data", body.value, ""
        case BodyKind.FILES:
            return "files", body.value, ""
        case BodyKind.TEXT:
            return "data", body.value.encode("utf-8", "replace"), body.media_type


def _format_value(value: Any, indent: int) -> str:
    """Return the literal of a value; a long list or mapping has a line for each item."""
    flat = _format_flat(value)
    if len(flat) + indent <= _LINE_CHARACTERS or not isinstance(value, dict | list) or not value:
        return flat
    pad = " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{_format_flat(key)}: {_format_value(each, indent + 4)}" for key, each in value.items()]
    else:
        items = [_format_value(each, indent + 4) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + "".join(f"{pad}{item},\n" for item in items) + " " * indent + closing


def _format_flat(value: Any) -> str:
    """Return the literal of a value on one line: as `repr` writes it, with double quotes if it has none.

    Raises:
        TypeError: the value is not of the types that a body can have.
    """
    match value:
        case str():
            literal = repr(value)
            has_quotes = "'" in value or '"' in value
            return literal if has_quotes else f'"{literal[1:-1]}"'
        case None | bool() | int() | float() | bytes():
            return repr(value)
        case list():
            return f"[{', '.join(map(_format_flat, value))}]"
        case tuple():
            return f"({', '.join(map(_format_flat, value))})"
        case dict():
            pairs = (f"{_format_flat(key)}: {_format_flat(each)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"no literal for {type(value).__name__}")


def _to_one_line(text: str) -> str:
    """Return the text with all that could end a comment, or change how it is shown, as escapes."""
    shown = text if len(text) <= _MOST_COMMENT_CHARACTERS else f"{text[:_MOST_COMMENT_CHARACTERS]}…"
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in shown
    )


def _check_program(text: str, names: Sequence[str], tasks: Sequence[Operation]) -> None:
    """Raise UsageError unless the text is the program that the tasks mean, and nothing else."""
    usable = all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    meant = ast.unparse(ast.fix_missing_locations(_build_program(names, tasks)))
    try:
        is_meant = ast.dump(ast.parse(text.encode("utf-8"))) == ast.dump(ast.parse(meant))
    except (SyntaxError, ValueError):
        is_meant = False
    if not usable or not is_meant:
        raise UsageError(
            "no locustfile can be written: it would not be the program that the document means",
            "init without --openapi; and report the document, this is a mistake of the harness",
        )


def _build_program(names: Sequence[str], tasks: Sequence[Operation]) -> ast.Module:
    """Return the syntax tree of the locustfile, built from values."""
    load = ast.Load()
    imports = ast.ImportFrom("locust", [ast.alias(each) for each in ("HttpUser", "between", "task")], 0)
    wait_time = ast.Assign(
        [ast.Name("wait_time", ast.Store())],
        ast.Call(ast.Name("between", load), [ast.Constant(1), ast.Constant(4)], []),
    )
    functions = [_build_function(name, each) for name, each in zip(names, tasks, strict=True)]
    visitor = ast.ClassDef(_CLASS_NAME, [ast.Name("HttpUser", load)], [], [wait_time, *functions], [])
    return ast.Module([ast.Expr(ast.Constant(_DOCSTRING)), imports, visitor], [])


def _build_function(name: str, operation: Operation) -> ast.FunctionDef:
    load = ast.Load()
    client = ast.Attribute(ast.Name("self", load), "client", load)
    call = ast.Call(
        ast.Attribute(client, operation.method.lower(), load),
        [_build_literal(operation.path)],
        [ast.keyword(key, _build_literal(value)) for key, value in _list_arguments(operation).items()],
    )
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg("self")], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    return ast.FunctionDef(name, arguments, [ast.Expr(call)], [ast.Name("task", load)])


def _build_literal(value: Any) -> ast.expr:
    """Return the syntax tree of a value's literal. A negative number is a minus before a positive one."""
    load = ast.Load()
    match value:
        case list():
            return ast.List([_build_literal(each) for each in value], load)
        case tuple():
            return ast.Tuple([_build_literal(each) for each in value], load)
        case dict():
            pairs: Mapping[Any, Any] = value
            return ast.Dict(
                [_build_literal(key) for key in pairs], [_build_literal(each) for each in pairs.values()]
            )
        case bool():
            return ast.Constant(value)
        case int() | float() if value < 0 or repr(value).startswith("-"):
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)
