"""What only BuildKit builds is built on a real engine, by whichever of its ways this machine has."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.api import APIClient

from harness.errors import EngineError
from harness.measure.docker.builders import find_buildkit_command
from harness.measure.docker.client import build_environment, connect
from harness.measure.docker.image import prepare_images
from harness.model import DEFAULT_ENGINE, BuildSource, Target
from tests.e2e.debian import fetch_program
from tests.e2e.project import BASE

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side, pytest.mark.xdist_group("images")]

MOUNT = "RUN --mount=type=cache,target=/cache echo built > /cache/x && cp /cache/x /x\n"


@pytest.fixture
def client() -> Iterator[APIClient]:
    with contextlib.closing(connect()) as connected:
        yield connected


@pytest.fixture(scope="session")
def buildx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of settings in which the command `docker` finds buildx as its plugin."""
    folder = tmp_path_factory.mktemp("buildx")
    (folder / "cli-plugins").mkdir()
    program = fetch_program(folder / "package", "docker-buildx")
    (folder / "cli-plugins/docker-buildx").symlink_to(program)
    return folder


@pytest.fixture(params=["client", "buildx", "engine"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Build by the command `docker` if it can, by its plugin buildx, and by the engine alone."""
    if request.param == "engine":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif request.param == "buildx":
        monkeypatch.setenv("DOCKER_CONFIG", str(request.getfixturevalue("buildx")))
        command = find_buildkit_command(build_environment(DEFAULT_ENGINE))
        if command is None or "buildx" not in command:
            pytest.skip("this machine has no command docker")
    elif find_buildkit_command(build_environment(DEFAULT_ENGINE)) is None:
        pytest.skip("the command docker of this machine can't use BuildKit")
    return str(request.param)


def build(client: APIClient, folder: Path, builder: str, text: str, **options: str) -> str:
    """Build a Dockerfile in the folder; return the image's name."""
    (folder / "Dockerfile").write_text(f"{text}# {builder}: an image of its own\nLABEL by={builder}\n")
    source = BuildSource(folder, **options)  # type: ignore[arg-type]
    return prepare_images(client, Target("kit", 80, source=source)).reference


def test_a_dockerfile_with_a_frontend_and_a_mount_is_built(
    client: APIClient, tmp_path: Path, builder: str
) -> None:
    text = f"# syntax=docker/dockerfile:1.4\nFROM {BASE} AS one\n{MOUNT}FROM one AS two\nRUN false\n"
    image = build(client, tmp_path, builder, text.replace("RUN false\n", ""), target="one")
    facts = client.inspect_image(image)  # type: ignore[no-untyped-call]
    assert facts["Config"]["Labels"]["harness.target"] == "kit"
    assert build(client, tmp_path, builder, text.replace("RUN false\n", ""), target="one") == image


def test_a_failed_build_shows_its_output(client: APIClient, tmp_path: Path, builder: str) -> None:
    with pytest.raises(EngineError, match=r"(?s)why it fails.*exit code: 3"):
        build(
            client,
            tmp_path,
            builder,
            f"FROM {BASE}\nRUN --mount=type=cache,target=/c echo why it fails; exit 3\n",
        )


def test_what_no_builder_here_can_build_is_named_with_what_to_type(
    client: APIClient, tmp_path: Path, builder: str
) -> None:
    with pytest.raises(EngineError, match=r"docker build --tag kit:1 --file Dockerfile .*image: kit:1"):
        build(client, tmp_path, builder, f"FROM {BASE}\nRUN --nonsense=1 true\n")


@pytest.mark.parametrize("ignored", ["", "secret\n"])
def test_a_dockerfile_that_is_not_of_the_context_is_not_in_the_image(
    client: APIClient, tmp_path: Path, ignored: str
) -> None:
    (tmp_path / "kept").touch()
    if ignored:
        (tmp_path / "secret").touch()
        (tmp_path / ".dockerignore").write_text(ignored)
    test = "test -e /all/kept && test ! -e /all/.harness.Dockerfile && test ! -e /all/secret"
    text = f"FROM {BASE}\nCOPY . /all\nRUN {test}\n"
    source = BuildSource(tmp_path, dockerfile_inline=text)
    assert prepare_images(client, Target("kit", 80, source=source)).reference


def test_further_contexts_are_folders_and_images(client: APIClient, tmp_path: Path, builder: str) -> None:
    context, shared = tmp_path / "context", tmp_path / "shared"
    for folder in (context, shared):
        folder.mkdir()
    (shared / "kept").write_text(builder)
    (shared / "secret").touch()
    (shared / ".dockerignore").write_text("secret\n")
    test = "test -e /all/kept && test ! -e /all/secret"
    source = BuildSource(
        context,
        dockerfile_inline=f"FROM base\nCOPY --from=shared . /all\nRUN {test}\n",
        folders={"shared": shared},
        sources={"base": f"docker-image://{BASE}"},
    )
    image = prepare_images(client, Target("kit", 80, source=source)).reference
    (shared / "kept").write_text("changed")
    assert prepare_images(client, Target("kit", 80, source=source)).reference != image


def test_an_image_that_a_build_is_built_upon_is_built_first(
    client: APIClient, tmp_path: Path, builder: str
) -> None:
    base, context = tmp_path / "base", tmp_path / "context"
    for folder in (base, context):
        folder.mkdir()
    (base / "kept").write_text(builder)
    (base / "Dockerfile").write_text(f"FROM {BASE} AS one\nCOPY kept /kept\nFROM one\nRUN false\n")
    source = BuildSource(
        context,
        dockerfile_inline="FROM base\nRUN test -s /kept\n",
        bases={"base": BuildSource(base, target="one")},
    )
    image = prepare_images(client, Target("kit", 80, source=source)).reference
    assert prepare_images(client, Target("kit", 80, source=source)).reference == image
    (base / "kept").write_text("changed")
    assert prepare_images(client, Target("kit", 80, source=source)).reference != image
