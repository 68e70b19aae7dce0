"""An image is built again if the hash of its content changed."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
    "change",
    [
        {"target": "prod"},
        {"dockerfile_inline": "FROM scratch\n"},
        {"network": "host"},
        {"platform": "linux/arm64"},
        {"extra_hosts": ("a:10.0.0.1",)},
        {"dockerfile": "../Dockerfile"},
    ],
)
def test_every_other_key_of_a_build_changes_the_hash(build: BuildSource, change: dict[str, Any]) -> None:
    (build.context.parent / "Dockerfile").write_text("FROM scratch\n")
    assert hash_with_bases(replace(build, **change)) != hash_with_bases(build)


def test_a_dockerfile_outside_of_the_context_changes_the_hash(build: BuildSource) -> None:
    outside = build.context.parent / "Dockerfile"
    outside.write_text("FROM scratch\n")
    before = hash_with_bases(replace(build, dockerfile="../Dockerfile"))
    outside.write_text("FROM debian\n")
    assert hash_with_bases(replace(build, dockerfile="../Dockerfile")) != before


def test_a_dockerfiles_own_ignore_file_takes_the_place_of_the_contexts(build: BuildSource) -> None:
    (build.context / ".dockerignore").write_text("app.py\n")
    (build.context / "Dockerfile.dockerignore").write_text("other\n")
    assert "app.py" in list_build_context(build.context, "Dockerfile")
    assert "app.py" not in list_build_context(build.context, "Other")
