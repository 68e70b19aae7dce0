"""The command init: write a target, a locustfile and a matrix that can be run at once."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.console import DONE, app, is_on_terminal, out, say
from harness.errors import InputError, UsageError
from harness.measure.docker.image import inspect_image
from harness.plan import (
    Api,
    FileChoice,
    ServiceFacts,
    choose_context,
    choose_files,
    format_locustfile,
    format_matrix,
    format_target,
    load_plan,
    quote,
    read_api,
    read_dockerfile,
    read_large_document,
    summarize_service,
    to_target_name,
)

_LAST_PORT = 65535

_Name = Annotated[str, typer.Argument(help="The name of the new target.", metavar="NAME")]
_Image = Annotated[str | None, typer.Option(help="The image to measure, such as nginx:1.27.")]
_Dockerfile = Annotated[
    Path | None, typer.Option(help="The Dockerfile to build the target from; by default ./Dockerfile.")
]
_Compose = Annotated[
    Path | None,
    typer.Option(help="The compose file of the target; by default what `docker compose up` reads here."),
]
_Service = Annotated[
    str | None,
    typer.Option(help="The service to measure; by default the one called NAME, or the only one."),
]
_Port = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=_LAST_PORT,
        help="The port that the target listens on in its container; by default detected.",
    ),
]
_Ready = Annotated[
    str | None,
    typer.Option(
        help="A path that answers 200 once the target is ready; by default the image's HEALTHCHECK, or an "
        "open port."
    ),
]
_OpenApi = Annotated[
    Path | None,
    typer.Option(
        help="An OpenAPI document to write the locustfile's tasks from; by default the only task is GET /."
    ),
]


@app.command("init")
def init(
    name: _Name,
    image: _Image = None,
    dockerfile: _Dockerfile = None,
    compose: _Compose = None,
    service: _Service = None,
    port: _Port = None,
    ready: _Ready = None,
    openapi: _OpenApi = None,
) -> int:
    """Write a target, a locustfile and a matrix for an image, a Dockerfile or a service of a compose file."""
    target_folder = Path("targets") / to_target_name(name)
    matrix = Path(f"{to_target_name(name)}.yaml")
    facts = _find_service(name, target_folder, image, dockerfile, compose, service)
    facts = _complete_facts(facts, port, ready, openapi)
    cores = os.cpu_count() or 1
    _write(
        {
            target_folder / "target.yaml": format_target(facts, cores),
            target_folder / "locustfile.py": format_locustfile(facts.api),
            matrix: format_matrix(facts, cores),
        }
    )
    for note in facts.api.notes:
        say(f"note: {openapi}: {note}")
    _print_next_steps(matrix)
    return DONE


def _complete_facts(
    facts: ServiceFacts, port: int | None, ready: str | None, openapi: Path | None
) -> ServiceFacts:
    """Return the facts with the values of the options. Asks the user for the port if it is unknown."""
    facts = replace(facts, port=port or facts.port, ready_path=ready)
    if facts.port is None and "compose" not in facts.run:
        facts = replace(facts, port=_ask_for_port())
    if openapi is not None:
        api = _read_openapi(openapi)
        facts = replace(facts, api=api)
        if facts.ready_path is None and not facts.has_healthcheck:
            facts = replace(facts, ready_path=api.ready_path)
    return facts


def _print_next_steps(matrix: Path) -> None:
    say("Next, describe in the locustfile what your users do. Then:")
    say(f"  harness plan {matrix}      # shows what would be measured")
    say(f"  harness run {matrix}")
    _print_open_tasks(matrix)


def _print_open_tasks(matrix: Path) -> None:
    """Print the notes on the new files, and what the user must complete in them before a run."""
    try:
        for note in load_plan(matrix).notes:
            say(f"note: {note}")
    except InputError as error:
        for problem in error.problems:
            say(f"to do: {problem}")


def _find_service(
    name: str,
    target_folder: Path,
    image: str | None,
    dockerfile: Path | None,
    compose: Path | None,
    service: str | None,
) -> ServiceFacts:
    """Return the facts of the service that an option names, or that a file in this folder describes."""
    sources = [each for each in (image, dockerfile, compose) if each is not None]
    if len(sources) > 1:
        raise UsageError("--image, --dockerfile and --compose are mutually exclusive", "keep one of them")
    choice = None if compose is None else FileChoice((compose.absolute(),))
    if not sources:
        choice = _choose_compose_files()
        dockerfile = Path("Dockerfile") if choice is None and Path("Dockerfile").is_file() else None
    if choice is not None:
        return _read_compose(name, target_folder, choice, service)
    if dockerfile is not None:
        return _read_dockerfile(name, target_folder, dockerfile)
    if image is not None:
        port, has_healthcheck = inspect_image(image)
        return ServiceFacts(name, {"image": image}, port, has_healthcheck=has_healthcheck)
    raise UsageError(
        "no option says what to measure, and this folder has no compose file and no Dockerfile",
        "--image nginx:1.27, --dockerfile path/to/Dockerfile, or --compose compose.yaml --service api",
    )


def _read_dockerfile(name: str, target_folder: Path, dockerfile: Path) -> ServiceFacts:
    try:
        text = dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{dockerfile}: {error.strerror}", "--dockerfile path/to/Dockerfile") from None
    port, has_healthcheck = read_dockerfile(text)
    folder = dockerfile.absolute().parent
    context = choose_context(text, folder, Path.cwd())
    if context != folder:
        say(f"note: {dockerfile} is built from {os.path.relpath(context)}, which has the files it copies")
    build = {"context": os.path.relpath(context, target_folder.absolute())}
    if (inside := os.path.relpath(dockerfile, context)) != "Dockerfile":
        build["dockerfile"] = inside
    return ServiceFacts(name, {"build": build}, port, has_healthcheck=has_healthcheck)


def _choose_compose_files() -> FileChoice | None:
    try:
        return choose_files(Path.cwd(), os.environ)
    except ValueError as error:
        raise UsageError(str(error), "correct COMPOSE_FILE, or name a file with --compose") from None


def _read_compose(name: str, target_folder: Path, choice: FileChoice, service: str | None) -> ServiceFacts:
    files = [os.path.relpath(path, target_folder.absolute()) for path in choice.paths]
    try:
        summary = summarize_service(choice, service, name, os.environ)
    except ValueError as error:
        raise UsageError(str(error), "correct the file, or name another one with --compose") from None
    except LookupError as error:
        shown = os.path.relpath(choice.paths[0])
        raise UsageError(
            f"{shown}: which service is to be measured?", f"--service with one of {error}"
        ) from None
    section: dict[str, object] = {"file": files if choice.is_complete else files[0]}
    if choice.env_files is not None:
        section["env_file"] = [os.path.relpath(path, target_folder.absolute()) for path in choice.env_files]
    section["service"] = summary.service
    if summary.also:
        section["also"] = list(summary.also)
    return ServiceFacts(
        name,
        {"compose": section},
        has_healthcheck=summary.has_healthcheck,
        companions=summary.companions,
    )


def _ask_for_port() -> int:
    if not is_on_terminal() or not sys.stdin.isatty():
        raise UsageError("the port that the target listens on in its container is unknown", "--port 8000")
    port = int(typer.prompt("Which port does the target listen on in its container?", type=int))
    if not 1 <= port <= _LAST_PORT:
        raise UsageError(f"{port} is no port", f"write a number from 1 to {_LAST_PORT}: --port 8000")
    return port


def _read_openapi(openapi: Path) -> Api:
    try:
        return read_api(read_large_document(openapi), openapi)
    except ValueError as error:
        raise UsageError(f"{quote(str(openapi))} {error}", "--openapi openapi.json") from None


def _write(texts: dict[Path, str]) -> None:
    """Write all files. Raises UsageError, and writes none, if one of them exists."""
    if existing := [path for path in texts if path.exists()]:
        raise UsageError(
            f"{', '.join(map(str, existing))}: already exists", "choose another NAME, or move the file away"
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        out.print(f"wrote {path}", markup=False)
