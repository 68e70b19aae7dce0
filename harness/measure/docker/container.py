"""Run one container with exactly its limits, watch it until it is ready, and remove it in every case."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from docker.api import APIClient
from docker.errors import NotFound

from harness.errors import CompanionStartError, EngineError, EngineUnavailableError, TargetStartError
from harness.measure.docker.cleanup import remove_container
from harness.measure.docker.client import translate_docker_errors
from harness.measure.docker.container_spec import ContainerSpec, resolve_environment
from harness.measure.docker.creation import create_container, find_published_port, start_container
from harness.measure.docker.events import ContainerEvents
from harness.measure.docker.port_access import OpenPort, open_port
from harness.measure.docker.readiness import Unavailable, probe_container, probe_network, run_command
from harness.measure.protocols import Clock, TargetEnd
from harness.model import (
    CompletedProbe,
    ContainerProbe,
    EventKind,
    FailureKind,
    LifeProbe,
    NetworkProbe,
    ReadinessProbe,
    TargetEvent,
)

_READY_POLL_S = 0.1
_READY_ANSWER_WITHIN_S = 5.0
_MUST_RUN_S = 1.0
"""A container of which nothing else is known is ready when it has run for so long."""

_FIRST_PAUSE_S = 0.2
"""How long a container that restarts is waited for the first time; later on twice as long each time."""

_ASK_EVERY_S = 0.5
_OOM_GRACE_S = 0.5
_KILLED = 128 + 9
"""The exit code after SIGKILL."""

_CREATE_GRACE_S = 1.0
_LOG_LINES_SHOWN = 20
_LOG_LINES_AT_MOST = 10_000
_LOG_BYTES_AT_MOST = 256 * 1024


class DockerContainer:
    """A started container. `started_s` is an instant of `clock`; `ready_after_s` is 0 until it is ready.

    `has_finished` is true of a job, or a container of which nothing is known but that it was started, once
    it has ended with exit code 0. This is no end that `poll_end` returns.
    `is_unavailable`: it counts as ready although an HTTP server says that GET / can't be served.
    """

    def __init__(
        self,
        client: APIClient,
        container_id: str,
        spec: ContainerSpec,
        events: ContainerEvents,
        port: OpenPort,
        clock: Clock,
        started_s: float,
    ) -> None:
        self.client = client
        self.container_id = container_id
        self.name = spec.target.name
        self.limits = spec.limits
        self.port = port
        self.ready_after_s = 0.0
        self.has_finished = False
        self.is_unavailable = False
        self._trusts_open_port = spec.trusts_open_port
        self._events = events
        self._clock = clock
        self._started_s = started_s
        self._asked_s = -_ASK_EVERY_S
        self._end: TargetEnd | None = None
        self._may_finish = isinstance(spec.target.readiness, LifeProbe)

    def read_events(self, start: int) -> tuple[TargetEvent, ...]:
        """Return the container's events so far, except the first `start`."""
        return self._events.read(start)

    def poll_end(self) -> TargetEnd | None:
        """Return how the container ended, or None while it runs or if it has finished.

        The engine is asked only if its events report an end or have broken off. Raises EngineUnavailableError
        if the tunnel to the container's port was cut.
        """
        self.port.check_alive()
        if self._end is not None or self.has_finished:
            return self._end
        if self._events.has_seen(EventKind.DIE) or self._should_ask_engine():
            end = self._read_end()
            self.has_finished = self._may_finish and end is not None and end.exit_code == 0
            self._end = None if self.has_finished else end
        return self._end

    def wait_until_stopped(self, within_s: float) -> bool:
        """Wait until the container has ended in any way; return False if it still runs after `within_s`."""
        deadline = self._clock.now_s() + within_s
        while self.poll_end() is None and not self.has_finished:
            if self._clock.now_s() > deadline:
                return False
            self._clock.sleep(_READY_POLL_S)
        return True

    def read_log(self, bytes_at_most: int = _LOG_BYTES_AT_MOST) -> str:
        """Return the end of what the container wrote, stdout and stderr."""
        with translate_docker_errors("read the target's log"):
            written: bytes = self.client.logs(self.container_id, tail=_LOG_LINES_AT_MOST)
        return written[-bytes_at_most:].decode(errors="replace")

    def run_command(self, command: Sequence[str]) -> tuple[int | None, str]:
        """Run a command in the container; return its exit code (None if unknown) and what it wrote."""
        with translate_docker_errors("run a command in the container"):
            return run_command(self.client, self.container_id, command)

    def wait_until_ready(self, probe: ReadinessProbe, companions: Sequence["DockerContainer"]) -> None:
        """Wait until the probe succeeds.

        A port that stays open counts as ready at the end of the time, even if GET / of its HTTP server says
        all the while that it is unavailable: the scenario may ask for other paths.

        Raises:
            TargetStartError: the container ended, or was not ready in time.
            CompanionStartError: one of the companions ended.
        """
        deadline = self._started_s + probe.within_s
        seen: str | None = "nothing"
        while (left_s := deadline - self._clock.now_s()) > 0:
            seen = self._probe(probe, min(_READY_ANSWER_WITHIN_S, max(left_s, 0.1)))
            if (end := _poll_first_end([self], companions)) is not None:
                raise self._build_failure(end)
            if seen is None or (isinstance(seen, Unavailable) and self._trusts_open_port):
                self.ready_after_s = self._clock.now_s() - self._started_s
                return
            self._clock.sleep(_READY_POLL_S)
        if isinstance(seen, Unavailable):
            self.is_unavailable, self.ready_after_s = True, self._clock.now_s() - self._started_s
            return
        is_job = isinstance(probe, CompletedProbe)
        what = "did not end" if is_job else "not ready"
        hint = "" if is_job else "check `ready` and `port` of the target, or "
        raise TargetStartError(
            FailureKind.NEVER_READY,
            f"{what} within {probe.within_s:g} s; last seen: {seen}{_format_log(self._read_log_tail())}",
            f"{hint}allow it more time with `ready: {{within: …}}`",
        )

    def _probe(self, probe: ReadinessProbe, timeout_s: float) -> str | None:
        """Return None if the container is ready, else what was seen instead."""
        if isinstance(probe, NetworkProbe):
            return probe_network(probe, self.port, timeout_s)
        if not isinstance(probe, ContainerProbe):
            return self._probe_life(probe)
        try:
            with translate_docker_errors("check whether the container is ready"):
                return probe_container(self.client, self.container_id, probe)
        except EngineUnavailableError:
            raise
        except EngineError as error:  # the container may just have ended; the caller checks this next
            return error.what

    def _probe_life(self, probe: LifeProbe) -> str | None:
        if self.has_finished:
            return None
        if isinstance(probe, CompletedProbe):
            return "it still runs"
        has_run = self._clock.now_s() >= self._started_s + _MUST_RUN_S
        return None if has_run else f"it has run for less than {_MUST_RUN_S:g} s"

    def _build_failure(self, end: TargetEnd) -> TargetStartError | CompanionStartError:
        after = f"{self._clock.now_s() - self._started_s:.1f} s after its start"
        log = _format_log(end.log_tail)
        if end.companion is not None:
            return CompanionStartError(f"{end.companion} ended with exit code {end.exit_code}{log}")
        if end.oom:
            what = f"out of memory {after} (exit code {end.exit_code}){log}"
            return TargetStartError(FailureKind.OOM, what, "it needs more memory than this size has")
        what = f"ended with exit code {end.exit_code} {after}{log}"
        return TargetStartError(FailureKind.EXITED, what, "its own log says why", exit_code=end.exit_code)

    def _should_ask_engine(self) -> bool:
        """Return True, at most twice a second, once the events have broken off."""
        if not self._events.is_broken or self._clock.now_s() < self._asked_s + _ASK_EVERY_S:
            return False
        self._asked_s = self._clock.now_s()
        return True

    def _read_end(self) -> TargetEnd | None:
        """Ask the engine whether the container has ended, and how.

        An engine kills a container before it removes it. So after a kill the state is read a second time: if
        the container is gone by then, someone removed it and the target did not end by itself.
        """
        state = self._read_state()
        if state is not None and state["Running"]:
            return None
        oom = self._events.has_seen(EventKind.OOM) or (
            state is not None and (state["OOMKilled"] or self._wait_for_oom(state))
        )
        if state is not None and state["ExitCode"] == _KILLED and not oom:
            state = self._read_state()
        if state is None:
            return TargetEnd(None, oom, "the container was removed by someone else")
        if self._events.has_seen(EventKind.KILL) and not oom:
            return TargetEnd(None, oom, "the container was stopped through the engine, not by itself")
        return TargetEnd(state["ExitCode"], oom, self._read_log_tail())

    def _read_state(self) -> dict[str, Any] | None:
        """Return the engine's state of the container, or None if it is removed or being removed."""
        with translate_docker_errors("inspect the target"):
            try:
                state: dict[str, Any] = self.client.inspect_container(self.container_id)["State"]
            except NotFound:
                return None
        return None if state["Status"] == "removing" else state

    def _wait_for_oom(self, state: Mapping[str, Any]) -> bool:
        """Wait a moment for the `oom` event, which may come after the `die` event; return True if it came."""
        deadline = self._clock.now_s() + (_OOM_GRACE_S if state["ExitCode"] == _KILLED else 0.0)
        while not self._events.has_seen(EventKind.OOM) and self._clock.now_s() < deadline:
            self._clock.sleep(0.02)
        return self._events.has_seen(EventKind.OOM)

    def _read_log_tail(self) -> str:
        return "\n".join(self.read_log().strip().splitlines()[-_LOG_LINES_SHOWN:])


@dataclass(frozen=True, slots=True)
class DockerTarget:
    """A target that runs in one container, or in several replicas; the real `RunningTarget`.

    `entrance` is the container that users reach: the only replica, or the balancer of several. The balancer
    is the last of the `companions`. `jobs` have ended before the target was started.
    """

    replicas: tuple[DockerContainer, ...]
    entrance: DockerContainer
    companions: tuple[DockerContainer, ...] = ()
    companions_ready_after_s: float | None = None
    jobs: tuple[DockerContainer, ...] = ()

    @property
    def url(self) -> str:
        return f"http://{self.entrance.port.host}:{self.port}"

    @property
    def port(self) -> int:
        """The port on which this machine reaches the target."""
        return self.entrance.port.number

    @property
    def container_id(self) -> str:
        """The engine's id of the first replica."""
        return self.replicas[0].container_id

    @property
    def ready_after_s(self) -> float:
        """Seconds from a container's start until it was ready; of several replicas, the slowest one's."""
        return max(replica.ready_after_s for replica in self.replicas)

    def poll_end(self) -> TargetEnd | None:
        """Return the first end of a replica or a companion, or None while all of them run.

        If one ends, what still runs is no longer what is to be measured. Raises EngineUnavailableError if the
        tunnel to a port was cut.
        """
        return _poll_first_end(self.replicas, self.companions)

    def read_logs(self) -> str:
        """Return what the replicas wrote, after what the jobs wrote; together at most 256 KiB."""
        bytes_each = _LOG_BYTES_AT_MOST // (len(self.replicas) + len(self.jobs))
        logs = [f"--- the job {job.name}\n{job.read_log(bytes_each)}" for job in self.jobs]
        logs += ["--- the target\n"] if self.jobs else []
        return "".join((*logs, *(replica.read_log(bytes_each) for replica in self.replicas)))


def _poll_first_end(
    replicas: Iterable[DockerContainer], companions: Iterable[DockerContainer]
) -> TargetEnd | None:
    """Return the end of the first container that has ended, with its name if it is a companion."""
    for replica in replicas:
        if (end := replica.poll_end()) is not None:
            return end
    for companion in companions:
        if (end := companion.poll_end()) is not None:
            return replace(end, companion=companion.name)
    return None


@contextlib.contextmanager
def run_container(
    client: APIClient, clock: Clock, spec: ContainerSpec, companions: Sequence[DockerContainer] = ()
) -> Iterator[DockerContainer]:
    """Start a fresh container, yield it once it is ready, and remove it on exit, whatever happened.

    One that restarts, and ends with an error before it is ready, is replaced by a new one, for as long as it
    may take to be ready. The wait fails if one of the `companions` ends. Raises as `wait_until_ready` does.
    """
    deadline = clock.now_s() + spec.target.readiness.within_s
    pause_s = _FIRST_PAUSE_S
    with contextlib.ExitStack() as stack:
        container: DockerContainer | None = None
        while container is None:
            try:
                container = stack.enter_context(_run_once(client, clock, spec, companions))
            except TargetStartError as failure:
                is_restarted = spec.target.options.restarts and bool(failure.exit_code)
                if not is_restarted or clock.now_s() + pause_s > deadline:
                    raise
                clock.sleep(pause_s)
                pause_s *= 2
        yield container


@contextlib.contextmanager
def _run_once(
    client: APIClient, clock: Clock, spec: ContainerSpec, companions: Sequence[DockerContainer]
) -> Iterator[DockerContainer]:
    environment = resolve_environment(spec.target)
    with _remove_on_exit(client, spec.name, clock):
        container_id, created_unix_s = create_container(client, spec, environment)
        with ContainerEvents(client, container_id, created_unix_s, clock) as events:
            start_container(client, container_id, spec)
            started_s = clock.now_s()
            with open_port(spec.port_access, find_published_port(client, container_id, spec)) as port:
                container = DockerContainer(client, container_id, spec, events, port, clock, started_s)
                container.wait_until_ready(spec.target.readiness, companions)
                yield container


@contextlib.contextmanager
def _remove_on_exit(client: APIClient, name: str, clock: Clock) -> Iterator[None]:
    """Remove the container on exit, by its name, which is known even if the engine returned no id."""
    try:
        yield
    except BaseException as error:
        try:
            deadline = clock.now_s() + _CREATE_GRACE_S
            while (
                not remove_container(client, name) and _may_still_appear(error) and clock.now_s() < deadline
            ):
                clock.sleep(0.1)
        except EngineError as failure:
            error.add_note(f"the container {name} may still be there: {failure.what}")
        raise
    remove_container(client, name)


def _may_still_appear(error: BaseException) -> bool:
    """Return True after an interrupt: the engine may still carry out a `create` that was interrupted."""
    return isinstance(error, KeyboardInterrupt)


def _format_log(log: str) -> str:
    return f"\nlast log lines:\n{log}" if log else "; it wrote nothing"
