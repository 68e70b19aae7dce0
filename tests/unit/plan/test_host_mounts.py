"""A container sees no socket of an engine, whatever its path, and changes no folder outside the project."""

import socket
from pathlib import Path

import pytest

from harness.plan.host_mounts import describe_refused_mount, find_project_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/zone").touch()
    return folder


def describe(source: Path | str, project: Path, *, is_writable: bool = False) -> str:
    return describe_refused_mount(Path(source), is_writable=is_writable, project=project) or ""


@pytest.mark.parametrize(
    "source",
    [
        *(
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/user/1000/docker.sock",
            "/var/run/docker.sock.raw",
        ),
        *("/run/podman/podman.sock", "/run/containerd/containerd.sock", "/etc/../run/docker.sock"),
        *("/home/me/.docker/run/docker.sock", "/somewhere/else/docker.sock"),
    ],
)
def test_the_socket_of_an_engine_is_refused_wherever_it_is(source: str, project: Path) -> None:
    assert "is the socket of a container engine" in describe(source, project)


@pytest.mark.parametrize("source", ["/", "/run", "/run/", "/var/run", "/var", "/run/../run"])
def test_a_folder_that_holds_the_socket_is_refused(source: str, project: Path) -> None:
    assert "holds sockets of this machine" in describe(source, project)


def test_a_link_within_the_project_to_such_a_folder_is_refused(project: Path) -> None:
    (project / "innocent").symlink_to("/run")
    assert "holds sockets of this machine" in describe(project / "innocent", project)


def test_a_socket_of_any_other_program_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)  # a socket's path has at most 108 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("app.sock")
        assert "is a socket of another program" in describe(project / "app.sock", project)


@pytest.mark.parametrize("source", ["/proc", "/proc/stat", "/sys/fs/cgroup", "/dev", "/dev/dri"])
def test_the_kernels_files_are_refused(source: str, project: Path) -> None:
    assert "belongs to this machine's kernel" in describe(source, project)


@pytest.mark.parametrize("source", ["/var/lib/docker", "/var/lib/docker/containers", "/var/lib"])
def test_the_engines_own_files_are_refused(source: str, project: Path) -> None:
    assert "holds files of a container engine" in describe(source, project)


def test_the_folder_of_an_engine_in_the_users_home_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project / "home"
    (home / ".docker/run").mkdir(parents=True)
    (home / "code").mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert "holds files of a container engine" in describe(home, project)
    assert "holds files of a container engine" in describe(home / ".docker", project)
    assert describe(home / "code", project) == ""


def test_a_folder_outside_the_project_may_be_read_and_not_written(project: Path) -> None:
    outside = project.parent / "outside"
    assert describe(outside, project) == ""
    assert "is a folder outside the project" in describe(outside, project, is_writable=True)
    (project / "link").symlink_to(outside)
    assert "is a folder outside the project" in describe(project / "link", project, is_writable=True)


def test_a_file_outside_the_project_and_all_of_the_project_may_be_seen(project: Path) -> None:
    assert describe(project.parent / "outside/zone", project, is_writable=True) == ""
    assert describe("/etc/localtime", project, is_writable=True) == ""
    assert describe(project, project, is_writable=True) == ""
    assert describe(project / "data", project, is_writable=True) == ""
    assert describe(project / "not-there", project, is_writable=True) == ""


def test_the_project_is_the_repository_of_the_compose_file(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "deploy/docker"
    inner.mkdir(parents=True)
    assert find_project_folder(inner) == tmp_path


def test_without_a_repository_the_project_is_the_compose_files_folder(tmp_path: Path) -> None:
    if find_project_folder(tmp_path.parent) != tmp_path.parent:
        pytest.skip("the temporary folder lies in a repository")
    assert find_project_folder(tmp_path) == tmp_path
