"""What makes an image be built again."""

import os
from pathlib import Path

import pytest

from harness.measure.docker.image import find_base_images
from harness.model import BuildSource
from harness.plan import hash_build, list_build_context


@pytest.fixture
def build(tmp_path: Path) -> BuildSource:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "app.py").write_text("answer = 42\n")
    return BuildSource(tmp_path, args={"BASE": "harness-base:bookworm"})


def hash_with_bases(build: BuildSource, *bases: str) -> str:
    return hash_build(build, bases)


def test_the_same_content_has_the_same_hash_whenever_it_was_written(build: BuildSource) -> None:
    before = hash_with_bases(build)
    os.utime(build.context / "app.py", (1, 1))
    assert hash_with_bases(build) == before


def test_content_mode_name_arguments_and_base_all_count(build: BuildSource) -> None:
    seen = [hash_with_bases(build), hash_with_bases(build, "sha256:another-base")]
    seen.append(hash_with_bases(BuildSource(build.context, args={"BASE": "debian"})))
    (build.context / "app.py").chmod(0o755)
    seen.append(hash_with_bases(build))
    (build.context / "app.py").rename(build.context / "shop.py")
    seen.append(hash_with_bases(build))
    (build.context / "shop.py").write_text("answer = 43\n")
    seen.append(hash_with_bases(build))
    assert len(set(seen)) == len(seen)


def test_the_hash_of_version_0_1_is_kept(build: BuildSource) -> None:
    """Else every target is built again."""
    (build.context / ".dockerignore").write_text("*.log\nDockerfile\n")
    (build.context / "noise.log").write_text("x")
    (build.context / "app").mkdir()
    (build.context / "app" / "link").symlink_to("../app.py")
    for path in (build.context, *build.context.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert (
        hash_with_bases(build, "sha256:base")
        == "2097efcd517d6d8f9f7fc6fab76cf9dffb46ff46be7fa13fa687ec4f2b11d732"
    )


def test_what_dockerignore_excludes_changes_nothing(build: BuildSource) -> None:
    (build.context / ".dockerignore").write_text("# not sent\n\n*.log\n")
    before = hash_with_bases(build)
    (build.context / "noise.log").write_text("x")
    assert hash_with_bases(build) == before
    assert "noise.log" not in list_build_context(build.context, build.dockerfile)


@pytest.mark.parametrize(
    ("dockerfile", "args", "bases"),
    [
        ("FROM debian:12\n", {}, ["debian:12"]),
        ("ARG BASE=debian:12\nFROM ${BASE}\n", {}, ["debian:12"]),
        ("ARG BASE=debian:12\nFROM $BASE\n", {"BASE": "mine:1"}, ["mine:1"]),
        ("FROM --platform=linux/amd64 a AS build\nFROM b\nFROM build\nFROM scratch\n", {}, ["a", "b"]),
        ("from a as one\nFROM a\n", {}, ["a"]),
        ("FROM ${UNKNOWN}\n", {}, []),
    ],
)
def test_bases_are_read_from_the_dockerfile(dockerfile: str, args: dict[str, str], bases: list[str]) -> None:
    assert find_base_images(dockerfile, args) == bases
