"""Decide which files and folders of this machine a container may see.

A container that reaches the socket of a container engine is root on this machine, and starts containers that
nobody limits or counts. What a container writes into a folder of this machine stays there, and the next
container is no longer a fresh one.
"""

import os
import stat
from pathlib import Path

_ENGINE_SOCKET_NAMES = ("docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock")
_RUNTIME_FOLDERS = ("/run", "/var/run")
_ENGINE_FOLDERS = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers")
_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")
_ENGINE_FOLDERS_OF_THE_HOME = (".docker/run", ".docker/desktop", ".colima", ".orbstack/run", ".rd")
"""Where container engines that a user runs on his own put their sockets."""


def describe_refused_mount(source: Path, *, is_writable: bool, project: Path) -> str | None:
    """Return why a container may not see this file or folder of the host, or None if it may.

    The reason is the end of a sentence that begins with the path. `is_writable`: the container is meant to
    write to it. A single file is not refused for that, because it can be mounted read-only. `project` is the
    folder that holds the user's files.
    """
    plain, real = Path(os.path.abspath(source)), Path(os.path.realpath(source))
    for path in dict.fromkeys((plain, real)):
        if reason := _describe_refused_path(path):
            return reason
    if _is_socket(real):
        return "is a socket of another program on this machine, which would be measured too; leave it out"
    if is_writable and real.is_dir() and not real.is_relative_to(os.path.realpath(project)):
        return (
            "is a folder outside the project, and the service would change it; mount it read-only (:ro), or "
            "give the service a volume there"
        )
    return None


def find_project_folder(folder: Path) -> Path:
    """Return the folder of the repository that `folder` lies in; without a repository, `folder` itself."""
    absolute = Path(os.path.abspath(folder))
    return next((each for each in (absolute, *absolute.parents) if (each / ".git").exists()), absolute)


def _describe_refused_path(path: Path) -> str | None:
    if path.name.startswith(_ENGINE_SOCKET_NAMES):
        return (
            "is the socket of a container engine: whoever reaches it is root on this machine, and starts "
            "containers that nobody limits; leave it out"
        )
    if _holds(path, _RUNTIME_FOLDERS) or (path.is_dir() and _lies_in(path, _RUNTIME_FOLDERS)):
        return "holds sockets of this machine, such as Docker's; mount only the files that the service reads"
    if _holds(path, _ENGINE_FOLDERS) or _lies_in(path, _ENGINE_FOLDERS) or _holds_users_engine(path):
        return "holds files of a container engine of this machine; leave it out"
    if _lies_in(path, _KERNEL_FOLDERS):
        return "belongs to this machine's kernel, and not to the service; leave it out"
    return None


def _holds(path: Path, folders: tuple[str, ...]) -> bool:
    return any(Path(folder).is_relative_to(path) for folder in folders)


def _lies_in(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _holds_users_engine(path: Path) -> bool:
    """Return True for a folder in which an engine of this user keeps its socket."""
    folders = tuple(str(Path.home() / folder) for folder in _ENGINE_FOLDERS_OF_THE_HOME)
    return _lies_in(path, folders) or any(
        os.path.isdir(folder) and Path(folder).is_relative_to(path) for folder in folders
    )


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
