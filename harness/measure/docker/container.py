"""One target's container: created with exactly its limits, watched until ready, removed in every case."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from docker.api import APIClient
from docker.errors import APIError, NotFound

from harness.errors import CompanionFailed, EngineError, EngineGone, TargetFailed
from harness.measure.docker.client import CAMPAIGN_LABEL, CELL_LABEL, engine_asked_to, remove_container, words
from harness.measure.docker.container_spec import (
    Order,
    environment_of,
    host_options,
    networking,
    unmet_limits,
)
from harness.measure.docker.events import EventLog
from harness.measure.docker.inside import not_ready_inside, ran_inside
from harness.measure.docker.port_access import LOOPBACK, Tunnel, tunnel
from harness.measure.docker.readiness import not_ready
from harness.measure.protocols import Clock, TargetEnd
from harness.model import Ready, Target, TargetEvent

READY_POLL_S = 0.1
READY_ANSWER_WITHIN_S = 5.0
ASK_AGAIN_S = 0.5
OOM_GRACE_S = 0.5
KILLED = 128 + 9
CREATE_GRACE_S = 1.0
LOG_LINES_SHOWN = 20
LOG_LINES_AT_MOST = 10_000
LOG_BYTES_AT_MOST = 256 * 1024


class DockerTarget:
    """A started container; the real `RunningTarget`."""

    def __init__(
        self, client: APIClient, container_id: str, events: EventLog, clock: Clock, order: Order
    ) -> None:
        self.client = client
        self.container_id = container_id
        self.limits = order.limits
        self.name = order.target.name
        self.ready_after_s = 0.0
        self.companions: tuple[DockerTarget, ...] = ()
        self.replicas: tuple[DockerTarget, ...] = (self,)
        self.companions_ready_after_s: float | None = None
        self._events = events
        self._clock = clock
        self._started_s = clock.now_s()
        self._asked_s = -ASK_AGAIN_S
        self._port = 0
        self._address = LOOPBACK if order.reach.ssh else order.reach.address
        self._ssh = order.reach.ssh
        self._tunnel: Tunnel | None = None
        self._open = contextlib.ExitStack()
        self._end: TargetEnd | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address}:{self.port}"

    @property
    def port(self) -> int:
        """Where we reach it; the engine picked it unless the target names one. Of several replicas it is the
        balancer's, which is the last of the companions.
        """
        return self.companions[-1].port if len(self.replicas) > 1 else self._port

    def events_since(self, index: int) -> tuple[TargetEvent, ...]:
        return self._events.since(index)

    def ended(self) -> TargetEnd | None:
        """Asks the engine only when its events tell of an end, or when they are cut off.

        Of a further replica it tells too, and of a companion, by its name: without one of them the target is
        not what it was. Raises EngineGone when the tunnel to its port was cut.
        """
        if self._tunnel is not None:
            self._tunnel.look()
        if self._end is None and (self._events.saw("die") or self._may_ask()):
            self._end = self._ask_for_end()
        if self._end is None:
            self._end = next((end for each in self.replicas[1:] if (end := each.ended()) is not None), None)
        if self._end is None:
            for companion in self.companions:
                if (end := companion.ended()) is not None:
                    return replace(end, companion=companion.name)
        return self._end

    def logs(self) -> str:
        each = LOG_BYTES_AT_MOST // len(self.replicas)
        return "".join(replica.own_log(each) for replica in self.replicas)

    def own_log(self, bytes_at_most: int = LOG_BYTES_AT_MOST) -> str:
        with engine_asked_to("read the target's log"):
            written: bytes = self.client.logs(self.container_id, tail=LOG_LINES_AT_MOST)
        return written[-bytes_at_most:].decode(errors="replace")

    def wait_until_ready(self, target: Target) -> None:
        """Raises TargetFailed as soon as the container has ended, or when its time is over."""
        self._port = target.port if target.host_network else self._published(target.port)
        if self._ssh and self._port:
            self._tunnel = self._open.enter_context(tunnel(self._ssh, self._port))
            self._port = self._tunnel.port
        deadline = self._started_s + target.ready.within_s
        seen: str | None = "nothing"
        while (left_s := deadline - self._clock.now_s()) > 0:
            seen = self._not_ready(target.ready, min(READY_ANSWER_WITHIN_S, max(left_s, 0.1)))
            if (end := self.ended()) is not None:
                raise self.failed_with(end)
            if seen is None:
                self.ready_after_s = self._clock.now_s() - self._started_s
                return
            self._clock.sleep(READY_POLL_S)
        raise TargetFailed(
            "never-ready",
            f"not ready within {target.ready.within_s:g} s; last seen: {seen}{_shown(self._log_tail())}",
            "look at `ready` and `port` of the target, or allow it more time with `ready: {within: …}`",
        )

    def _not_ready(self, ready: Ready, timeout_s: float) -> str | None:
        if ready.kind in ("http", "tcp"):
            return (
                not_ready(ready, self._port, timeout_s, self._address) if self._port else "no published port"
            )
        try:
            with engine_asked_to("look whether the container is ready"):
                return not_ready_inside(self.client, self.container_id, ready)
        except EngineGone:
            raise
        except EngineError as error:  # it may just have ended, which is asked next
            return error.what

    def opened(self) -> contextlib.ExitStack:
        """What was opened to reach it; closed on leaving."""
        return self._open

    def run_inside(self, command: Sequence[str]) -> tuple[int | None, str]:
        """The exit code of a command run in the container, and what it wrote."""
        with engine_asked_to("run a command in the container"):
            return ran_inside(self.client, self.container_id, command)

    def failed_with(self, end: TargetEnd) -> TargetFailed:
        after = f"{self._clock.now_s() - self._started_s:.1f} s after its start"
        if end.companion:
            raise CompanionFailed(
                f"{end.companion} ended with exit code {end.exit_code}{_shown(end.log_tail)}"
            )
        if end.oom:
            what = f"out of memory {after} (exit code {end.exit_code}){_shown(end.log_tail)}"
            return TargetFailed("oom", what, "it needs more memory than this size has")
        what = f"ended with exit code {end.exit_code} {after}{_shown(end.log_tail)}"
        return TargetFailed("exited", what, "the target's own log says why")

    def _published(self, port: int) -> int:
        """The port on the loopback; 0 when the container ended before it could be asked."""
        with engine_asked_to("inspect the target"):
            networks = self.client.inspect_container(self.container_id)["NetworkSettings"]
        bound = (networks.get("Ports") or {}).get(f"{port}/tcp")
        return int(bound[0]["HostPort"]) if bound else 0

    def _may_ask(self) -> bool:
        if not self._events.broken or self._clock.now_s() < self._asked_s + ASK_AGAIN_S:
            return False
        self._asked_s = self._clock.now_s()
        return True

    def _ask_for_end(self) -> TargetEnd | None:
        """A removal kills first: an end by a kill is looked at twice, for it may not be the target's own."""
        state = self._state()
        if state is not None and state["Running"]:
            return None
        oom = self._events.saw("oom") or (
            state is not None and (state["OOMKilled"] or self._oom_follows(state))
        )
        if state is not None and state["ExitCode"] == KILLED and not oom:
            state = self._state()
        if state is None:
            return TargetEnd(None, oom, "the container was removed by someone else")
        if self._events.saw("kill") and not oom:
            return TargetEnd(None, oom, "the container was stopped through the engine, not by itself")
        return TargetEnd(state["ExitCode"], oom, self._log_tail())

    def _state(self) -> dict[str, Any] | None:
        """None when the container is no more, or is being removed."""
        with engine_asked_to("inspect the target"):
            try:
                state: dict[str, Any] = self.client.inspect_container(self.container_id)["State"]
            except NotFound:
                return None
        return None if state["Status"] == "removing" else state

    def _oom_follows(self, state: Mapping[str, Any]) -> bool:
        """The engine's `oom` event may come a moment after the `die` of the process that it was about."""
        deadline = self._clock.now_s() + (OOM_GRACE_S if state["ExitCode"] == KILLED else 0.0)
        while not self._events.saw("oom") and self._clock.now_s() < deadline:
            self._clock.sleep(0.02)
        return self._events.saw("oom")

    def _log_tail(self) -> str:
        return "\n".join(self.own_log().strip().splitlines()[-LOG_LINES_SHOWN:])


@contextlib.contextmanager
def running(
    client: APIClient, clock: Clock, order: Order, companions: Sequence[DockerTarget] = ()
) -> Iterator[DockerTarget]:
    """A fresh container, ready to be loaded; it is gone afterwards, whatever happened in between."""
    environment = environment_of(order.target)
    with _removed(client, order.name, clock):
        container_id, created_unix_s = _create(client, order, environment)
        with EventLog(client, container_id, created_unix_s, clock) as events:
            _start(client, container_id, order)
            target = DockerTarget(client, container_id, events, clock, order)
            target.companions = tuple(companions)
            with target.opened():
                target.wait_until_ready(order.target)
                yield target


@contextlib.contextmanager
def _removed(client: APIClient, name: str, clock: Clock) -> Iterator[None]:
    """Remove by name, which is known before the engine has told us anything."""
    try:
        yield
    except BaseException as error:
        try:
            deadline = clock.now_s() + CREATE_GRACE_S
            while (
                not remove_container(client, name) and _perhaps_on_its_way(error) and clock.now_s() < deadline
            ):
                clock.sleep(0.1)
        except EngineError as unremoved:
            error.add_note(f"the container {name} may still be there: {unremoved.what}")
        raise
    remove_container(client, name)


def _perhaps_on_its_way(error: BaseException) -> bool:
    """An interrupted `create` is still carried out by the engine: its container turns up a moment later."""
    return isinstance(error, KeyboardInterrupt)


def _create(client: APIClient, order: Order, environment: Mapping[str, str]) -> tuple[str, int]:
    """The container's id, and the engine's own time of its creation."""
    target = order.target
    with engine_asked_to("create the container", "`harness clean` removes what an earlier run left"):
        made = client.create_container(
            order.image.reference,
            command=list(target.command) if target.command is not None else None,
            entrypoint=list(target.entrypoint) if target.entrypoint is not None else None,
            name=order.name,
            environment=dict(environment),
            user=target.user,
            ports=[target.port] if target.port and not target.host_network else None,
            labels={CAMPAIGN_LABEL: order.campaign, CELL_LABEL: order.cell_id},
            host_config=client.create_host_config(**host_options(order)),
            networking_config=networking(client, order),
        )
        if order.content:
            client.put_archive(made["Id"], "/", order.content)
        facts = client.inspect_container(made["Id"])
    if unmet := unmet_limits(facts["HostConfig"], order.limits):
        said = "; ".join(made.get("Warnings") or ["no warning"])
        raise EngineError(
            f"{order.name}: the engine does not apply {' and '.join(unmet)} ({said})",
            "the kernel lacks these cgroup controllers; `docker info` lists what it can limit",
        )
    return made["Id"], int(datetime.fromisoformat(facts["Created"]).timestamp())


def _start(client: APIClient, container_id: str, order: Order) -> None:
    """Raises TargetFailed where the engine says that this target, at this size, can't be started."""
    try:
        client.start(container_id)
    except APIError as error:
        said = words(error)
        if "address already in use" in said or "port is already allocated" in said:
            raise EngineError(
                f"port {order.target.host_port} of {order.reach.address} is already in use",
                "choose another `host_port`, or leave it out: the engine then picks a free one",
            ) from error
        raise TargetFailed("exited", said) from error


def _shown(log: str) -> str:
    return f"\nits last words:\n{log}" if log else "; it wrote nothing"
