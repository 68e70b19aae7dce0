"""Give a container its files: volumes, and archives that are unpacked in it before it starts."""

import contextlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from docker.types import Mount

from harness.errors import UsageError
from harness.model import FileContent, FileCopy, Target
from harness.plan import find_nearest_parent, is_campaign, resolve_variables


def build_mounts(target: Target, group: str, shared: Mapping[Path, str]) -> list[Mount]:
    """Build the volumes of a container: its own, and those that the containers of a run share.

    All are new, and begin with what the image has there, unless they are to begin empty. A folder that is
    copied into the container becomes a volume that begins empty. `shared` has the volumes of the folders that
    several containers see.
    """
    options = target.options
    mounts = [
        Mount(
            inside,
            name_volume(group, name) if name else None,
            type="volume",
            no_copy=inside in options.empty_volumes,
            read_only=inside in options.read_only_volumes,
        )
        for inside, name in options.volumes.items()
    ]
    mounts += [
        Mount(inside, shared.get(options.copies[inside].path), type="volume", no_copy=True)
        for inside in _list_copied_folders(target)
    ]
    mounts += [
        Mount(inside, shared[path], type="volume", no_copy=True, read_only=True)
        for inside, path in target.files.items()
        if path in shared
    ]
    return mounts + [Mount(folder, None, type="volume") for folder in _find_hidden_folders(target)]


def name_volume(group: str, name: str) -> str:
    """Return the engine's name of a volume that the containers of a run share."""
    return f"{group}-{name}"


def split_tmpfs(entry: str) -> tuple[str, str]:
    """Split `/run:size=64m` into the path and Docker's options."""
    path, _, options = entry.partition(":")
    return path, options


def find_shared_folders(target: Target) -> list[Path]:
    """Return the folders that are copied for one service of a run and seen by another one too.

    What one of them writes there, the others see.
    """
    services = (target, *(companion.service for companion in target.companions))
    users: dict[Path, int] = {}
    for service in services:
        copies = {service.options.copies[inside].path for inside in _list_copied_folders(service)}
        for path in {*copies, *service.files.values()}:
            users[path] = users.get(path, 0) + 1
    copied = (each.options.copies[inside].path for each in services for inside in _list_copied_folders(each))
    return [path for path in dict.fromkeys(copied) if users[path] > 1]


@contextlib.contextmanager
def open_folder_archive(folder: Path) -> Iterator[IO[bytes]]:
    """Build a tar archive of a folder's content, until exit; a folder that does not exist is empty."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            _add_copy(archive, ".", FileCopy(folder), "/", ())
        file.seek(0)
        yield file


def build_archives(
    target: Target, environ: Mapping[str, str], shared: Collection[Path] = ()
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield a tar archive, closed after use, for each folder of the container in which files are to be put.

    Folders of `shared` are left out: they are filled once for all containers. Raises UsageError if a file
    can't be read, KeyError if a content refers to a variable that is not set.
    """
    options = target.options
    volumes = {*options.volumes, *_list_copied_folders(target), *_find_hidden_folders(target)}
    copies = {inside: copy for inside, copy in options.copies.items() if copy.path not in shared}
    entries: dict[str, FileCopy | FileContent] = {**copies, **options.contents}
    mount_points = {*volumes, *target.files, *(split_tmpfs(entry)[0] for entry in target.tmpfs)}
    by_folder: dict[str, list[str]] = {}
    for inside in sorted(entries):
        folder = inside if inside in volumes else find_nearest_parent(inside, volumes) or "/"
        by_folder.setdefault(folder, []).append(inside)
    for folder, paths in by_folder.items():
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                for inside in paths:
                    name = str(PurePosixPath(inside).relative_to(folder))
                    entry = entries[inside]
                    if isinstance(entry, FileContent):
                        _add_content(archive, name, entry, environ)
                    else:
                        _add_copy(archive, name, entry, inside, mount_points - {inside})
            file.seek(0)
            yield folder, file


def _list_copied_folders(target: Target) -> list[str]:
    """Return the folders that are copied; a path that does not exist is an empty one."""
    return [inside for inside, copy in target.options.copies.items() if not copy.path.is_file()]


def _find_hidden_folders(target: Target) -> list[str]:
    """Return the parents of single files that could not be seen, or not be written, without a volume there.

    A tmpfs hides what lies below it in the image. A read-only file system refuses the file.
    """
    options, folders = target.options, _list_copied_folders(target)
    tmpfs = {split_tmpfs(entry)[0] for entry in target.tmpfs}
    files = (*options.contents, *(inside for inside in options.copies if inside not in folders))
    hidden: dict[str, None] = {}
    for inside in files:
        nearest = find_nearest_parent(inside, {*options.volumes, *folders, *tmpfs})
        if nearest in tmpfs or (nearest is None and options.is_read_only):
            hidden[str(PurePosixPath(inside).parent)] = None
    return [folder for folder in hidden if folder != "/"]


def _add_content(
    archive: tarfile.TarFile, name: str, content: FileContent, environ: Mapping[str, str]
) -> None:
    text = resolve_variables(content.text, environ).encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.uid, info.gid = len(text), content.mode, content.uid, content.gid
    archive.addfile(info, io.BytesIO(text))


def _add_copy(
    archive: tarfile.TarFile, name: str, copy: FileCopy, inside: str, mount_points: Collection[str]
) -> None:
    """Add a file or a folder with all that is in it, except for what something else is mounted on."""

    def choose(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        below = PurePosixPath(info.name).relative_to(name) if name != "." else PurePosixPath(info.name)
        path = copy.path / below
        if str(PurePosixPath(inside) / below) in mount_points or _is_left_out(path):
            return None
        info.uid = copy.uid if copy.uid is not None else info.uid
        info.gid = copy.gid if copy.gid is not None else info.gid
        if copy.mode is not None and info.isreg():
            info.mode = copy.mode
        info.name, info.uname, info.gname = str(PurePosixPath(name) / below), "", ""
        return info

    if not copy.path.exists():
        return
    try:
        archive.add(copy.path, name, filter=choose)
    except OSError as error:
        raise UsageError(
            f"{error.filename or copy.path} can't be copied into the container: {error.strerror or error}",
            "make it readable, or leave it out of `copies`",
        ) from error


def _is_left_out(path: Path) -> bool:
    """Return True for `.git`, a campaign's folder, and what is neither a file, a folder nor a link."""
    mode = os.lstat(path).st_mode
    return (
        path.name == ".git"
        or is_campaign(path)
        or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))
    )
