"""An image that is built from a Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildSecret:
    """A secret for `RUN --mount=type=secret`: a file's content, the caller's variable, or a text."""

    file: Path | None = None
    environment: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSource:
    """A target's image to build: a context folder, the Dockerfile with its arguments, and the stage to build.

    `dockerfile` is a path relative to the context. `dockerfile_inline` is the text of a Dockerfile, and
    takes its place. Without `target` the last stage is built. `ssh` are agents or keys in the notation of
    `docker build --ssh`. `folders` and `sources` are further contexts by name: folders of this machine, and
    others in the notation of `docker buildx build --build-context`, such as `docker-image://alpine`. `bases`
    are further contexts that are images to build first.
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
    folders: Mapping[str, Path] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, "BuildSource"] = field(default_factory=dict)

    @property
    def has_further_contexts(self) -> bool:
        """True if the Dockerfile takes files from elsewhere than its context and images."""
        return bool(self.folders or self.sources or self.bases)
