"""Our own reader of compose files reads what Docker Compose reads: each file becomes the same target."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.plan.compose.convert import convert_service
from harness.plan.compose.official_reader import find_docker_compose
from harness.plan.compose.reader import find_files, read_compose
from harness.plan.compose.report import ComposeTarget
from tests.compose_files import ENVIRON, FILES

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side, pytest.mark.xdist_group("docker-compose")]

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a PATH with Docker Compose: the machine's own, or else that of Debian, which is fetched."""
    path = "/usr/local/bin:/usr/bin:/bin"
    if find_docker_compose({"PATH": path, "HOME": str(Path.home())}):
        yield path
        return
    if not SOURCES.is_file() or shutil.which("dpkg-deb") is None:
        pytest.skip("no docker compose here, and no Debian to fetch it from")
    folder = tmp_path_factory.mktemp("docker-compose")
    try:
        program = fetch_docker_compose(folder)
    except subprocess.SubprocessError as error:
        pytest.skip(f"docker compose can't be fetched here: {error}")
    programs = f"{program.parent}:/bin"
    assert find_docker_compose({"PATH": programs, "HOME": str(Path.home())})
    yield programs


def fetch_docker_compose(folder: Path) -> Path:
    """Fetch Debian's package of Docker Compose and unpack it; return the program."""
    mirror = next(line for line in SOURCES.read_text().splitlines() if line.startswith("URIs:")).split()[1]
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "trixie.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "trixie.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in settings.items())]
    subprocess.run([*apt, "update"], check=True, timeout=300)
    subprocess.run([*apt, "download", "docker-compose"], check=True, timeout=300, cwd=folder)
    package = next(folder.glob("docker-compose_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "files")], check=True, timeout=60)
    return next(
        each
        for each in (folder / "files").rglob("docker-compose")
        if each.is_file() and os.access(each, os.X_OK)
    )


def convert(folder: Path, files: Mapping[str, str], environ: Mapping[str, str]) -> ComposeTarget:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return convert_service(read_compose(find_files(folder / "compose.yaml"), environ), "web", environ, {})


@pytest.mark.parametrize("name", FILES)
def test_both_readers_make_the_same_target_of_a_file(name: str, programs: str, tmp_path: Path) -> None:
    assert find_docker_compose(ENVIRON) is None
    own = convert(tmp_path / "shop", FILES[name], ENVIRON)
    official = convert(tmp_path / "shop", FILES[name], {**ENVIRON, "PATH": programs})
    assert own == official
