"""Locust's workers in containers, on the engines that the load is to come from."""

import contextlib
import io
import itertools
import os
import shlex
import tarfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import EngineError, GeneratorError, TargetFailed
from harness.measure.docker.container import DockerTarget
from harness.measure.docker.host import DockerHost
from harness.measure.locust.command import DECIDED_HERE, inside
from harness.measure.locust.local_workers import ENDED_WITHIN_S
from harness.measure.locust.worker_image import build_for
from harness.measure.protocols import Image
from harness.model import MIB, Limits, Load, Ready, Scenario, Target
from harness.plan import named_variables, scenario_files

NAME = "worker"
LIMITS = Limits(2.0, 2048 * MIB)
"""A worker fills one core at most; the rest is room for what Python does beside it."""

ENDED_POLL_S = 0.05
OURS, THEIRS = "/harness", "/scenario"


class LoadEngines:
    """The engines that the load comes from, as many workers on each as on the others.

    `port` is the master's: one campaign on several engines has as many masters.
    """

    def __init__(self, hosts: Sequence[DockerHost], port: int, image: str | None = None) -> None:
        self.hosts = tuple(hosts)
        self.port = port
        self._given = image
        self._images: list[Image] = []

    def check(self, load: Load) -> list[str]:
        """What keeps workers on these engines from coming to the master."""
        away = [host for host in self.hosts if not host.environment()["engine"]["local"]]
        if away and not load.is_remote:
            return [
                "an engine of `load` is on another machine, and its workers come to an address of this one; "
                'name it: load: {bind: "10.0.0.5:5557"}'
            ]
        return []

    def prepare(self, scenario: Scenario) -> None:
        """The image on each engine. Raises EngineError with a build's evidence, UsageError with pip's."""
        self._images = [host.prepare(self._made_from(host, scenario)) for host in self.hosts]

    def start(
        self, scenario: Scenario, ours: Iterable[Path], url: str, load: Load, count: int, port: int
    ) -> "Containers":
        """After `prepare`. Raises GeneratorError where a container does not come up."""
        theirs = scenario_files(scenario.locustfiles)
        content = packed(ours, theirs, folder_of(scenario))
        service = told(worker_script(scenario, ours, url, load.bind, port), variables(theirs))
        places = itertools.cycle(zip(self.hosts, self._images, strict=True))
        started = Containers()
        try:
            for host, image in itertools.islice(places, count):
                started.add(host, service, image, content)
        except BaseException:
            started.end()
            raise
        return started

    def _made_from(self, host: DockerHost, scenario: Scenario) -> Target:
        if self._given is not None:
            return Target(NAME, 0, image=self._given)
        architecture = host.environment()["engine"]["architecture"]
        return Target(NAME, 0, build=build_for(architecture, scenario.requirements))


class Containers:
    """Workers of one master, each in a container of its own; like `Workers`, which are processes here."""

    pids: Sequence[int] = ()

    def __init__(self) -> None:
        self._running: list[DockerTarget] = []
        self._open = contextlib.ExitStack()

    def add(self, host: DockerHost, service: Target, image: Image, content: bytes) -> None:
        try:
            container = host.run_beside(service, LIMITS, image, content)
            self._running.append(self._open.enter_context(container))
        except (EngineError, TargetFailed) as error:
            raise GeneratorError(
                f"Locust's worker {len(self._running) + 1} can't be started in a container: {error.what}",
                error.hint,
            ) from error

    def keep_to(self, cores: frozenset[int]) -> None:
        """They have the cores of their engines."""

    def look(self) -> None:
        """Raises GeneratorError when one of them has ended, or its engine is gone."""
        for number, worker in enumerate(self._running, 1):
            try:
                end = worker.ended()
            except EngineError as error:
                raise GeneratorError(f"Locust's worker {number} is out of reach: {error.what}") from error
            if end is not None:
                memory = ", out of memory" if end.oom else ""
                raise GeneratorError(
                    f"Locust's worker {number} of {len(self._running)}, in a container, ended with exit code "
                    f"{end.exit_code}{memory}\nits last words:\n{end.log_tail}"
                )

    def logs(self, bytes_each: int) -> str:
        parts = []
        for number, worker in enumerate(self._running, 1):
            with contextlib.suppress(EngineError):
                parts.append(f"--- worker {number}\n{worker.own_log(bytes_each)}")
        return "".join(parts)

    def end(self) -> None:
        """They were told to quit by their master; what is left of them is removed."""
        deadline = time.monotonic() + ENDED_WITHIN_S
        with contextlib.suppress(EngineError):
            while any(worker.ended() is None for worker in self._running) and time.monotonic() < deadline:
                time.sleep(ENDED_POLL_S)
        with contextlib.suppress(EngineError):  # swept when the campaign ends, and by the next one
            self._open.close()


def told(script: str, environment: Mapping[str, str]) -> Target:
    """What runs in a container, with no more rights than requests need."""
    return Target(
        NAME,
        0,
        ready=Ready(command=("true",)),
        environment=environment,
        entrypoint=("sh", "-c", script),
        command=(),
        host_network=True,
        user="65534:65534",
        tmpfs=("/tmp",),
    )


def worker_script(scenario: Scenario, ours: Iterable[Path], url: str, bind: str, port: int) -> str:
    """What a container runs: as a worker here would, but in its own folders."""
    folder = folder_of(scenario)
    names = [f"{OURS}/{path.name}" for path in ours]
    names += [inner(path, folder) for path in scenario.locustfiles]
    options = ["--worker", "--master-host", bind, "--master-port", str(port), "--host", url]
    home = inner(scenario.locustfiles[0].parent, folder)
    return f"cd {shlex.quote(home)} && exec {shlex.join(inside(scenario, names, *options))}"


def folder_of(scenario: Scenario) -> Path:
    """The one that holds all locustfiles."""
    return Path(os.path.commonpath([path.resolve().parent for path in scenario.locustfiles]))


def inner(path: Path, folder: Path) -> str:
    return str(Path(THEIRS) / os.path.relpath(path.resolve(), folder))


def variables(theirs: Iterable[Path]) -> dict[str, str]:
    """Of our environment: what is Locust's own, and what the scenario's files name; each to be filled in when
    a container is created.
    """
    named = named_variables(theirs, os.environ)
    locusts = {name for name in os.environ if name.startswith("LOCUST_")}
    given = {name: f"${{{name}}}" for name in sorted((named | locusts) - DECIDED_HERE)}
    return given | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "HOME": "/tmp"}


def packed(ours: Iterable[Path], theirs: Iterable[Path], folder: Path) -> bytes:
    """A tar archive of the plugin, and of the scenario's files as they lie beside each other."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path in ours:
            _pack(archive, path, f"{OURS}/{path.name}")
        for path in theirs:
            _pack(archive, path, inner(path, folder))
    return written.getvalue()


def _pack(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Readable for everybody, and nobody's: its user inside is another one."""
    content = path.read_bytes()
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
