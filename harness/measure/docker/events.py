"""What the engine reports of one container, as it happens."""

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker.client import EngineStream
from harness.measure.protocols import Clock
from harness.model import TargetEvent

KINDS = frozenset({"die", "kill", "oom", "pause", "restart", "stop", "unpause", "update"})
END_WITHIN_S = 2.0


class EventLog:
    """A container's events from its creation on, read by a thread that ends with the context.

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
        self._thread = threading.Thread(target=self._read, name="harness-events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream.close():
            self._thread.join(END_WITHIN_S)

    @property
    def broken(self) -> bool:
        """Whether nothing more will be reported: the engine, or the line to it, is gone."""
        return not self._thread.is_alive()

    def since(self, index: int) -> tuple[TargetEvent, ...]:
        return tuple(self._events[index:])

    def saw(self, kind: str) -> bool:
        return any(event.kind == kind for event in self._events)

    def _read(self) -> None:
        try:
            for message in self._stream:
                event = understood(message, self._clock.now_s())
                if event is not None:
                    self._events.append(event)
                if message.get("Action") == "destroy":
                    return
        except EngineError:
            return  # `broken` tells; who needs to know asks the engine itself and gets its words


def understood(message: Mapping[str, Any], at_s: float) -> TargetEvent | None:
    """An engine's event in our words; None for those that say nothing about how a target fares."""
    action, _, detail = str(message.get("Action", "")).partition(": ")
    attributes = message.get("Actor", {}).get("Attributes", {})
    if action == "health_status":
        return TargetEvent(at_s, detail)
    if action not in KINDS:
        return None
    if action == "die":
        detail = f"exit code {attributes.get('exitCode', '?')}"
    if action == "kill":
        detail = f"signal {attributes.get('signal', '?')}"
    return TargetEvent(at_s, action, detail)
