"""Locustfiles that others wrote, unmodified: which of them run as they are?

`python -m bench.locustfiles FOLDER` gives every Python file in a folder with a user class to the harness's
own generator, against a server in this process that answers everything with 200. It runs when Locust loads
it, its users are reached and its requests arrive; else the table says why not.
"""

import argparse
import http.server
import threading
import time
from collections import Counter
from pathlib import Path

from harness.errors import HarnessError
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import GeneratorFacts
from harness.model import ANSWERED, Scenario

USERS = 2
WITHIN_S = 15.0
_WATCHED_S = 6.0


class AnswerEverything(http.server.BaseHTTPRequestHandler):
    """200 and a little JSON, whatever is asked."""

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


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None: ...


def try_locustfile(path: Path, url: str) -> str:
    """`runs`, or why it does not."""
    scenario = Scenario((path,))
    try:
        LocustGenerator().find_user_classes(scenario)
        with LocustGenerator().start(scenario, url) as generator:
            generator.hold(USERS, 10)
            parts: list[GeneratorFacts] = []
            until = time.monotonic() + WITHIN_S
            while time.monotonic() < until and sum(len(part.requests.start_s) for part in parts) < 3:
                parts.append(generator.poll(0.2))
            log = generator.read_logs()
    except HarnessError as error:
        return f"not loaded: {find_last_line(str(error))}"
    answered = sum(int((part.requests.error == ANSWERED).sum()) for part in parts)
    errors = Counter(text for part in parts for text in part.requests.errors)
    if answered:
        return "runs" if not errors else f"runs, with errors: {next(iter(errors))[:80]}"
    why = next(iter(errors), "") or find_last_line(log)
    return f"no answered request: {why[:100]}"


def find_last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith("  try:")]
    return lines[-1].strip()[:120] if lines else ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.locustfiles", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    server = QuietServer(("127.0.0.1", 0), AnswerEverything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    files = [path for path in sorted(folder.rglob("*.py")) if "User" in path.read_text(errors="replace")]
    outcomes = {path.relative_to(folder): try_locustfile(path, url) for path in files}
    print("| locustfile | |\n|:--|:--|")
    for path, outcome in outcomes.items():
        print(f"| {path} | {outcome.replace('|', '/')} |")
    runs = sum(outcome.startswith("runs") for outcome in outcomes.values())
    print(f"\n{runs} of {len(outcomes)} run unmodified.")


if __name__ == "__main__":
    main()
