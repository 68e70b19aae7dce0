"""The pages of an image's files are dropped before a container starts, where containers would share them."""

import os
from pathlib import Path
from typing import Any

import pytest

from harness.measure.docker import file_pages
from harness.measure.docker.file_pages import (
    drop_file_pages,
    list_folders,
    read_lower_folders,
    shares_file_pages,
)

MOUNTS = (
    "612 480 0:52 / / rw,relatime - overlay overlay "
    "rw,lowerdir=/data/l/AA:/data/l/BB,upperdir=/data/u,workdir=/data/w\n"
    "613 612 0:55 / /proc rw - proc proc rw\n"
    "614 612 0:56 / /cache rw - overlay overlay rw,lowerdir=/data/l/CC,upperdir=/data/x,workdir=/data/y\n"
)


class FakeClient:
    """An engine with one image, which consists of these folders."""

    def __init__(self, *folders: Path, image_id: str = "") -> None:
        self.image: dict[str, Any] = {"Id": image_id or f"sha256:{id(self)}", "GraphDriver": {"Data": None}}
        if folders:
            top, *others = map(str, folders)
            self.image["GraphDriver"]["Data"] = {"UpperDir": top, "LowerDir": ":".join(others)}

    def inspect_image(self, _reference: str) -> dict[str, Any]:
        return self.image


def drop(client: FakeClient) -> bool:
    return drop_file_pages(client, "shop")  # type: ignore[arg-type]


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose pages were dropped; the kernel is not asked."""
    files: list[str] = []
    monkeypatch.setattr(file_pages, "_drop_pages", files.append)
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(file_pages, "_folders_by_image", {})
    return files


def test_an_image_consists_of_its_top_folder_and_of_those_below() -> None:
    image = {"GraphDriver": {"Data": {"UpperDir": "/data/c/diff", "LowerDir": "/data/b/diff:/data/a/diff"}}}
    assert list_folders(image) == (Path("/data/c/diff"), Path("/data/b/diff"), Path("/data/a/diff"))
    assert list_folders({"GraphDriver": {"Data": {"UpperDir": "/data/a/diff"}}}) == (Path("/data/a/diff"),)


@pytest.mark.parametrize("image", [{}, {"GraphDriver": None}, {"GraphDriver": {"Data": None, "Name": "vfs"}}])
def test_an_image_of_an_engine_that_does_not_tell_has_no_folders(image: dict[str, Any]) -> None:
    assert list_folders(image) == ()


def test_the_folders_under_a_containers_root_are_read_from_its_mounts() -> None:
    assert read_lower_folders(MOUNTS) == (Path("/data/l/AA"), Path("/data/l/BB"))


def test_each_lower_folder_may_have_an_option_of_its_own() -> None:
    mounts = (
        "1 0 0:1 / / rw - overlay overlay rw,lowerdir+=/data/1/fs,lowerdir+=/data/2/fs,upperdir=/data/3/fs"
    )
    assert read_lower_folders(mounts) == (Path("/data/1/fs"), Path("/data/2/fs"))


def test_folders_that_are_not_absolute_and_other_roots_are_left_out() -> None:
    assert read_lower_folders("1 0 0:1 / / rw - overlay overlay rw,lowerdir=31/fs:30/fs,upperdir=32/fs") == ()
    assert read_lower_folders("1 0 8:1 / / rw - ext4 /dev/sda1 rw") == ()


def test_every_file_of_the_image_is_dropped_and_no_link_is_followed(
    dropped: list[str], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    for layer in ("top", "base"):
        (tmp_path / layer / "bin").mkdir(parents=True)
        (tmp_path / layer / "bin" / "program").write_text(layer)
    (tmp_path / "top" / "link").symlink_to(outside)
    os.mkfifo(tmp_path / "top" / "pipe")
    assert drop(FakeClient(tmp_path / "top", tmp_path / "base"))
    assert sorted(dropped) == [f"{tmp_path}/base/bin/program", f"{tmp_path}/top/bin/program"]


def count_scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the folders that are read from now on."""
    scanned: list[str] = []
    scan = os.scandir

    def scan_and_count(path: str) -> Any:
        scanned.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_and_count)
    return scanned


def test_the_files_of_an_image_are_listed_once_and_dropped_before_each_start(
    dropped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "program").write_text("x")
    client, scanned = FakeClient(tmp_path), count_scans(monkeypatch)
    for _ in range(3):
        assert drop(client)
    assert dropped == 3 * [f"{tmp_path}/program"]
    assert scanned == [str(tmp_path)]


def test_an_image_that_changes_is_listed_anew(dropped: list[str], tmp_path: Path) -> None:
    """Another build has another id and another top folder; an image pulled again has only other folders."""
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("x")
    assert drop(FakeClient(tmp_path / "one", image_id="sha256:a"))
    assert drop(FakeClient(tmp_path / "two", image_id="sha256:b"))
    assert drop(FakeClient(tmp_path / "three", image_id="sha256:b"))
    assert dropped == [f"{tmp_path}/{name}/{name}" for name in ("one", "two", "three")]


def test_a_folder_that_can_not_be_read_leaves_the_others(
    dropped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    scan = os.scandir

    def refuse_one(path: str) -> Any:
        if path.endswith("closed"):
            raise PermissionError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse_one)
    assert drop(FakeClient(tmp_path))
    assert dropped == [f"{tmp_path}/open/file"]


def test_the_kernel_takes_the_advice_on_real_files(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(bytes(100_000))
    assert drop(FakeClient(tmp_path))


def test_folders_that_are_not_there_can_not_be_dropped(dropped: list[str], tmp_path: Path) -> None:
    assert not drop(FakeClient(tmp_path / "in-a-virtual-machine"))
    assert not drop(FakeClient())
    assert dropped == []


@pytest.mark.parametrize(
    ("info", "is_local", "expected"),
    [
        ({"Driver": "vfs", "DockerRootDir": "/nowhere"}, True, False),
        ({"Driver": "btrfs"}, False, False),
        ({"Driver": "overlay2", "DockerRootDir": "/nowhere"}, True, True),
        ({"Driver": "overlay2", "DockerRootDir": "."}, False, True),
    ],
    ids=["own-copies", "own-copies-elsewhere", "not-readable", "elsewhere"],
)
def test_containers_share_pages_where_folders_lie_over_each_other_and_can_not_be_read(
    info: dict[str, str], is_local: bool, expected: bool
) -> None:
    assert shares_file_pages(info, is_local=is_local) is expected


def test_an_engine_whose_folders_can_be_read_shares_no_pages(tmp_path: Path) -> None:
    (tmp_path / "overlay2").mkdir()
    info = {"Driver": "overlay2", "DockerRootDir": str(tmp_path)}
    assert not shares_file_pages(info, is_local=True)
