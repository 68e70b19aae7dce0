"""Our own reader of compose files reads what Docker Compose reads: each file becomes the same target."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.plan.compose.convert import convert_service
from harness.plan.compose.file_choice import find_files
from harness.plan.compose.official_reader import find_docker_compose
from harness.plan.compose.reader import read_compose
from harness.plan.compose.report import ComposeTarget
from tests.compose_files import ENVIRON, FILES
from tests.e2e.debian import fetch_program

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side, pytest.mark.xdist_group("docker-compose")]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a PATH with Docker Compose: the machine's own, or else that of Debian, which is fetched."""
    path = "/usr/local/bin:/usr/bin:/bin"
    if find_docker_compose({"PATH": path, "HOME": str(Path.home())}):
        yield path
        return
    program = fetch_program(tmp_path_factory.mktemp("docker-compose"), "docker-compose")
    programs = f"{program.parent}:/bin"
    assert find_docker_compose({"PATH": programs, "HOME": str(Path.home())})
    yield programs


def convert(folder: Path, files: Mapping[str, str], environ: Mapping[str, str]) -> ComposeTarget:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    model = read_compose(find_files(folder / "compose.yaml", environ), environ)
    return convert_service(model, "web", environ, {})


@pytest.mark.parametrize("name", FILES)
def test_both_readers_make_the_same_target_of_a_file(name: str, programs: str, tmp_path: Path) -> None:
    assert find_docker_compose(ENVIRON) is None
    own = convert(tmp_path / "shop", FILES[name], ENVIRON)
    official = convert(tmp_path / "shop", FILES[name], {**ENVIRON, "PATH": programs})
    assert own == official
