"""Run Locust workers in containers, on the engines that the load comes from."""

import contextlib
import io
import itertools
import os
import platform
import shlex
import tarfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.errors import EngineError, GeneratorError, TargetStartError
from harness.measure.docker.container import DockerContainer
from harness.measure.docker.host import DockerHost
from harness.measure.locust.command import (
    RESERVED_VARIABLES,
    build_command_elsewhere,
    build_option_variables,
)
from harness.measure.locust.ending import find_cause
from harness.measure.locust.local_workers import END_WITHIN_S
from harness.measure.locust.telemetry import (
    find_telemetry_variables,
    hide_secrets,
    measure_longest_secret,
)
from harness.measure.locust.worker_image import prepare_build_source
from harness.measure.protocols import Image
from harness.model import MIB, CommandProbe, ContainerOptions, ImageSource, Limits, Load, Scenario, Target
from harness.plan import find_named_variables, find_scenario_files

_NAME = "worker"
_LIMITS = Limits(2.0, 2048 * MIB)
"""A worker fills one core at most; the second core is headroom for the interpreter's own threads."""

_END_POLL_S = 0.05
_PLUGIN_FOLDER, _SCENARIO_FOLDER = "/harness", "/scenario"


class WorkerPool:
    """The engines that the load comes from; workers are spread evenly over them.

    `port` is where the master listens: a campaign that measures on several engines has one master for each of
    them. `image` is an image that contains Locust; if it is None, the harness builds one.
    """

    def __init__(self, hosts: Sequence[DockerHost], port: int, image: str | None = None) -> None:
        self.hosts = tuple(hosts)
        self.port = port
        self._image = image
        self._images: list[Image] = []

    def find_problems(self, load: Load) -> list[str]:
        """Find what would keep workers on these engines from reaching the master; empty if nothing would."""
        remote = [host for host in self.hosts if not host.read_fingerprint().engine.is_local]
        if remote and not load.is_remote:
            return [
                "an engine of `load` is on another machine, and its workers need an address of this one; "
                'name it: load: {bind: "10.0.0.5:5557"}'
            ]
        return []

    def prepare(self, scenario: Scenario) -> None:
        """Build or find the workers' image on each engine.

        Raises EngineError with the build's output, or UsageError with pip's output.
        """
        self._images = [host.prepare(self._build_target(host, scenario)) for host in self.hosts]

    def start(
        self, scenario: Scenario, plugin_files: Iterable[Path], url: str, load: Load, count: int, port: int
    ) -> "ContainerWorkers":
        """Start `count` workers, after a call of `prepare`. Raises GeneratorError if one does not start."""
        files = find_scenario_files(scenario)
        archive = build_tar(plugin_files, files, scenario)
        script = build_worker_script(scenario, plugin_files, url, load.bind, port)
        environment = build_container_environment(files)
        engines = itertools.cycle(zip(self.hosts, self._images, strict=True))
        workers = ContainerWorkers()
        try:
            for host, image in itertools.islice(engines, count):
                workers.add(host, build_worker_service(image.reference, script, environment), image, archive)
        except BaseException:
            workers.end()
            raise
        return workers

    def _build_target(self, host: DockerHost, scenario: Scenario) -> Target:
        if self._image is not None:
            return Target(_NAME, 0, ImageSource(self._image))
        architecture = host.read_fingerprint().engine.architecture or platform.machine()
        return Target(_NAME, 0, prepare_build_source(architecture, scenario.requirements))


class ContainerWorkers:
    """The workers of one master, each in a container of its own. `ProcessWorkers` are those on this host."""

    pids: Sequence[int] = ()

    def __init__(self) -> None:
        self._containers: list[DockerContainer] = []
        self._exit_stack = contextlib.ExitStack()

    def add(self, host: DockerHost, service: Target, image: Image, archive: bytes) -> None:
        """Start one more worker. `archive` is unpacked in its container.

        Raises GeneratorError if the container does not start.
        """
        try:
            container = host.run_service(service, _LIMITS, image, archive)
            self._containers.append(self._exit_stack.enter_context(container))
        except (EngineError, TargetStartError) as error:
            what = hide_secrets(error.what)
            raise GeneratorError(
                f"Locust's worker {len(self._containers) + 1} can't be started in a container: {what}",
                error.hint,
            ) from error

    def pin_to_cores(self, cores: frozenset[int]) -> None:
        """Do nothing: `cores` are cores of this host, but the workers run on their engines."""

    def check_alive(self) -> None:
        """Raise GeneratorError if a worker has ended, or its engine does not answer."""
        for number, worker in enumerate(self._containers, 1):
            try:
                end = worker.poll_end()
            except EngineError as error:
                raise GeneratorError(f"Locust's worker {number} can't be reached: {error.what}") from error
            if end is not None:
                memory = ", out of memory" if end.oom else ""
                log = hide_secrets(end.log_tail)
                cause = find_cause(log)
                raise GeneratorError(
                    f"{cause}{', so ' if cause else ''}Locust's worker {number} of {len(self._containers)}, "
                    f"in a container, ended with exit code {end.exit_code}{memory}"
                    f"\nlast log lines:\n{log}"
                )

    def read_logs(self, bytes_each: int) -> str:
        """Return the last `bytes_each` bytes of each worker's log, without workers whose engine is gone."""
        parts, more_bytes = [], bytes_each + measure_longest_secret()
        for number, worker in enumerate(self._containers, 1):
            with contextlib.suppress(EngineError):
                log = hide_secrets(worker.read_log(more_bytes))[-bytes_each:]
                parts.append(f"--- worker {number}\n{log}")
        return "".join(parts)

    def end(self) -> None:
        """Wait until the workers have quit on their master's command, then remove their containers.

        Containers that an engine fails to remove are removed at the end of the campaign, or by the next one.
        """
        deadline = time.monotonic() + END_WITHIN_S
        with contextlib.suppress(EngineError):
            while (
                any(worker.poll_end() is None for worker in self._containers) and time.monotonic() < deadline
            ):
                time.sleep(_END_POLL_S)
        with contextlib.suppress(EngineError):
            self._exit_stack.close()


def build_worker_service(image: str, script: str, environment: Mapping[str, str]) -> Target:
    """Build the container that runs `script`, with no more rights than it needs to send requests."""
    return Target(
        _NAME,
        0,
        ImageSource(image),
        CommandProbe(("true",)),
        environment=environment,
        entrypoint=("sh", "-c", script),
        command=(),
        host_network=True,
        user="65534:65534",
        tmpfs=("/tmp",),
        options=ContainerOptions(dropped_capabilities=("ALL",)),
    )


def build_worker_script(
    scenario: Scenario, plugin_files: Iterable[Path], url: str, bind: str, port: int
) -> str:
    """Build the shell script that runs a worker in a container, with the files of `build_tar`."""
    folder = find_common_folder(scenario)
    paths = [f"{_PLUGIN_FOLDER}/{path.name}" for path in plugin_files]
    paths += [_path_in_container(path, folder) for path in scenario.locustfiles]
    options = ["--worker", "--master-host", bind, "--master-port", str(port), "--host", url]
    working_folder = _path_in_container(scenario.working_folder, folder)
    command = build_command_elsewhere(scenario, paths, *options)
    return f"cd {shlex.quote(working_folder)} && exec {shlex.join(command)}"


def find_common_folder(scenario: Scenario) -> Path:
    """Return the deepest folder that contains all locustfiles, and the folder in which Locust is started."""
    folders = [path.resolve().parent for path in scenario.locustfiles]
    return Path(os.path.commonpath([*folders, scenario.working_folder.resolve()]))


def _path_in_container(path: Path, folder: Path) -> str:
    return os.path.normpath(Path(_SCENARIO_FOLDER) / os.path.relpath(path.resolve(), folder))


def build_container_environment(files: Iterable[Path]) -> dict[str, str]:
    """Build a worker's environment: the variables of Locust and OpenTelemetry, and those that the files name.

    Values are references such as `${TOKEN}`, which are filled in when a container is created.
    """
    scenario_names = find_named_variables(files, os.environ)
    locust_names = {name for name in os.environ if name.startswith("LOCUST_")}
    names = (scenario_names | locust_names | find_telemetry_variables()) - RESERVED_VARIABLES
    references = {name: f"${{{name}}}" for name in sorted(names)}
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "HOME": "/tmp"}
    return references | own | build_option_variables()


def build_tar(plugin_files: Iterable[Path], scenario_files: Iterable[Path], scenario: Scenario) -> bytes:
    """Build a tar archive of the plugin's and the scenario's files, and of the folder to start Locust in."""
    folder = find_common_folder(scenario)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        start = tarfile.TarInfo(_path_in_container(scenario.working_folder, folder).lstrip("/"))
        start.type, start.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(start)
        for path in plugin_files:
            _add_file(archive, path, f"{_PLUGIN_FOLDER}/{path.name}")
        for path in scenario_files:
            _add_file(archive, path, _path_in_container(path, folder))
    return content.getvalue()


def _add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file that all users may read, because the worker in the container runs as another user."""
    content = path.read_bytes()
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))
