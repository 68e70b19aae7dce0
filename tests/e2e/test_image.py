"""The harness as an image: built without any registry, run as an ordinary user, with the engine's socket."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import AT_6_USERS, BASE, ONE_SIZE, Project, run_docker

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
SOCKET = "/var/run/docker.sock"
TAG = "capacity-harness:of-the-tests"
SENT = ("Dockerfile", ".dockerignore", "constraints.txt", "harness", "LICENSE", "pyproject.toml", "README.md")
USER = 12345


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the image from wheels that pip makes here, on the base image that `make base` builds."""
    context = tmp_path_factory.mktemp("context")
    for name in SENT:
        subprocess.run(["cp", "--recursive", REPOSITORY / name, context / name], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "wheel"]
    wheels: list[str | Path] = [
        "--wheel-dir",
        context / "wheels",
        "--constraint",
        REPOSITORY / "constraints.txt",
        REPOSITORY,
    ]
    subprocess.run([*pip, *wheels], check=True, capture_output=True)
    arguments = {"BASE": BASE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels", "PACKAGE": "capacity-harness"}
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    run_docker("build", "--quiet", "--tag", TAG, *options, str(context))
    yield TAG
    run_docker("rmi", "--force", TAG)


def run_image(
    image: str, folder: Path, *command: str, options: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    """Run the image as the guide says, as a user who owns the folder and may use the socket."""
    group = os.stat(SOCKET).st_gid
    mounts = (
        f"--volume={SOCKET}:{SOCKET}",
        f"--volume={folder}:{folder}",
        f"--workdir={folder}",
        "--volume=/tmp:/tmp",
    )
    user = (f"--user={USER}:{USER}", f"--group-add={group}")
    arguments = ["docker", "run", "--rm", *options, *user, *mounts, image, *command]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300)


HOST = (
    "--network=host",
    "--pid=host",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:ro",
)


@pytest.fixture
def project(project: Project) -> Iterator[Project]:
    """Return a copy of the project that belongs to the user of the container, who can reach it."""
    with tempfile.TemporaryDirectory(prefix="harness-image-") as folder:
        shutil.copytree(project.folder, folder, dirs_exist_ok=True)
        yield Project(Path(folder))


def give_to_user(folder: Path) -> None:
    subprocess.run(["chown", "--recursive", f"{USER}:{USER}", folder], check=True)


def test_a_container_with_the_socket_measures_and_its_user_owns_the_results(
    image: str, project: Project
) -> None:
    project.write("matrix.yaml", ONE_SIZE + AT_6_USERS)
    give_to_user(project.folder)
    done = run_image(image, project.folder, "run", options=HOST)
    assert done.returncode in (0, 2), done.stdout + done.stderr
    report = project.folder / "results/latest/report.html"
    assert report.stat().st_uid == USER
    (cell,) = project.read_summary()["cells"]
    assert project.read_events("step-finished"), done.stdout
    assert all(stall["cpu_ratio"] is not None for stall in cell["stalls"])
    if cell["status"] == "invalid":
        pytest.skip("other programs on this machine left the size without an answer")
    assert done.returncode == 0, done.stdout
    assert cell["sustained_users"] == 6


def test_the_doctor_knows_that_it_is_in_a_container_and_lists_the_commands(
    image: str, project: Project
) -> None:
    give_to_user(project.folder)
    done = run_image(image, project.folder, "doctor", options=HOST)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this container has the host's network" in done.stdout
    assert "control groups" not in done.stdout
    assert "  harness demo " in done.stdout
    done = run_image(image, project.folder, "doctor", options=())
    assert done.returncode == 2
    assert "try: docker run --network host" in done.stdout
    assert "does not see the control groups of others" in done.stdout


def test_a_container_without_the_hosts_network_refuses_to_measure(image: str, project: Project) -> None:
    project.write("matrix.yaml", ONE_SIZE + AT_6_USERS)
    give_to_user(project.folder)
    done = run_image(image, project.folder, "run", options=())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a network of its own" in done.stderr
