"""The folder that a build copies from is the one that has what the Dockerfile copies."""

from pathlib import Path

import pytest

from harness.plan.build_context import choose_context


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "outside/project"
    (folder / "deploy/docker").mkdir(parents=True)
    (folder / "src").mkdir()
    for name in ("package.json", "a b.txt", "deploy/start.sh", "deploy/docker/nginx.conf", "../secret"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("lines", "context"),
    [
        ("COPY nginx.conf /etc/", "deploy/docker"),
        ("COPY . /app", "deploy/docker"),
        ("RUN true", "deploy/docker"),
        ("COPY start.sh /", "deploy"),
        ("COPY package*.json src/ ./", "."),
        ("copy --chown=1 ./package.json /app/", "."),
        ('ADD ["a b.txt", "/src", "/app/"]', "."),
        ("COPY 'a b.txt' /app/", "."),
        ("COPY --from=build /gone /app\nCOPY package.json /", "."),
        ("COPY $GONE nginx.conf /app/\nADD https://x.test/gone /", "deploy/docker"),
        ("COPY <<EOF /a\nCOPY gone /\nEOF\nCOPY nginx.conf /", "deploy/docker"),
        ("COPY nginx.conf package.json /", "deploy/docker"),
        ("COPY secret /", "deploy/docker"),
        ("COPY [broken /", "deploy/docker"),
    ],
)
def test_the_nearest_folder_that_has_all_is_taken(project: Path, lines: str, context: str) -> None:
    chosen = choose_context(f"FROM x\n{lines}\n", project / "deploy/docker", project)
    assert chosen == project / context
