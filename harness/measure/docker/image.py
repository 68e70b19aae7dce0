"""Prepare a target's image: build it if its content changed, else find or pull it."""

import contextlib
import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from docker.api import APIClient
from docker.errors import ImageNotFound

from harness.errors import EngineError, UsageError
from harness.measure.docker import load_balancer
from harness.measure.docker.builders import (
    IMAGE_CONTEXT,
    NO_FURTHER_CONTEXTS,
    ImageBuild,
    follow_messages,
)
from harness.measure.docker.client import BASE_IMAGE, connect, translate_docker_errors
from harness.measure.protocols import Image
from harness.model import DEFAULT_ENGINE, BuildSource, Engine, ImageSource, Target
from harness.plan import (
    choose_port,
    find_images,
    hash_build,
    parse_dockerfile,
    read_build_file,
    shorten_image,
)

_OWN_BASE = BASE_IMAGE.partition(":")[0]
_HASH_CHARACTERS = 12
_COMMAND_FAILED = re.compile(r"executor failed running|did not complete successfully")
"""What BuildKit says of a RUN that ended with an error: another builder would not help."""


def prepare_images(client: APIClient, target: Target, engine: Engine = DEFAULT_ENGINE) -> Image:
    """Build, find or pull the images of a target, its companions and its balancer.

    A build is skipped if an image of the same content, arguments and base images exists. If the engine is not
    the default one, images that it lacks are first copied from the default engine, which may have them.
    """
    services = {each.name: each.service for each in target.companions}
    if target.balancer is not None:
        services[load_balancer.NAME] = load_balancer.build_balancer(target, target.balancer)
    if engine != DEFAULT_ENGINE:
        _copy_from_default_engine(
            client, {name for each in (target, *services.values()) for name in _find_needed_images(each)}
        )
    target_image = _prepare_image(client, engine, target)
    sidecars = {name: _prepare_image(client, engine, service) for name, service in services.items()}
    if not sidecars:
        return target_image
    digests = "".join(image.digest for image in (target_image, *sidecars.values()))
    return Image(target_image.reference, f"sha256:{hashlib.sha256(digests.encode()).hexdigest()}", sidecars)


def _find_needed_images(target: Target) -> list[str]:
    """Return the image that is run, or the images that it is built from."""
    if isinstance(target.source, ImageSource):
        return [target.source.reference]
    return _find_base_images(target.source)


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


def _prepare_image(client: APIClient, engine: Engine, target: Target) -> Image:
    if isinstance(target.source, BuildSource):
        return _build_if_changed(client, engine, target.name, target.source)
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
        follow_messages(client.pull(reference, stream=True, decode=True))
        return _inspect(client, reference)


def _inspect(client: APIClient, reference: str) -> Image:
    facts = client.inspect_image(reference)  # type: ignore[no-untyped-call]  # types-docker has no types for it
    return Image(reference, facts["Id"])


def _build_if_changed(client: APIClient, engine: Engine, name: str, build: BuildSource) -> Image:
    build = _build_bases(client, engine, build)
    bases = _find_base_images(build)
    known = {base: _find_image(client, base) for base in bases}
    content = hash_build(build, [image.digest if image else "" for image in known.values()])
    reference = f"harness-target-{_slugify(name)}:{content[:_HASH_CHARACTERS]}"
    image = _find_image(client, reference)
    if image is None:
        _build(client, engine, name, build, reference, [base for base in bases if known[base] is None])
        image = _find_image(client, reference)
    if image is None:
        raise EngineError(f"Docker built the image {reference}, but does not have it")
    return image


def _build_bases(client: APIClient, engine: Engine, build: BuildSource) -> BuildSource:
    """Build what the build is built upon; return the build with these images as its further contexts."""
    images = {
        name: IMAGE_CONTEXT + _build_if_changed(client, engine, name, base).reference
        for name, base in build.bases.items()
    }
    return replace(build, sources={**build.sources, **images}, bases={})


def _build(
    client: APIClient, engine: Engine, name: str, build: BuildSource, reference: str, missing: list[str]
) -> None:
    run = ImageBuild(client, engine, build, _read_dockerfile(build), reference, name)
    if run.needs_buildkit:
        for base in missing:
            with contextlib.suppress(EngineError):  # the engine's BuildKit has no credentials of its own
                _pull(client, base)
    hint = _suggest_fix(missing) or "`docker build` of the same Dockerfile shows all of its output"
    try:
        with translate_docker_errors(f"build the target {name} from {build.dockerfile}", hint):
            run.run()
    except EngineError as error:
        lacks_buildkit = run.needs_buildkit and not missing and not build.has_further_contexts
        if NO_FURTHER_CONTEXTS in error.what or (lacks_buildkit and not _COMMAND_FAILED.search(error.what)):
            error.hint = _suggest_own_build(name, build)
        raise


def _suggest_own_build(name: str, build: BuildSource) -> str:
    """Suggest how to build, without the harness, what no builder that it can use builds."""
    if build.dockerfile_inline is not None:
        return "build it with `docker compose build`, and name the image: `image: …` instead of `build`"
    places = {**build.folders, **build.sources}
    words = ["docker", *(["buildx"] if places else []), "build", "--tag", f"{_slugify(name)}:1"]
    words += ["--target", build.target] if build.target else []
    words += [word for key, place in places.items() for word in ("--build-context", f"{key}={place}")]
    command = shlex.join([*words, "--file", build.dockerfile, "."])
    return (
        f"only BuildKit can build this Dockerfile. Build it yourself, `{command}` in {build.context}, "
        f"and name the image: `image: {_slugify(name)}:1` instead of `build`"
    )


def _suggest_fix(missing: list[str]) -> str:
    """Suggest what to try if the engine does not have the `missing` base images; empty if there are none."""
    if any(base.startswith(_OWN_BASE) for base in missing):
        return f"`make base` makes {missing[0]}"
    if missing:
        hint = "name another base in `build: {args: …}` (`make base` makes one)"
        return f"{missing[0]} is not on this engine; {hint}"
    return ""


def _read_dockerfile(build: BuildSource) -> str:
    try:
        return read_build_file(build)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{build.context / build.dockerfile}: {error}",
            "`build: {context: …, dockerfile: …}` says which Dockerfile to use",
        ) from error


def _find_base_images(build: BuildSource) -> list[str]:
    """Return the images that the build starts or copies from; not what further contexts stand for."""
    images = find_images(parse_dockerfile(_read_dockerfile(build)), build.args, build.target)
    places = {shorten_image(name) for name in (*build.folders, *build.sources, *build.bases)}
    named = [
        place.removeprefix(IMAGE_CONTEXT)
        for place in build.sources.values()
        if place.startswith(IMAGE_CONTEXT)
    ]
    named += [image for base in build.bases.values() for image in _find_base_images(base)]
    return [*(each for each in images if shorten_image(each) not in places), *named]


def _slugify(name: str) -> str:
    """Replace the characters that an image's name can't have."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "target"


def inspect_image(reference: str) -> tuple[int | None, bool]:
    """Return an image's exposed port and whether it has a HEALTHCHECK; the image is pulled if necessary."""
    with contextlib.closing(connect()) as client:
        image = _find_image(client, reference) or _pull(client, reference)
        facts = client.inspect_image(image.reference)  # type: ignore[no-untyped-call]
    config = facts.get("Config") or {}
    return choose_port(_sort_ports(config.get("ExposedPorts") or {})), _has_healthcheck(config)


def has_image(reference: str) -> bool:
    """Return True if the default engine has an image."""
    with contextlib.closing(connect()) as client:
        return _find_image(client, reference) is not None


def _sort_ports(ports: Iterable[str]) -> list[str]:
    """Sort ports such as 80/tcp by their number."""
    return sorted(ports, key=lambda port: (len(port.partition("/")[0]), port))


def _has_healthcheck(config: Mapping[str, Any]) -> bool:
    """Return True if an image's HEALTHCHECK is a command, and not NONE."""
    test = (config.get("Healthcheck") or {}).get("Test") or []
    return bool(test) and test[0] != "NONE"
