"""A target's image: built when its content changed, found or pulled otherwise."""

import contextlib
import hashlib
import re
import stat
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from docker.api import APIClient
from docker.errors import DockerException, ImageNotFound
from docker.utils import exclude_paths, tar

from harness.errors import EngineError, UsageError
from harness.measure.docker import load_balancer
from harness.measure.docker.client import BASE_IMAGE, TARGET_LABEL, connect, engine_asked_to
from harness.measure.protocols import Image
from harness.model import Build, Target

BASE_OF_OUR_OWN = BASE_IMAGE.partition(":")[0]
BUILD_SILENCE_AT_MOST_S = 600
OUTPUT_LINES_SHOWN = 20
HASH_CHARACTERS = 12

ARG = re.compile(r"^\s*ARG\s+(\w+)=(\S+)", re.IGNORECASE | re.MULTILINE)
FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)
REFERENCE = re.compile(r"\$\{?(\w+)\}?")


def prepare(client: APIClient, target: Target, *, is_another: bool = False) -> Image:
    """The images to run. A build is skipped when one of the same content, arguments and bases exists.

    Another engine than the usual one is first given what it lacks and that one has.
    """
    services = {each.name: each.service for each in target.companions}
    if target.balancer is not None:
        services[load_balancer.NAME] = load_balancer.balancer(target, target.balancer)
    if is_another:
        carry(client, {name for each in (target, *services.values()) for name in _starting_from(each)})
    own = _prepared(client, target)
    beside = {name: _prepared(client, service) for name, service in services.items()}
    if not beside:
        return own
    digests = "".join(image.digest for image in (own, *beside.values()))
    return Image(own.reference, f"sha256:{hashlib.sha256(digests.encode()).hexdigest()}", beside)


def _starting_from(target: Target) -> list[str]:
    """The images that are run, or built upon."""
    if target.build is None:
        return [target.image] if target.image else []
    return base_images(_dockerfile(target.build), target.build.args)


def carry(client: APIClient, references: Iterable[str]) -> None:
    """Images that this engine lacks and the usual one has; what that lacks too will be pulled."""
    missing = [reference for reference in sorted(references) if find(client, reference) is None]
    if not missing:
        return
    with contextlib.suppress(EngineError), contextlib.closing(connect()) as here:
        for reference in missing:
            if find(here, reference) is not None:
                with engine_asked_to(f"take over the image {reference}"):
                    client.load_image(here.get_image(reference))  # type: ignore[no-untyped-call]


def _prepared(client: APIClient, target: Target) -> Image:
    if target.build is not None:
        return _built(client, target.name, target.build)
    assert target.image is not None, "a target has an image or a build"
    return find(client, target.image) or _pulled(client, target.image)


def find(client: APIClient, reference: str) -> Image | None:
    """The image of this name, if the engine has it."""
    with engine_asked_to(f"look for the image {reference}"):
        try:
            return _known(client, reference)
        except ImageNotFound:
            return None


def _pulled(client: APIClient, reference: str) -> Image:
    with engine_asked_to(
        f"find or pull the image {reference}",
        "check its name; where no registry is in reach, give the target a `build` instead of an `image`",
    ):
        _follow(client.pull(reference, stream=True, decode=True))
        return _known(client, reference)


def _known(client: APIClient, reference: str) -> Image:
    facts = client.inspect_image(reference)  # type: ignore[no-untyped-call]  # types-docker has no types for it
    return Image(reference, facts["Id"])


def _built(client: APIClient, name: str, build: Build) -> Image:
    files = context_files(build)
    bases = base_images(_dockerfile(build), build.args)
    found = {base: find(client, base) for base in bases}
    content = content_hash(build, files, [image.digest if image else "" for image in found.values()])
    reference = f"harness-target-{_slug(name)}:{content[:HASH_CHARACTERS]}"
    image = find(client, reference)
    if image is None:
        _build(client, name, build, reference, [base for base in bases if found[base] is None])
        image = find(client, reference)
    if image is None:
        raise EngineError(f"Docker built {reference}, but does not have it")
    return image


def _build(client: APIClient, name: str, build: Build, reference: str, absent: list[str]) -> None:
    with (
        engine_asked_to(f"build the target {name} from {build.dockerfile}", _hint(absent)),
        tempfile.TemporaryFile() as context,
    ):
        tar(build.context, exclude=_ignored(build), dockerfile=(build.dockerfile, None), fileobj=context)
        _follow(
            client.build(
                fileobj=context,
                custom_context=True,
                dockerfile=build.dockerfile,
                tag=reference,
                buildargs=dict(build.args),
                labels={TARGET_LABEL: name},
                rm=True,
                forcerm=True,
                timeout=BUILD_SILENCE_AT_MOST_S,
                decode=True,
            )
        )


def _hint(absent: list[str]) -> str:
    """What to try when a build failed, by the base images that the engine did not have."""
    if any(base.startswith(BASE_OF_OUR_OWN) for base in absent):
        return f"`make base` makes {absent[0]}"
    if absent:
        return f"{absent[0]} is not here; name another base in `build: {{args: …}}` (`make base` makes one)"
    return "the same with `docker build` shows all of its output"


def _follow(messages: Iterable[Mapping[str, Any]]) -> None:
    """Read an engine's progress to its end. Raises with the last of it when it tells of an error."""
    output: deque[str] = deque(maxlen=OUTPUT_LINES_SHOWN)
    failed = False
    for message in messages:
        failed = failed or "error" in message
        output.extend(str(message.get("error") or message.get("stream") or "").strip().splitlines())
    if failed:
        raise DockerException("\n".join(output))


def _dockerfile(build: Build) -> str:
    path = build.context / build.dockerfile
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", "`build: {context: …, dockerfile: …}` names it") from error


def context_files(build: Build) -> list[str]:
    """What the engine is sent, sorted, relative to the context: all that .dockerignore doesn't exclude."""
    return sorted(exclude_paths(str(build.context), _ignored(build), dockerfile=build.dockerfile))


def _ignored(build: Build) -> list[str]:
    path = build.context / ".dockerignore"
    if not path.is_file():
        return []
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def base_images(dockerfile: str, args: Mapping[str, str]) -> list[str]:
    """The images that the Dockerfile's stages start from, arguments filled in, without its own stages."""
    values = dict(ARG.findall(dockerfile)) | dict(args)
    stages = {name.lower() for name in re.findall(r"\bAS\s+(\S+)", dockerfile, re.IGNORECASE)}
    bases = [REFERENCE.sub(lambda found: values.get(found[1], ""), base) for base in FROM.findall(dockerfile)]
    return [base for base in dict.fromkeys(bases) if base and base.lower() not in stages | {"scratch"}]


def content_hash(build: Build, files: Iterable[str], bases: Iterable[str]) -> str:
    """SHA-256 of all that a build depends on: files and their modes, Dockerfile, arguments, base images."""
    digest = hashlib.sha256()
    for part in (build.dockerfile, *(f"{key}={value}" for key, value in sorted(build.args.items())), *bases):
        digest.update(part.encode() + b"\0")
    for name in files:
        digest.update(name.encode() + b"\0" + _file_hash(build.context / name))
    return digest.hexdigest()


def _file_hash(path: Path) -> bytes:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        content = str(path.readlink()).encode()
    elif stat.S_ISREG(mode):
        content = path.read_bytes()
    else:
        content = b""
    return hashlib.sha256(f"{mode:o}\0".encode() + content).digest()


def _slug(name: str) -> str:
    """As image names must be."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"


def look_into(reference: str) -> tuple[int | None, bool]:
    """An image's exposed port and whether it has a HEALTHCHECK, for a new target; it is pulled if need be."""
    client = connect()
    try:
        found = find(client, reference) or _pulled(client, reference)
        facts = client.inspect_image(found.reference)  # type: ignore[no-untyped-call]
    finally:
        client.close()
    config = facts.get("Config") or {}
    ports = sorted(int(port.partition("/")[0]) for port in config.get("ExposedPorts") or {})
    return (ports[0] if ports else None), bool(config.get("Healthcheck"))
