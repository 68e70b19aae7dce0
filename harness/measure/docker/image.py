"""Prepare a target's image: build it if its content changed, else find or pull it."""

import contextlib
import hashlib
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from docker.api import APIClient
from docker.errors import DockerException, ImageNotFound
from docker.utils import create_archive

from harness.errors import EngineError, UsageError
from harness.measure.docker import load_balancer
from harness.measure.docker.client import BASE_IMAGE, TARGET_LABEL, connect, translate_docker_errors
from harness.measure.protocols import Image
from harness.model import BuildSource, ImageSource, Target
from harness.plan import hash_build, list_build_context

_OWN_BASE = BASE_IMAGE.partition(":")[0]
_BUILD_SILENCE_AT_MOST_S = 600
_OUTPUT_LINES_SHOWN = 20
_HASH_CHARACTERS = 12

_ARG = re.compile(r"^\s*ARG\s+(\w+)=(\S+)", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def prepare_images(client: APIClient, target: Target, *, is_default_engine: bool = True) -> Image:
    """Build, find or pull the images of a target, its companions and its balancer.

    A build is skipped if an image of the same content, arguments and base images exists. If the engine is not
    the default one, images that it lacks are first copied from the default engine, which may have them.
    """
    services = {each.name: each.service for each in target.companions}
    if target.balancer is not None:
        services[load_balancer.NAME] = load_balancer.build_balancer(target, target.balancer)
    if not is_default_engine:
        _copy_from_default_engine(
            client, {name for each in (target, *services.values()) for name in _find_needed_images(each)}
        )
    target_image = _prepare_image(client, target)
    sidecars = {name: _prepare_image(client, service) for name, service in services.items()}
    if not sidecars:
        return target_image
    digests = "".join(image.digest for image in (target_image, *sidecars.values()))
    return Image(target_image.reference, f"sha256:{hashlib.sha256(digests.encode()).hexdigest()}", sidecars)


def _find_needed_images(target: Target) -> list[str]:
    """Return the image that is run, or the images that it is built from."""
    if isinstance(target.source, ImageSource):
        return [target.source.reference]
    return find_base_images(_read_dockerfile(target.source), target.source.args)


def _copy_from_default_engine(client: APIClient, references: Iterable[str]) -> None:
    """Copy the images that this engine lacks and the default one has. Others are pulled later."""
    missing = [reference for reference in sorted(references) if _find_image(client, reference) is None]
    if not missing:
        return
    with contextlib.suppress(EngineError), contextlib.closing(connect()) as default_engine:
        for reference in missing:
            if _find_image(default_engine, reference) is not None:
                with translate_docker_errors(f"copy the image {reference} from the default engine"):
                    client.load_image(default_engine.get_image(reference))  # type: ignore[no-untyped-call]


def _prepare_image(client: APIClient, target: Target) -> Image:
    if isinstance(target.source, BuildSource):
        return _build_if_changed(client, target.name, target.source)
    reference = target.source.reference
    return _find_image(client, reference) or _pull(client, reference)


def _find_image(client: APIClient, reference: str) -> Image | None:
    """Return the image of this name, or None if the engine does not have it."""
    with translate_docker_errors(f"look for the image {reference}"):
        try:
            return _inspect(client, reference)
        except ImageNotFound:
            return None


def _pull(client: APIClient, reference: str) -> Image:
    with translate_docker_errors(
        f"find or pull the image {reference}",
        "check its name; if no registry can be reached, give the target a `build` instead of an `image`",
    ):
        _follow_messages(client.pull(reference, stream=True, decode=True))
        return _inspect(client, reference)


def _inspect(client: APIClient, reference: str) -> Image:
    facts = client.inspect_image(reference)  # type: ignore[no-untyped-call]  # types-docker has no types for it
    return Image(reference, facts["Id"])


def _build_if_changed(client: APIClient, name: str, build: BuildSource) -> Image:
    bases = find_base_images(_read_dockerfile(build), build.args)
    known = {base: _find_image(client, base) for base in bases}
    content = hash_build(build, [image.digest if image else "" for image in known.values()])
    reference = f"harness-target-{_slugify(name)}:{content[:_HASH_CHARACTERS]}"
    image = _find_image(client, reference)
    if image is None:
        _build(client, name, build, reference, [base for base in bases if known[base] is None])
        image = _find_image(client, reference)
    if image is None:
        raise EngineError(f"Docker built the image {reference}, but does not have it")
    return image


def _build(client: APIClient, name: str, build: BuildSource, reference: str, missing: list[str]) -> None:
    with (
        translate_docker_errors(f"build the target {name} from {build.dockerfile}", _suggest_fix(missing)),
        tempfile.TemporaryFile() as context,
    ):
        files = list_build_context(build.context, build.dockerfile)
        create_archive(str(build.context), files, fileobj=context)
        _follow_messages(
            client.build(
                fileobj=context,
                custom_context=True,
                dockerfile=build.dockerfile,
                tag=reference,
                buildargs=dict(build.args),
                labels={TARGET_LABEL: name},
                rm=True,
                forcerm=True,
                timeout=_BUILD_SILENCE_AT_MOST_S,
                decode=True,
            )
        )


def _suggest_fix(missing: list[str]) -> str:
    """Suggest what to try after a failed build; the engine does not have the `missing` base images."""
    if any(base.startswith(_OWN_BASE) for base in missing):
        return f"`make base` makes {missing[0]}"
    if missing:
        hint = "name another base in `build: {args: …}` (`make base` makes one)"
        return f"{missing[0]} is not on this engine; {hint}"
    return "`docker build` of the same Dockerfile shows all of its output"


def _follow_messages(messages: Iterable[Mapping[str, Any]]) -> None:
    """Read the engine's messages to the end. Raises DockerException with the last lines of a failure."""
    output: deque[str] = deque(maxlen=_OUTPUT_LINES_SHOWN)
    failed = False
    for message in messages:
        failed = failed or "error" in message
        output.extend(str(message.get("error") or message.get("stream") or "").strip().splitlines())
    if failed:
        raise DockerException("\n".join(output))


def _read_dockerfile(build: BuildSource) -> str:
    path = build.context / build.dockerfile
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: {error}", "`build: {context: …, dockerfile: …}` says which Dockerfile to use"
        ) from error


def find_base_images(dockerfile: str, args: Mapping[str, str]) -> list[str]:
    """Return the images that the Dockerfile's stages start from, with arguments filled in.

    Stages that start from another stage of the same Dockerfile are left out.
    """
    values = dict(_ARG.findall(dockerfile)) | dict(args)
    stages = {name.lower() for name in re.findall(r"\bAS\s+(\S+)", dockerfile, re.IGNORECASE)}
    bases = [
        _VARIABLE.sub(lambda match: values.get(match[1], ""), base) for base in _FROM.findall(dockerfile)
    ]
    return [base for base in dict.fromkeys(bases) if base and base.lower() not in stages | {"scratch"}]


def _slugify(name: str) -> str:
    """Replace the characters that an image's name can't have."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"


def inspect_image(reference: str) -> tuple[int | None, bool]:
    """Return an image's exposed port and whether it has a HEALTHCHECK; the image is pulled if necessary."""
    client = connect()
    try:
        image = _find_image(client, reference) or _pull(client, reference)
        facts = client.inspect_image(image.reference)  # type: ignore[no-untyped-call]
    finally:
        client.close()
    config = facts.get("Config") or {}
    ports = sorted(int(port.partition("/")[0]) for port in config.get("ExposedPorts") or {})
    return (ports[0] if ports else None), bool(config.get("Healthcheck"))
