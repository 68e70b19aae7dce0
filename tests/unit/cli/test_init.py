"""`harness init` asks for what it can't find out, and refuses what can't be."""

from pathlib import Path

import pytest

from harness.cli import run_command


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_number_that_is_no_port_is_refused_and_nothing_is_written(port: str, folder: Path) -> None:
    assert run_command(["init", "shop", "--port", port]) == 1
    assert [path.name for path in folder.iterdir()] == ["Dockerfile"]


def test_nobody_is_asked_where_nobody_can_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline with colours has no person either."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run_command(["init", "shop"]) == 1
    assert "--port 8000" in capsys.readouterr().err
