"""An image that is built from a Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildSecret:
    """A secret for `RUN --mount=type=secret`: the content of a file, or of a variable of the caller."""

    file: Path | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSource:
    """A target's image to build: a context folder, the Dockerfile with its arguments, and the stage to build.

    `dockerfile` is a path relative to the context. `dockerfile_inline` is the text of a Dockerfile, and
    takes its place. Without `target` the last stage is built. `ssh` are agents or keys in the notation of
    `docker build --ssh`.
    """

    context: Path
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    dockerfile_inline: str | None = None
    secrets: Mapping[str, BuildSecret] = field(default_factory=dict)
    ssh: tuple[str, ...] = ()
    network: str | None = None
    extra_hosts: tuple[str, ...] = ()
    platform: str | None = None
