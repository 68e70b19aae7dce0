"""Collect the events that the engine reports of one container, as they happen."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker.client import EngineStream
from harness.measure.protocols import Clock
from harness.model import EventKind, TargetEvent

_KINDS = frozenset(EventKind)
_END_WITHIN_S = 2.0


class ContainerEvents:
    """A container's events since its creation, read by a thread that ends with the context.

    Over SSH a stream can't be cancelled: there the thread ends when the container is removed.
    """

    def __init__(self, client: APIClient, container_id: str, since_unix_s: int, clock: Clock) -> None:
        self._clock = clock
        self._events: list[TargetEvent] = []
        self._stream = EngineStream(
            client,
            "/events",
            {"since": since_unix_s, "filters": f'{{"type":["container"],"container":["{container_id}"]}}'},
        )
        self._thread = threading.Thread(target=self._collect, name="harness-events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream.close():
            self._thread.join(_END_WITHIN_S)

    @property
    def is_broken(self) -> bool:
        """True if no more events will arrive: the engine, or the connection to it, is gone."""
        return not self._thread.is_alive()

    def read(self, start: int) -> tuple[TargetEvent, ...]:
        """Return the events so far, except the first `start`."""
        return tuple(self._events[start:])

    def has_seen(self, kind: EventKind) -> bool:
        return any(event.kind is kind for event in self._events)

    def _collect(self) -> None:
        try:
            for message in self._stream:
                event = event_from_json(message, self._clock.now_s())
                if event is not None:
                    self._events.append(event)
                if message.get("Action") == "destroy":
                    return
        except EngineError:
            return  # `is_broken` is true now, so that callers ask the engine themselves and get its error


def event_from_json(message: Mapping[str, Any], at_s: float) -> TargetEvent | None:
    """Return the engine's message as an event; None for kinds that say nothing about the target's state."""
    action, _, detail = str(message.get("Action", "")).partition(": ")
    attributes = message.get("Actor", {}).get("Attributes", {})
    if action == "health_status":
        action, detail = detail, ""
    if action not in _KINDS:
        return None
    kind = EventKind(action)
    if kind is EventKind.DIE:
        detail = f"exit code {attributes.get('exitCode', '?')}"
    if kind is EventKind.KILL:
        detail = f"signal {attributes.get('signal', '?')}"
    return TargetEvent(at_s, kind, detail)
