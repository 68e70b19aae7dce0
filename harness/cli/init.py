"""`harness init`: a new target, locustfile and matrix that run at once."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.console import DONE, app, out, say
from harness.errors import InputError, UsageError
from harness.measure.docker.image import inspect_image
from harness.plan import load_plan
from harness.plan.compose.convert import list_services
from harness.plan.compose.syntax import to_name
from harness.plan.init_templates import (
    ServiceFacts,
    format_locustfile,
    format_matrix,
    format_target,
    read_dockerfile,
    read_operations,
)
from harness.plan.schema.units import quote
from harness.plan.yaml.document import read_any_yaml

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="What the target will be called.", metavar="NAME")],
    image: Annotated[str | None, typer.Option(help="An image to measure, such as nginx:1.27.")] = None,
    dockerfile: Annotated[Path | None, typer.Option(help="A Dockerfile to build it from.")] = None,
    compose: Annotated[Path | None, typer.Option(help="A compose file that it is a service of.")] = None,
    service: Annotated[str | None, typer.Option(help="Which service of the compose file.")] = None,
    port: Annotated[int | None, typer.Option(help="The port inside the container.")] = None,
    ready: Annotated[str | None, typer.Option(help="A path that answers 200 once it is ready.")] = None,
    openapi: Annotated[Path | None, typer.Option(help="An OpenAPI document: tasks for its requests.")] = None,
) -> int:
    """A new target, locustfile and matrix from an image, a Dockerfile or a compose file, to go on with."""
    home = Path("targets") / to_name(name)
    found = _looked_at(name, home, image, dockerfile, compose, service)
    found = replace(found, port=port or found.port, ready_path=ready)
    if found.port is None and "compose" not in found.run:
        found = replace(found, port=_asked_for_port())
    if openapi is not None:
        found = replace(found, operations=_operations(openapi))
    cores = os.cpu_count() or 1
    texts = {
        home / "target.yaml": format_target(found, cores),
        home / "locustfile.py": format_locustfile(found),
        Path(f"{to_name(name)}.yaml"): format_matrix(found, cores),
    }
    _write(texts)
    matrix = Path(f"{to_name(name)}.yaml")
    out.print("Now say in the locustfile what your users do. Then:")
    out.print(f"  harness plan {matrix}      # what would be measured, and what is missing")
    out.print(f"  harness run {matrix}")
    _look_over(matrix)
    return DONE


def _look_over(matrix: Path) -> None:
    """What the reader of the new files has to say: notes, and what is still to be written."""
    try:
        for note in load_plan(matrix).notes:
            say(f"note: {note}")
    except InputError as error:
        for problem in error.problems:
            say(f"to do: {problem}")


def _looked_at(
    name: str,
    home: Path,
    image: str | None,
    dockerfile: Path | None,
    compose: Path | None,
    service: str | None,
) -> ServiceFacts:
    """What can be known of the service from the one source that was given, or lies here."""
    given = [each for each in (image, dockerfile, compose) if each is not None]
    if len(given) > 1:
        raise UsageError(
            "--image, --dockerfile and --compose say one thing in three ways", "keep one of them"
        )
    if not given:
        compose = next((Path(each) for each in COMPOSE_FILES if Path(each).is_file()), None)
        dockerfile = Path("Dockerfile") if compose is None and Path("Dockerfile").is_file() else None
    if compose is not None:
        return _of_compose(name, home, compose, service)
    if dockerfile is not None:
        return _of_dockerfile(name, home, dockerfile)
    if image is not None:
        port, has_healthcheck = inspect_image(image)
        return ServiceFacts(name, {"image": image}, port, has_healthcheck=has_healthcheck)
    raise UsageError(
        "nothing to measure is named, and no compose file or Dockerfile lies here",
        "--image nginx:1.27, --dockerfile path/to/Dockerfile, or --compose compose.yaml --service api",
    )


def _of_dockerfile(name: str, home: Path, dockerfile: Path) -> ServiceFacts:
    try:
        port, has_healthcheck = read_dockerfile(dockerfile.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise UsageError(f"{dockerfile}: {error.strerror}", "--dockerfile path/to/Dockerfile") from None
    build = {"context": os.path.relpath(dockerfile.parent, home)}
    if dockerfile.name != "Dockerfile":
        build["dockerfile"] = dockerfile.name
    return ServiceFacts(name, {"build": build}, port, has_healthcheck=has_healthcheck)


def _of_compose(name: str, home: Path, compose: Path, service: str | None) -> ServiceFacts:
    document: Any = read_any_yaml(compose)
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict) or not services:
        raise UsageError(f"{compose}: has no services", "name a compose file with --compose")
    if service is None:
        service = name if name in services else next(iter(services)) if len(services) == 1 else None
    if service is None or service not in services:
        names = ", ".join(map(str, services))
        raise UsageError(f"{compose}: which service is to be measured?", f"--service with one of {names}")
    run = {"compose": {"file": os.path.relpath(compose, home), "service": service}}
    beside = tuple(each for each in list_services(services, service) if each != service)
    return ServiceFacts(name, run, has_healthcheck="healthcheck" in services[service], companions=beside)


def _asked_for_port() -> int:
    if not out.is_terminal:
        raise UsageError("nothing says which port it listens on inside", "--port 8000")
    return int(typer.prompt("Which port does it listen on inside the container?", type=int))


def _operations(openapi: Path) -> Any:
    try:
        return read_operations(read_any_yaml(openapi))
    except ValueError as error:
        raise UsageError(f"{quote(str(openapi))} {error}", "--openapi openapi.json") from None


def _write(texts: dict[Path, str]) -> None:
    """All of them or none; nothing that is there is touched."""
    if there := [path for path in texts if path.exists()]:
        raise UsageError(
            f"{', '.join(map(str, there))}: there already", "choose another NAME, or move it away"
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        out.print(f"wrote {path}", markup=False)
