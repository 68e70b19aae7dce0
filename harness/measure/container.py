"""One target's container: created with exactly its limits, watched until ready, removed in every case."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker.api import APIClient
from docker.errors import APIError, NotFound
from docker.types import LogConfig

from harness.errors import EngineError, TargetFailed, UsageError
from harness.measure.engine import CAMPAIGN_LABEL, CELL_LABEL, engine_asked_to, remove_container, words
from harness.measure.events import EventLog
from harness.measure.placement import Cores, listed
from harness.measure.ready import LOOPBACK, not_ready
from harness.measure.seam import Clock, Image, TargetEnd
from harness.model import Cell, Limits, Target, TargetEvent
from harness.plan import resolved

CPU_PERIOD_US = 100_000
CPU_QUOTA_AT_LEAST_US = 1_000
PIDS_AT_MOST = 4096
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"]
"""What a server needs that starts as root, prepares its folders and becomes another user; nothing more."""

READY_POLL_S = 0.1
READY_ANSWER_WITHIN_S = 5.0
ASK_AGAIN_S = 0.5
OOM_GRACE_S = 0.5
KILLED = 128 + 9
CREATE_GRACE_S = 1.0
LOG_LINES_SHOWN = 20
LOG_LINES_AT_MOST = 10_000
LOG_BYTES_AT_MOST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, under which name, and on which cores (None: on any)."""

    name: str
    campaign: str
    cell: Cell
    target: Target
    image: Image
    cores: Cores | None = None


class DockerTarget:
    """A started container; the real `RunningTarget`."""

    def __init__(self, client: APIClient, container_id: str, events: EventLog, clock: Clock) -> None:
        self.client = client
        self.container_id = container_id
        self.ready_after_s = 0.0
        self._events = events
        self._clock = clock
        self._started_s = clock.now_s()
        self._asked_s = -ASK_AGAIN_S
        self._port = 0
        self._end: TargetEnd | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def port(self) -> int:
        """On the loopback; the engine picked it unless the target names one."""
        return self._port

    def events_since(self, index: int) -> tuple[TargetEvent, ...]:
        return self._events.since(index)

    def ended(self) -> TargetEnd | None:
        """Asks the engine only when its events tell of an end, or when they are cut off."""
        if self._end is None and (self._events.saw("die") or self._may_ask()):
            self._end = self._ask_for_end()
        return self._end

    def logs(self) -> str:
        with engine_asked_to("read the target's log"):
            written: bytes = self.client.logs(self.container_id, tail=LOG_LINES_AT_MOST)
        return written[-LOG_BYTES_AT_MOST:].decode(errors="replace")

    def wait_until_ready(self, target: Target) -> None:
        """Raises TargetFailed as soon as the container has ended, or when its time is over."""
        self._port = self._published(target.port)
        deadline = self._started_s + target.ready.within_s
        seen: str | None = "nothing"
        while (left_s := deadline - self._clock.now_s()) > 0:
            if self._port:
                seen = not_ready(target.ready, self._port, min(READY_ANSWER_WITHIN_S, max(left_s, 0.1)))
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

    def failed_with(self, end: TargetEnd) -> TargetFailed:
        after = f"{self._clock.now_s() - self._started_s:.1f} s after its start"
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
        return "\n".join(self.logs().strip().splitlines()[-LOG_LINES_SHOWN:])


@contextlib.contextmanager
def running(client: APIClient, clock: Clock, order: Order) -> Iterator[DockerTarget]:
    """A fresh container, ready to be loaded; it is gone afterwards, whatever happened in between."""
    environment = environment_of(order.target)
    with _removed(client, order.name, clock):
        container_id, created_unix_s = _create(client, order, environment)
        with EventLog(client, container_id, created_unix_s, clock) as events:
            _start(client, container_id, events, order, clock)
            target = DockerTarget(client, container_id, events, clock)
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
            name=order.name,
            environment=dict(environment),
            ports=[target.port],
            labels={CAMPAIGN_LABEL: order.campaign, CELL_LABEL: order.cell.id},
            host_config=client.create_host_config(**host_options(order.cell.limits, target, order.cores)),
        )
        facts = client.inspect_container(made["Id"])
    if unmet := unmet_limits(facts["HostConfig"], order.cell.limits):
        said = "; ".join(made.get("Warnings") or ["no warning"])
        raise EngineError(
            f"{order.cell.id}: the engine does not apply {' and '.join(unmet)} ({said})",
            "the kernel lacks these cgroup controllers; `docker info` lists what it can limit",
        )
    return made["Id"], int(datetime.fromisoformat(facts["Created"]).timestamp())


def host_options(limits: Limits, target: Target, cores: Cores | None = None) -> dict[str, Any]:
    """Exactly the limits, no swap beside the memory, a port on the loopback, the rights that servers need."""
    return {
        "cpuset_cpus": listed(cores) if cores else None,
        "cpu_period": CPU_PERIOD_US,
        "cpu_quota": _cpu_quota_us(limits),
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "port_bindings": {target.port: (LOOPBACK, target.host_port)},
        "pids_limit": PIDS_AT_MOST,
        "cap_drop": ["ALL"],
        "cap_add": CAPABILITIES,
        "security_opt": ["no-new-privileges:true"],
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "8m", "max-file": "2"}),
    }


def unmet_limits(host_config: Mapping[str, Any], limits: Limits) -> list[str]:
    """What the engine discarded. A missing swap limit is not among them: the fingerprint says so."""
    asked = {"CpuPeriod": CPU_PERIOD_US, "CpuQuota": _cpu_quota_us(limits), "Memory": limits.memory_bytes}
    return [f"{name}={value}" for name, value in asked.items() if host_config.get(name) != value]


def _cpu_quota_us(limits: Limits) -> int:
    return max(CPU_QUOTA_AT_LEAST_US, round(limits.cpu_cores * CPU_PERIOD_US))


def _start(client: APIClient, container_id: str, events: EventLog, order: Order, clock: Clock) -> None:
    """Raises TargetFailed where the engine says that this target, at this size, can't be started."""
    try:
        client.start(container_id)
    except APIError as error:
        said = words(error)
        if "address already in use" in said or "port is already allocated" in said:
            raise EngineError(
                f"port {order.target.host_port} of {LOOPBACK} is already in use",
                "choose another `host_port`, or leave it out: the engine then picks a free one",
            ) from error
        raise TargetFailed("exited", said) from error


def environment_of(target: Target) -> dict[str, str]:
    """The target's environment with each `${NAME}` taken from ours. Raises UsageError if one isn't set."""
    if missing := unset_variables(target):
        raise UsageError(
            f"target {target.name}: the environment variable {missing[0]} is not set",
            f"export {missing[0]}=… before the run: the target's `environment` asks for it",
        )
    return {key: resolved(value, os.environ) for key, value in target.environment.items()}


def unset_variables(target: Target) -> list[str]:
    """Every NAME that is asked for and not set: those that a mapping with a default had to make up."""
    known = defaultdict(str, os.environ)
    for value in target.environment.values():
        resolved(value, known)
    return sorted(known.keys() - os.environ.keys())


def _shown(log: str) -> str:
    return f"\nits last words:\n{log}" if log else "; it wrote nothing"
