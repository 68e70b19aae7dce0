"""Let each container read its image's files itself, as it would on a host of its own.

The kernel charges a page of a file to the container that reads it first, and keeps the page when that
container has ended (Linux, admin-guide/cgroup-v1/memory.rst, section 2.3, shared page accounting;
cgroup-v2.rst, memory ownership). So a later container of the same image would use the pages of its programs
at the cost of the first one, and seem to need less memory than it does: about 8 MiB less for a shop in
Python. To prevent this, the pages of an image's files are dropped before each container starts.

Containers share files only where the engine lays folders over each other (overlayfs). This process has to
reach these folders: it must run on the engine's machine, and may read the engine's data.
"""

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker.api import APIClient

SHARED_FILE_PAGES = (
    "containers of one image share the pages of its files, so a size may seem to need less memory than on a "
    "host of its own, by as much as its programs are large"
)
OWN_FILE_PAGES = "run the harness as root on the engine's machine: it drops these pages before each container"

_OVERLAY_DRIVERS = frozenset({"overlay2", "overlayfs", "overlay", "fuse-overlayfs"})
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
_LOWER_FOLDERS = re.compile(r"(?:^|,)lowerdir\+?=([^,]*)")

_folders_by_image: dict[str, tuple[Path, ...]] = {}
"""The folders of images that a container was seen to use, where the engine does not tell them."""

_LISTED_IMAGES = 16
"""A campaign has a few images: its targets' and their companions'."""


def shares_file_pages(info: Mapping[str, Any], *, is_local: bool) -> bool:
    """Return True if containers of this engine share pages of files that this process can't drop.

    `info` is the engine's `docker info`.
    """
    driver = info.get("Driver")
    if driver not in _OVERLAY_DRIVERS:
        return False
    if not is_local or not hasattr(os, "posix_fadvise"):
        return True
    if driver == "overlay2":
        return not _is_readable(Path(info.get("DockerRootDir") or "/") / driver)
    return os.geteuid() != 0


def drop_file_pages(client: APIClient, reference: str) -> bool:
    """Drop the pages of an image's files from this machine's memory; return False if they can't be found.

    Pages that another container or program uses at the moment stay. Files that can't be opened are left out.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    image = client.inspect_image(reference)  # type: ignore[no-untyped-call]
    folders = list_folders(image) or _folders_by_image.get(image["Id"], ())
    if not folders or not all(map(_is_readable, folders)):
        return False
    for file in _list_written_files(folders):
        with contextlib.suppress(OSError):
            _drop_pages(file)
    return True


def note_folders(client: APIClient, reference: str, container_id: str) -> None:
    """Keep which folders the image of a running container consists of, by the mounts of its first process.

    Engines that store images in containerd do not tell otherwise.
    """
    image_id = client.inspect_image(reference)["Id"]  # type: ignore[no-untyped-call]
    process = Path("/proc", str(client.inspect_container(container_id)["State"]["Pid"]))
    with contextlib.suppress(OSError):
        folders = read_lower_folders((process / "mountinfo").read_text(errors="replace"))
        is_here = container_id in (process / "cgroup").read_text()
        if is_here and folders:
            _folders_by_image[image_id] = folders


def list_folders(image: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the folders that an image consists of, by `docker image inspect`; empty if it does not tell."""
    data = (image.get("GraphDriver") or {}).get("Data") or {}
    lower = data.get("LowerDir") or ""
    return tuple(Path(part) for part in (data.get("UpperDir"), *lower.split(":")) if part)


def read_lower_folders(mounts: str) -> tuple[Path, ...]:
    """Return the folders that lie under a container's root, by its /proc/PID/mountinfo.

    Paths that are not absolute are left out: they count from a folder that is not known.
    """
    for line in mounts.splitlines():
        mount, _, source = line.partition(" - ")
        fields, kinds = mount.split(), source.split()
        if len(fields) > 4 and fields[4] == "/" and len(kinds) > 2 and kinds[0] == "overlay":
            parts = (part for found in _LOWER_FOLDERS.findall(kinds[2]) for part in found.split(":"))
            return tuple(Path(part) for part in parts if part.startswith("/"))
    return ()


@functools.lru_cache(maxsize=_LISTED_IMAGES)
def _list_written_files(folders: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the regular files below these folders, without following links; each image is listed once.

    The folders of an image never change: another image, or the same one pulled again, has other folders.
    Pages that are not yet written to the disk, as of an image just built, can't be dropped. So all are
    written first.
    """
    os.sync()
    return tuple(file for folder in folders for file in _find_files(folder))


def _find_files(folder: Path) -> Iterator[str]:
    """Yield the regular files below a folder; a folder that can't be read is left out."""
    pending = [os.fspath(folder)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.path


def _drop_pages(file: str) -> None:
    descriptor = os.open(file, _OPEN_FLAGS)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _is_readable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
