"""Build an image by the builder that its Dockerfile needs.

The engine's classic builder builds what it can. What only BuildKit can build goes to the command `docker
build`, if there is one that can use BuildKit (its credentials, secrets and SSH agents come with it), else
straight to the BuildKit in the engine: `POST /build` with `version=2`,
https://docs.docker.com/reference/api/engine/.
"""

import base64
import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from docker.api import APIClient
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.utils import create_archive

from harness.measure.docker.client import TARGET_LABEL, build_environment
from harness.model import BuildSource, Engine
from harness.plan import (
    DOCKERIGNORE_FILE,
    drop_syntax,
    find_ignore_file,
    has_standard_syntax,
    insert_stages,
    is_in_context,
    list_build_context,
    needs_buildkit,
    parse_dockerfile,
)

_SILENCE_AT_MOST_S = 600
_CLIENT_ANSWERS_WITHIN_S = 20
_OUTPUT_LINES_SHOWN = 20
_SENT_DOCKERFILE = ".harness.Dockerfile"
IMAGE_CONTEXT = "docker-image://"
NO_FURTHER_CONTEXTS = (
    "additional_contexts of this build need the command `docker` with buildx, and Docker 23 or later"
)
_CONTEXTS_ARE_UNKNOWN = "unsupported frontend capability moby.buildkit.frontend.contexts"
"""What the BuildKit of an engine before Docker 23 says of further contexts, also if buildx asks for them."""

_BUILDX = "buildx"
_COPY_ALL = "FROM scratch\nCOPY . /\n"
_FIRST_CLIENT_WITHOUT_BUILDKIT = 23
"""From this version on the command `docker` builds by its plugin buildx."""

_NO_FRONTEND = re.compile(
    r"(?:failed|error|denied).*docker/dockerfile|docker/dockerfile.*(?:failed|error|denied)"
)
_TRACE = "moby.buildkit.trace"


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """A build of an image on an engine: its Dockerfile's text, the image's name and its label."""

    client: APIClient
    engine: Engine
    source: BuildSource
    text: str
    reference: str
    label: str

    @property
    def needs_buildkit(self) -> bool:
        """True if the classic builder would refuse it, or build something else."""
        ignore_file = find_ignore_file(self.source.context, self.source.dockerfile)
        return (
            needs_buildkit(parse_dockerfile(self.text))
            or bool(self.source.secrets or self.source.ssh or self.source.has_further_contexts)
            or ignore_file.name != DOCKERIGNORE_FILE
        )

    def run(self) -> None:
        """Build and tag the image. Raises DockerException with the last lines of a failed build."""
        if not self.needs_buildkit:
            self._build_by_engine(self.text)
            return
        environ = build_environment(self.engine)
        command = find_buildkit_command(environ)
        if self.source.has_further_contexts and (command is None or _BUILDX not in command):
            self._build_with_stages()
            return
        if command is None and (self.source.secrets or self.source.ssh):
            raise DockerException("secrets and SSH agents of a build need the command `docker` with buildx")
        build = (
            self._build_by_engine_buildkit
            if command is None
            else lambda text: self._build_by_client(command, environ, text)
        )
        try:
            build(self.text)
            return
        except DockerException as error:
            knows_contexts = _CONTEXTS_ARE_UNKNOWN not in str(error)
            lacks_frontend = has_standard_syntax(parse_dockerfile(self.text)) and _NO_FRONTEND.search(
                str(error)
            )
            if knows_contexts and not lacks_frontend:
                raise
        if knows_contexts:
            self._build_by_own_frontend(build)
        else:
            self._build_with_stages()

    def _build_with_stages(self) -> None:
        """Build without further contexts: folders become images, and all become stages of the Dockerfile."""
        source = self.source
        images = {
            name: place.removeprefix(IMAGE_CONTEXT)
            for name, place in source.sources.items()
            if place.startswith(IMAGE_CONTEXT)
        }
        folders = {name: f"{self.reference}-{number}" for number, name in enumerate(source.folders, 1)}
        text = insert_stages(self.text, {**images, **folders}, source.args)
        if text is None or len(images) < len(source.sources):
            raise DockerException(NO_FURTHER_CONTEXTS)
        for name, folder in source.folders.items():
            copied = BuildSource(folder, dockerfile_inline=_COPY_ALL)
            replace(self, source=copied, text=_COPY_ALL, reference=folders[name]).run()
        plain = replace(source, dockerfile_inline=text, folders={}, sources={})
        replace(self, source=plain, text=text).run()

    def _build_by_own_frontend(self, build: Callable[[str], None]) -> None:
        """Build without the line `# syntax=`, by what Docker's frontend was when the engine was released."""
        try:
            build(drop_syntax(self.text))
            return
        except DockerException as error:
            answer = str(error)
        raise DockerException(
            f"the frontend that `# syntax=` names can't be pulled; the engine's own says:\n{answer}"
        )

    def _build_by_client(self, command: list[str], environ: Mapping[str, str], text: str) -> None:
        """Build by the command `docker`, which reads the context itself."""
        with _write_secrets(self.source, environ) as secrets:
            arguments = [*command, *self._list_options(secrets), "--file", "-", str(self.source.context)]
            process_environ = {key: value for key, value in environ.items() if key != "BUILDX_BUILDER"}
            _run_client(arguments, process_environ, text)

    def _list_options(self, secrets: Mapping[str, Path]) -> list[str]:
        source = self.source
        pairs = [
            ("--tag", self.reference),
            ("--label", f"{TARGET_LABEL}={self.label}"),
            ("--progress", "plain"),
            *(("--build-arg", f"{key}={value}") for key, value in source.args.items()),
            *(("--secret", f"id={name},src={path}") for name, path in secrets.items()),
            *(("--ssh", each) for each in source.ssh),
            *(("--build-context", f"{name}={place}") for name, place in source.folders.items()),
            *(("--build-context", f"{name}={place}") for name, place in source.sources.items()),
            *(("--add-host", ":".join(_split_host(each))) for each in source.extra_hosts),
            *(("--target", each) for each in [source.target] if each),
            *(("--network", each) for each in [source.network] if each),
            *(("--platform", each) for each in [source.platform] if each),
        ]
        return [word for pair in pairs for word in pair]

    def _build_by_engine(self, text: str, version: str = "1") -> None:
        """Build by the engine, which is sent the files of the context."""
        source = self.source
        name = os.path.normpath(source.dockerfile) if is_in_context(source) else _SENT_DOCKERFILE
        is_as_in_context = is_in_context(source) and text == self.text
        with tempfile.TemporaryFile() as context:
            files = list_build_context(source.context, source.dockerfile)
            extra = [] if is_as_in_context else [(name, text)]
            if name == _SENT_DOCKERFILE:
                files = [each for each in files if each != DOCKERIGNORE_FILE]
                extra.append((DOCKERIGNORE_FILE, _hide_dockerfile(source.context)))
            context.write(_build_first_entry())
            create_archive(str(source.context), files, fileobj=context, extra_files=extra)
            context.seek(0)
            params = {
                "t": self.reference,
                "dockerfile": name,
                "buildargs": json.dumps(dict(source.args)),
                "labels": json.dumps({TARGET_LABEL: self.label}),
                "rm": True,
                "forcerm": True,
                "version": version,
                "target": source.target,
                "networkmode": source.network,
                "platform": source.platform,
                "extrahosts": ",".join(":".join(_split_host(each)) for each in source.extra_hosts) or None,
            }
            follow_messages(_post_build(self.client, params, context))

    def _build_by_engine_buildkit(self, text: str) -> None:
        self._build_by_engine(text, version="2")


def _hide_dockerfile(context: Path) -> str:
    """Return the text of .dockerignore by which the engine keeps the sent Dockerfile out of the image."""
    path = context / DOCKERIGNORE_FILE
    rules = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else DOCKERIGNORE_FILE
    return f"{rules}\n{_SENT_DOCKERFILE}\n"


def _build_first_entry() -> bytes:
    """Return the entry that a context begins with: the folder itself.

    BuildKit knows an archive only by a first entry without extensions, such as times with fractions.
    """
    entry = tarfile.TarInfo(".")
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry.tobuf(tarfile.USTAR_FORMAT)


def _post_build(client: APIClient, params: Mapping[str, Any], context: BinaryIO) -> Iterator[dict[str, Any]]:
    """Ask the engine for a build; yield its messages. docker-py's own `build` can't name the builder."""
    headers = {"Content-Type": "application/tar"}
    client._set_auth_headers(headers)  # type: ignore[attr-defined]
    response = client.post(
        f"{client.base_url}/v{client.api_version}/build",
        params={key: value for key, value in params.items() if value is not None},
        data=context,
        headers=headers,
        stream=True,
        timeout=_SILENCE_AT_MOST_S,
    )
    client._raise_for_status(response)  # type: ignore[attr-defined]
    yield from client._stream_helper(response, decode=True)  # type: ignore[attr-defined]


def _split_host(text: str) -> tuple[str, str]:
    """Split `name:address` or `name=address`."""
    match = re.fullmatch(r"([^:=]+)[:=](.+)", text)
    return (match[1], match[2]) if match else (text, "")


def find_buildkit_command(environ: Mapping[str, str]) -> list[str] | None:
    """Return the command by which `docker` builds with BuildKit; None if there is none that can.

    Client 18.09 to 22 has it built in. Newer ones have it by their plugin buildx, whose builder must be
    that of the engine: another would not have the engine's images.
    """
    docker = shutil.which("docker", path=environ.get("PATH"))
    if docker is None:
        return None
    if _ask_client([docker, _BUILDX, "version"], environ) is not None:
        context = (
            None if environ.get("DOCKER_HOST") else ContextAPI.get_context(environ.get("DOCKER_CONTEXT"))
        )
        builder = str(context.Name) if context is not None else "default"
        return [docker, _BUILDX, "build", "--builder", builder, "--load"]
    version = re.match(r"Docker version (\d+)\.", _ask_client([docker, "--version"], environ) or "")
    return [docker, "build"] if version and int(version[1]) < _FIRST_CLIENT_WITHOUT_BUILDKIT else None


def _ask_client(command: list[str], environ: Mapping[str, str]) -> str | None:
    """Return what the command prints; None if it fails."""
    try:
        run = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=_CLIENT_ANSWERS_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout


@contextlib.contextmanager
def _write_secrets(source: BuildSource, environ: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """Yield a file for each secret. Those of variables exist only meanwhile, readable by this user only."""
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        files: dict[str, Path] = {}
        for number, (name, secret) in enumerate(source.secrets.items()):
            if secret.file is not None:
                files[name] = secret.file
                continue
            text = secret.text if secret.environment is None else environ.get(secret.environment)
            files[name] = Path(folder) / str(number)
            files[name].touch(mode=0o600)
            files[name].write_text(text or "")
        yield files


def _run_client(command: list[str], environ: Mapping[str, str], text: str) -> None:
    """Run the client with the Dockerfile as its input. Raises DockerException with its last lines."""
    with tempfile.TemporaryFile() as dockerfile:
        dockerfile.write(text.encode())
        dockerfile.seek(0)
        with subprocess.Popen(
            command,
            env={**environ, "DOCKER_BUILDKIT": "1"},
            stdin=dockerfile,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                output = _read_output(process)
            except BaseException:
                process.kill()
                raise
    if process.returncode:
        raise DockerException("\n".join(output))


def _read_output(process: subprocess.Popen[bytes]) -> deque[str]:
    """Return the last lines of a process's output once it has ended. Raises DockerException if it hangs."""
    assert process.stdout is not None
    lines: deque[str] = deque(maxlen=_OUTPUT_LINES_SHOWN)
    rest = b""
    while True:
        ready, _, _ = select.select([process.stdout], [], [], _SILENCE_AT_MOST_S)
        if not ready:
            raise DockerException(f"the build printed nothing for {_SILENCE_AT_MOST_S // 60} minutes")
        chunk = os.read(process.stdout.fileno(), 65536)
        if not chunk:
            break
        *complete, rest = (rest + chunk).split(b"\n")
        lines.extend(each.decode(errors="replace") for each in complete if each.strip())
    lines.extend([rest.decode(errors="replace")] if rest.strip() else [])
    return lines


def follow_messages(messages: Iterable[Mapping[str, Any]]) -> None:
    """Read the engine's messages to the end. Raises DockerException with the last lines of a failure."""
    output: deque[str] = deque(maxlen=_OUTPUT_LINES_SHOWN)
    failed = False
    for message in messages:
        failed = failed or "error" in message
        if message.get("id") == _TRACE:
            output.extend(read_trace(base64.b64decode(message["aux"])))
        output.extend(str(message.get("error") or message.get("stream") or "").strip().splitlines())
    if failed:
        raise DockerException("\n".join(output))


def read_trace(trace: bytes) -> Iterator[str]:
    """Yield the output and the errors in one of BuildKit's status messages, which are written as protocol
    buffers.

    Field 1 of a message are its steps, with an error in their field 7; field 3 is output, with its text in
    field 4. https://github.com/moby/buildkit/blob/master/api/services/control/control.proto
    """
    for field, value in _read_fields(trace):
        wanted = {1: 7, 3: 4}.get(field)
        for inner, text in _read_fields(value) if wanted else ():
            if inner == wanted:
                yield from text.decode(errors="replace").strip().splitlines()


def _read_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and content of each field of a protocol buffer that has a length; skip numbers."""
    at = 0
    while at < len(message):
        key, at = _read_number(message, at)
        match key & 7:
            case 0:
                _, at = _read_number(message, at)
            case 1:
                at += 8
            case 2:
                length, at = _read_number(message, at)
                yield key >> 3, message[at : at + length]
                at += length
            case 5:
                at += 4
            case _:
                return


def _read_number(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where the next field begins."""
    number = shift = 0
    while at < len(message):
        number |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 0x80:
            break
    return number, at
