"""A container gets its volumes, and the files that are put into it before it starts."""

import os
import tarfile
from pathlib import Path

import pytest

from harness.measure.docker.container_files import build_archives, build_mounts, find_shared_folders
from harness.model import (
    MIB,
    Companion,
    ContainerOptions,
    FileContent,
    FileCopy,
    ImageSource,
    Limits,
    Target,
)


def build_target(options: ContainerOptions, **more: object) -> Target:
    return Target("web", 80, ImageSource("web"), options=options, **more)  # type: ignore[arg-type]


def describe_mounts(
    target: Target, shared: dict[Path, str] | None = None
) -> dict[str, tuple[str | None, bool]]:
    """Return name and "begins empty" of each mount, by its path."""
    return {
        mount["Target"]: (mount["Source"], mount.get("VolumeOptions", {}).get("NoCopy", False))
        for mount in build_mounts(target, "run-1", shared or {})
    }


def read_archives(target: Target, environ: dict[str, str] | None = None) -> dict[str, dict[str, str]]:
    """Return the text of each file, or "" for a folder, by its name and the folder it is unpacked in."""
    archives = {}
    for folder, file in build_archives(target, environ or {}):
        with tarfile.open(fileobj=file) as archive:
            members = archive.getmembers()
            contents = [archive.extractfile(member) if member.isreg() else None for member in members]
            archives[folder] = {
                member.name: content.read().decode() if content else ""
                for member, content in zip(members, contents, strict=True)
            }
    return archives


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "packages").mkdir(parents=True)
    (folder / "server.py").write_text("serve")
    (folder / "packages/needed.py").write_text("of the host")
    return folder


def test_named_volumes_are_those_of_the_run_and_others_are_the_containers_own() -> None:
    target = build_target(ContainerOptions(volumes={"/data": "data", "/cache": ""}))
    assert describe_mounts(target) == {"/data": ("run-1-data", False), "/cache": (None, False)}


def test_a_volume_may_begin_empty_and_be_read_only() -> None:
    volumes = {"/a": "data", "/b": "data", "/c": ""}
    options = ContainerOptions(volumes=volumes, empty_volumes=("/a",), read_only_volumes=("/b",))
    mounts = {each["Target"]: each for each in build_mounts(build_target(options), "run-1", {})}
    is_read_only = {inside: each["ReadOnly"] for inside, each in mounts.items()}
    assert is_read_only == {"/a": False, "/b": True, "/c": False}
    assert describe_mounts(build_target(options)) == {
        "/a": ("run-1-data", True),
        "/b": ("run-1-data", False),
        "/c": (None, False),
    }


def test_a_copied_folder_is_a_volume_that_begins_empty(code: Path) -> None:
    target = build_target(ContainerOptions(copies={"/code": FileCopy(code), "/new": FileCopy(code / "no")}))
    assert describe_mounts(target) == {"/code": (None, True), "/new": (None, True)}
    assert read_archives(target) == {
        "/code": {".": "", "server.py": "serve", "packages": "", "packages/needed.py": "of the host"},
        "/new": {},
    }


def test_what_is_mounted_within_a_copied_folder_is_not_copied(code: Path) -> None:
    options = ContainerOptions(copies={"/code": FileCopy(code)}, volumes={"/code/packages": ""})
    assert read_archives(build_target(options)) == {"/code": {".": "", "server.py": "serve"}}


def test_a_single_file_and_a_text_are_put_into_the_file_system(code: Path) -> None:
    options = ContainerOptions(
        copies={"/srv/server.py": FileCopy(code / "server.py", 0o400, 7, 8)},
        contents={"/run/secrets/token": FileContent("${TOKEN} costs $5", 0o440, 9)},
    )
    target = build_target(options)
    assert describe_mounts(target) == {}
    assert read_archives(target, {"TOKEN": "s3cret"}) == {
        "/": {"srv/server.py": "serve", "run/secrets/token": "s3cret costs $5"}
    }
    for _, file in build_archives(target, {"TOKEN": ""}):
        with tarfile.open(fileobj=file) as archive:
            rights = [(each.mode, each.uid, each.gid) for each in archive]
    assert rights == [(0o440, 9, 0), (0o400, 7, 8)]


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (ContainerOptions(contents={"/run/secrets/a": FileContent("x")}), {"tmpfs": ("/run:size=1m",)}),
        (ContainerOptions(contents={"/run/secrets/a": FileContent("x")}, is_read_only=True), {}),
    ],
)
def test_a_file_that_would_be_hidden_or_refused_gets_a_volume_about_it(
    options: ContainerOptions, more: dict[str, object]
) -> None:
    target = build_target(options, **more)
    assert describe_mounts(target) == {"/run/secrets": (None, False)}
    assert read_archives(target) == {"/run/secrets": {"a": "x"}}


def test_a_file_within_a_copied_folder_is_put_there_after_it(code: Path) -> None:
    options = ContainerOptions(
        copies={"/code": FileCopy(code)}, contents={"/code/server.py": FileContent("other")}
    )
    assert read_archives(build_target(options))["/code"]["server.py"] == "other"


def test_campaigns_pipes_and_the_repositorys_history_are_not_copied(code: Path) -> None:
    (code / "results/one").mkdir(parents=True)
    for name in ("plan.json", "events.jsonl"):
        (code / "results/one" / name).touch()
    (code / ".git").mkdir()
    os.mkfifo(code / "pipe")
    (code / "link").symlink_to("server.py")
    names = read_archives(build_target(ContainerOptions(copies={"/code": FileCopy(code)})))["/code"]
    assert {"link", "results"} <= names.keys()
    assert not {"pipe", ".git", "results/one"} & names.keys()


def test_services_that_see_the_same_folder_share_one_copy_of_it(code: Path) -> None:
    """Check that a job and the target share `code`, which a proxy only reads, and nothing else."""
    migrate = build_target(ContainerOptions(copies={"/data": FileCopy(code), "/own": FileCopy(code / "a")}))
    files = {"/static": code, "/conf": code / "server.py"}
    proxy = Target("proxy", 0, ImageSource("proxy"), files=files)
    companions = tuple(Companion(each, Limits(0.5, 64 * MIB)) for each in (migrate, proxy))
    target = build_target(ContainerOptions(copies={"/app": FileCopy(code)}), companions=companions)
    assert find_shared_folders(target) == [code]
    shared = {code: "run-1-copy-1"}
    assert describe_mounts(target, shared) == {"/app": ("run-1-copy-1", True)}
    assert describe_mounts(migrate, shared) == {"/data": ("run-1-copy-1", True), "/own": (None, True)}
    assert describe_mounts(proxy, shared) == {"/static": ("run-1-copy-1", True)}
    assert list(build_archives(target, {}, shared)) == []
