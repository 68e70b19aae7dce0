"""An image is built again if the hash of its content changed."""

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


def test_a_files_time_does_not_change_the_hash(build: BuildSource) -> None:
    before = hash_with_bases(build)
    os.utime(build.context / "app.py", (1, 1))
    assert hash_with_bases(build) == before


def test_contents_modes_and_names_of_files_arguments_and_bases_change_the_hash(build: BuildSource) -> None:
    hashes = [hash_with_bases(build), hash_with_bases(build, "sha256:another-base")]
    hashes.append(hash_with_bases(BuildSource(build.context, args={"BASE": "debian"})))
    (build.context / "app.py").chmod(0o755)
    hashes.append(hash_with_bases(build))
    (build.context / "app.py").rename(build.context / "shop.py")
    hashes.append(hash_with_bases(build))
    (build.context / "shop.py").write_text("answer = 43\n")
    hashes.append(hash_with_bases(build))
    assert len(set(hashes)) == len(hashes)


def test_the_hash_is_the_same_as_in_version_0_1(build: BuildSource) -> None:
    """Keep it: with another hash, an update of the harness would build every target again."""
    (build.context / ".dockerignore").write_text("*.log\nDockerfile\n")
    (build.context / "ignored.log").write_text("x")
    (build.context / "app").mkdir()
    (build.context / "app" / "link").symlink_to("../app.py")
    for path in (build.context, *build.context.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert (
        hash_with_bases(build, "sha256:base")
        == "2097efcd517d6d8f9f7fc6fab76cf9dffb46ff46be7fa13fa687ec4f2b11d732"
    )


def test_a_file_that_dockerignore_excludes_does_not_change_the_hash(build: BuildSource) -> None:
    (build.context / ".dockerignore").write_text("# not sent\n\n*.log\n")
    before = hash_with_bases(build)
    (build.context / "ignored.log").write_text("x")
    assert hash_with_bases(build) == before
    assert "ignored.log" not in list_build_context(build.context, build.dockerfile)


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
