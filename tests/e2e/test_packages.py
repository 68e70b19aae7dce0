"""The real uv installs a scenario's packages, and unpacks those of the workers' image."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.measure.locust import package_installer
from harness.measure.locust.requirements_env import prepare_interpreter
from harness.measure.locust.worker_image import prepare_build_source

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side]

ELF_MACHINES = {"aarch64": 183, "x86_64": 62}


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a uv: the one that is here, or one from the package index."""
    if here := shutil.which("uv"):
        return Path(here).parent
    folder = tmp_path_factory.mktemp("uv")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    subprocess.run([*pip, "--target", folder, "uv"], check=True)
    return folder / "bin"


@pytest.fixture
def only_uv(uv: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put uv on the path, and take pip away: it must not decide where uv fails."""
    monkeypatch.setenv("PATH", f"{uv}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(package_installer, "find_spec", lambda _: None)


@pytest.mark.usefixtures("only_uv")
def test_uv_installs_packages_beside_the_harnesss_own_version_of_locust(tmp_path: Path) -> None:
    (tmp_path / "needed.txt").write_text("locust\nshortuuid==1.0.13\n")
    python = prepare_interpreter(tmp_path / "needed.txt")
    ask = "import locust, shortuuid, importlib.metadata as m; print(*map(m.version, ('locust', 'shortuuid')))"
    told = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [version("locust"), "1.0.13"]


@pytest.mark.usefixtures("only_uv")
@pytest.mark.parametrize("architecture", ELF_MACHINES)
def test_uv_unpacks_the_packages_of_an_image_for_its_architecture(architecture: str) -> None:
    folder = prepare_build_source(architecture, None).context
    libraries = list((folder / "packages/gevent").glob("*.so"))
    machines = {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries}
    assert machines == {ELF_MACHINES[architecture]}
    assert (folder / f"packages/locust-{version('locust')}.dist-info").is_dir()
    script = (folder / "scripts/locust").read_text()
    assert "from locust.main import main" in script
