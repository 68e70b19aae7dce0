"""Find out which locustfiles of other projects run unmodified under the harness.

`python -m bench.locustfiles FOLDER` takes every Python file of the folder that contains the word "User". Each
of them is run by the harness's generator, against a server in this process that answers every request with
200. A locustfile runs if Locust loads it and a request is answered; otherwise the table gives the reason.
"""

import argparse
import http.server
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import GeneratorFacts
from harness.model import ANSWERED, Scenario
from harness.plan.working_folder import find_working_folder

_USERS = 2
_ENOUGH_REQUESTS = 3
_REQUESTS_WITHIN_S = 15.0


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


def _try_locustfile(path: Path, folder: Path, url: str) -> str:
    """Return `runs`, perhaps with an error of its requests, or the reason why the locustfile does not run."""
    scenario = Scenario((path,), folder=find_working_folder([path], folder).folder)
    try:
        LocustGenerator().find_user_classes(scenario)
        with LocustGenerator().start(scenario, url) as generator:
            generator.hold(_USERS, 10)
            pages: list[GeneratorFacts] = []
            until_s = time.monotonic() + _REQUESTS_WITHIN_S
            while time.monotonic() < until_s and _count_requests(pages) < _ENOUGH_REQUESTS:
                pages.append(generator.poll(0.2))
            log = generator.read_logs()
    except HarnessError as error:
        return f"not loaded: {_find_last_line(str(error))}"
    answered_count = sum(int((page.requests.error == ANSWERED).sum()) for page in pages)
    errors = Counter(text for page in pages for text in page.requests.errors)
    if answered_count:
        return "runs" if not errors else f"runs, with errors: {next(iter(errors))[:80]}"
    reason = next(iter(errors), "") or _find_last_line(log)
    return f"no answered request: {reason[:100]}"


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
    outcomes = {path.relative_to(folder): _try_locustfile(path, folder, url) for path in files}
    print("| locustfile | outcome |\n|:--|:--|")
    for path, outcome in outcomes.items():
        print(f"| {path} | {outcome.replace('|', '/')} |")
    run_count = sum(outcome.startswith("runs") for outcome in outcomes.values())
    print(f"\n{run_count} of {len(outcomes)} run unmodified.")


if __name__ == "__main__":
    main()
