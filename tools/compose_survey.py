"""Say what becomes of every compose file in a folder: read whole, read with notes, or refused, and why.

Run `python -m tools.compose_survey FOLDER > table.md`. For each file that `docker compose` would read by
itself, such as compose.yaml, the service that publishes the first TCP port is taken as the target, as
`harness init` and `harness plan` would. Nothing starts. With `docker compose` on the PATH each file is read
twice, by it and by our own reader, and a difference is an outcome of its own.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError
from harness.plan import FileChoice, ServiceFacts, format_target, load_plan, summarize_service
from harness.plan.compose.convert import convert_service
from harness.plan.compose.file_choice import find_files
from harness.plan.compose.official_reader import find_docker_compose
from harness.plan.compose.reader import ComposeModel, read_compose
from harness.plan.compose.service_keys import find_ports

_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_MATRIX = "target: targets/web\nscenario: {locustfile: locustfile.py}\nlimits: {cpus: 0.5, memory: 512MiB}\n"


class Outcome(NamedTuple):
    """What became of a file: `words` are the notes, or the reasons for which it is refused."""

    file: str
    service: str
    result: str
    words: tuple[str, ...] = ()


def survey(folder: Path, environ: Mapping[str, str]) -> Iterator[Outcome]:
    """Yield the outcome of each compose file in a folder and its folders, by name."""
    files = sorted(path for path in folder.rglob("*") if path.name in _NAMES and path.is_file())
    for file in files:
        yield _read(file, str(file.relative_to(folder)), environ)


def _read(file: Path, shown: str, environ: Mapping[str, str]) -> Outcome:
    try:
        model = read_compose(find_files(file, environ), environ)
        service = choose_service(model)
        if service is None:
            return Outcome(shown, "", "no service publishes a port")
        if find_docker_compose(environ) and not _is_read_alike(file, service, environ):
            return Outcome(shown, service, "read otherwise than by docker compose")
        notes = plan_service(file, service, environ)
    except (ValueError, InputError) as error:
        return Outcome(shown, "", "refused", tuple(_shorten(error, file)))
    words = tuple(_shorten("\n".join(notes), file))
    return Outcome(shown, service, "read with notes" if words else "read whole", words)


def _shorten(text: object, file: Path) -> Iterator[str]:
    """Yield the lines of a message without the places of files on this machine."""
    for line in str(text).splitlines():
        line = re.sub(r"^.*target\.yaml:\d+:\d+: (compose: )?", "", line)
        line = line.replace(f"{file.parent}{os.sep}", "").replace(str(file.parent), "its folder")
        line = line.replace(str(Path.home()), "~")
        yield line.removeprefix(f"{file.name}: ")


def choose_service(model: ComposeModel) -> str | None:
    """Return the service that publishes the first port; of several, one that no other depends on."""
    published = [
        name for name, values in model.services.items() if values.get("ports") and find_ports(values)
    ]
    needed = {each for values in model.services.values() for each in values.get("depends_on") or {}}
    return next((name for name in published if name not in needed), next(iter(published), None))


def _is_read_alike(file: Path, service: str, environ: Mapping[str, str]) -> bool:
    """Return True if our own reader makes the same target of a service as `docker compose`."""
    without = {key: value for key, value in environ.items() if key != "PATH"}
    targets = [
        convert_service(read_compose(find_files(file, each), each), service, each, {})
        for each in (environ, without)
    ]
    return targets[0] == targets[1]


def plan_service(file: Path, service: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the notes of the plan that follows from what `harness init` writes.

    Raises:
        InputError, ValueError: the plan is refused.
    """
    summary = summarize_service(FileChoice((file.absolute(),)), service, service, environ)
    run = {"compose": {"file": str(file.absolute()), "service": service, "also": list(summary.also)}}
    facts = ServiceFacts("web", run, has_healthcheck=summary.has_healthcheck, companions=summary.companions)
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "targets" / "web"
        target.mkdir(parents=True)
        (target / "target.yaml").write_text(format_target(facts, 8), encoding="utf-8")
        (Path(name) / "locustfile.py").write_text("", encoding="utf-8")
        (Path(name) / "matrix.yaml").write_text(_MATRIX, encoding="utf-8")
        return load_plan(Path(name) / "matrix.yaml", environ).notes


def format_table(outcomes: list[Outcome]) -> str:
    """Format the outcomes as a table in Markdown, after the number of each."""
    results = sorted({outcome.result for outcome in outcomes})
    counts = [f"{sum(each.result == result for each in outcomes)} {result}" for result in results]
    lines = [
        f"{len(outcomes)} files: {', '.join(counts)}.",
        "",
        "| file | target | outcome | words |",
        "|---|---|---|---|",
    ]
    for outcome in outcomes:
        words = "<br>".join(each.replace("|", "\\|") for each in outcome.words)
        lines.append(f"| {outcome.file} | {outcome.service} | {outcome.result} | {words} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.compose_survey FOLDER")
    sys.stdout.write(format_table(list(survey(Path(sys.argv[1]), os.environ))))
