"""A service that answers 503 at first gets new users of a real Locust until it works. No engine is used."""

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.first_answer import hold_first_step
from harness.measure.locust.generator import LocustGenerator
from harness.measure.protocols import Image, MonotonicClock, Usage
from harness.measure.session import Backends, open_session
from harness.measure.step import StepSpec
from harness.model import (
    ANSWERED,
    MIB,
    SINGLE_PROCESS,
    Cell,
    Crowd,
    EndReason,
    ImageSource,
    Limits,
    Scenario,
    Step,
    Target,
    Timing,
)

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

LATE_S = 6.0
LOCUSTFILE = """\
from locust import HttpUser, constant, task


class Member(HttpUser):
    wait_time = constant(0.2)

    def on_start(self):
        self.token = self.client.get("/login").text

    @task
    def work(self):
        self.client.get(f"/orders/{self.token}")
"""


@pytest.fixture
def late_url() -> Iterator[str]:
    """Serve 503 for some seconds, then a token at /login, and 403 at /orders without that token."""
    begin_s = time.monotonic()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            is_late = time.monotonic() < begin_s + LATE_S
            body = b"warming up" if is_late else b"token"
            self.send_response(503 if is_late else 200 if self.path in ("/login", "/orders/token") else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextlib.contextmanager
def yield_value(value: Any) -> Iterator[Any]:
    yield value


def test_users_who_met_503_are_replaced_and_leave_no_trace(late_url: str, tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    running: Any = SimpleNamespace(url=late_url, ready_after_s=0.0, poll_end=lambda: None)
    host: Any = SimpleNamespace(run=lambda *_: yield_value(running))
    probe: Any = SimpleNamespace(watch=lambda _: yield_value(SimpleNamespace(take=Usage)))
    backends = Backends(host, LocustGenerator(), probe, MonotonicClock())
    target = Target("late", 80, ImageSource("late"))
    cell = Cell("late", "late", Limits(1.0, 64 * MIB))
    timing = Timing(settle_s=1, window_at_least_s=3, window_at_most_s=3, drain_s=1)
    spec = StepSpec(1, Step(3, timing), 10.0, lambda facts: True, lambda sample: None)
    scenario = Scenario((tmp_path / "locustfile.py",))
    with open_session(
        backends, target, scenario, SINGLE_PROCESS, cell, Image("", ""), 1, Crowd(3, 10)
    ) as session:
        facts = hold_first_step(session, spec, within_s=60.0)
    assert facts.end_reason is EndReason.HELD
    assert facts.ramp_from_s > 1.0
    assert set(facts.requests.error) == {ANSWERED}
