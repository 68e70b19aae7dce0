"""Find out which locustfiles of other projects run unmodified under the harness.

`python -m bench.locustfiles FOLDER` takes every Python file of the folder that contains the word "User". Each
of them is run by the harness's generator, against a server in this process that answers every request with
200. A locustfile runs if Locust loads it and a request is answered; otherwise the table gives the reason.

If a package, an environment variable or the name of the host is missing, the file is tried once more with
it, as the harness's hint says: then the table names what was added. Variables get the server's address.
"""

import argparse
import http.server
import os
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import HarnessError
from harness.measure.locust.generator import LocustGenerator
from harness.measure.locust.startup_notes import find_missing_package, find_missing_variable
from harness.measure.locust.task_pages import concat_tasks
from harness.measure.protocols import GeneratorFacts
from harness.model import ANSWERED, Scenario
from harness.plan.working_folder import find_working_folder

_USERS = 2
_ENOUGH_REQUESTS = 3
_REQUESTS_WITHIN_S = 15.0
_MOST_TRIES = 6

_OTHER_HOST = re.compile(r"([\w.-]+):(\d+) is not the target")
"""The error of a request to a host that the scenario does not name as its own."""


@dataclass(frozen=True)
class _Trial:
    """How one try ended: `outcome` in words, and what it printed. `runs`: a request was answered."""

    outcome: str
    output: str
    runs: bool = False


@dataclass(frozen=True)
class _Additions:
    """What a locustfile is given beside itself."""

    packages: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def describe(self, url: str) -> str:
        variables = [name if value == url else f"{name}={value}" for name, value in self.variables.items()]
        return ", ".join([*self.packages, *variables])


class _AnswerEverything(http.server.BaseHTTPRequestHandler):
    """A handler that answers every request with 200 and a little JSON."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"ok": true, "token": "t", "id": 1}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = answer

    def log_message(self, *_: object) -> None: ...


class _QuietServer(http.server.ThreadingHTTPServer):
    """A server that prints nothing about broken connections."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None: ...


def _try_with_additions(path: Path, folder: Path, url: str, scratch: Path) -> tuple[_Trial, _Additions]:
    """Try a locustfile until nothing more can be added that it misses; return the last try."""
    additions = _Additions()
    trial = _try_locustfile(path, folder, url, additions, scratch)
    for _ in range(_MOST_TRIES):
        more = _find_additions(trial, additions, url)
        if more == additions:
            break
        again = _try_locustfile(path, folder, url, more, scratch)
        if again.outcome == trial.outcome:
            break
        trial, additions = again, more
    return trial, additions


def _find_additions(trial: _Trial, given: _Additions, url: str) -> _Additions:
    """Return what is given already, with what a try has shown to be missing."""
    if (package := find_missing_package(trial.output)) and package not in given.packages:
        return replace(given, packages=(*given.packages, package))
    variables = dict(given.variables)
    if variable := find_missing_variable(trial.output):
        variables.setdefault(variable, url)
    elif other := _OTHER_HOST.search(trial.output):
        scheme = "https" if other[2] == "443" else "http"
        port = "" if other[2] in ("443", "80") else f":{other[2]}"
        variables.setdefault("LOCUST_HOST", f"{scheme}://{other[1]}{port}")
    return replace(given, variables=variables)


@contextmanager
def _set_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables that are not set yet, until exit."""
    new = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


def _try_locustfile(path: Path, folder: Path, url: str, additions: _Additions, scratch: Path) -> _Trial:
    scenario = Scenario((path,), folder=find_working_folder([path], folder).folder)
    if additions.packages:
        requirements = scratch / "requirements.txt"
        requirements.write_text("\n".join(additions.packages) + "\n")
        scenario = replace(scenario, requirements=requirements)
    try:
        with _set_variables(additions.variables):
            LocustGenerator().find_user_classes(scenario)
            with LocustGenerator().start(scenario, url) as generator:
                generator.hold(_USERS, 10)
                pages: list[GeneratorFacts] = []
                until_s = time.monotonic() + _REQUESTS_WITHIN_S
                while time.monotonic() < until_s and _count_requests(pages) < _ENOUGH_REQUESTS:
                    pages.append(generator.poll(0.2))
                pages.append(generator.close_step())
                return _read_pages(pages, generator.read_logs())
    except HarnessError as error:
        first = str(error).partition("\n")[0]
        return _Trial(f"not loaded: {_find_last_line(str(error))} ({first[:60]})", str(error))


def _read_pages(pages: Sequence[GeneratorFacts], log: str) -> _Trial:
    """Return whether a request was answered; if none was, the commonest reason."""
    answered_count = sum(int((page.requests.error == ANSWERED).sum()) for page in pages)
    errors = Counter(text for page in pages for text in page.requests.errors)
    output = "\n".join([*errors, log])
    others = [text for text in errors if _OTHER_HOST.search(text)]
    if answered_count and others:
        return _Trial(f"asks other hosts too: {others[0][:80]}", output)
    if answered_count:
        text = f"runs, with errors: {next(iter(errors))[:80]}" if errors else "runs"
        return _Trial(text, output, runs=True)
    tasks = concat_tasks([page.tasks for page in pages], 0.0)
    ended = sum(sample.ended for sample in tasks.samples)
    reason = next(iter(errors), "") or next((error.text for error in tasks.errors), "")
    if not reason and ended:
        return _Trial(f"asks for nothing: {ended} tasks ended without a request", output)
    return _Trial(f"no answered request: {(reason or _find_last_line(log))[:100]}", output)


def _count_requests(pages: Sequence[GeneratorFacts]) -> int:
    return sum(len(page.requests.start_s) for page in pages)


def _find_last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith("  try:")]
    return lines[-1].strip()[:120] if lines else ""


def main() -> None:
    """Try every locustfile of a folder and print a table."""
    parser = argparse.ArgumentParser(prog="bench.locustfiles", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    server = _QuietServer(("127.0.0.1", 0), _AnswerEverything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    files = [path for path in sorted(folder.rglob("*.py")) if "User" in path.read_text(errors="replace")]
    print("| locustfile | outcome | with |\n|:--|:--|:--|")
    alone = together = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            trial, additions = _try_with_additions(path, folder, url, Path(scratch))
            added = additions.describe(url)
            outcome = " ".join(trial.outcome.replace("|", "/").split())
            print(f"| {path.relative_to(folder)} | {outcome} | {added} |", flush=True)
            alone += trial.runs and not added
            together += trial.runs
    print(f"\n{alone} of {len(files)} run unmodified, {together} with what the harness says is missing.")


if __name__ == "__main__":
    main()
