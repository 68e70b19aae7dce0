"""Two further real engines at once, each with its own root: they share the sizes, and one is killed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BASE, Project
from tests.e2e.own_engine import OwnEngine, own_engine

pytestmark = pytest.mark.e2e

SIZES = "limits: {cpus: [0.06, 0.08], memory: [48MiB, 64MiB]}\n"
LIGHT = """\
users: {limit: 3, spawn_rate: 12}
steps: {settle: 1s, window: {at_least: 4s, at_most: 6s}}
search: {strategy: bisect, precision: 50%, first_users: 3}
"""


@pytest.fixture
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OwnEngine, OwnEngine]]:
    with (
        own_engine(tmp_path_factory.mktemp("one"), number=3) as one,
        own_engine(tmp_path_factory.mktemp("other"), number=4) as other,
    ):
        for engine in (one, other):
            engine.load(BASE)
        yield one, other


def matrix(one: OwnEngine, other: OwnEngine) -> str:
    engines = f"engines:\n  one: {{host: '{one.address}'}}\n  other: {{host: '{other.address}'}}\n"
    return "target: targets/behaves\n" + SIZES + LIGHT + engines


def lives(project: Project) -> list[dict[str, str]]:
    return [event for event in project.events() if event["event"] == "life-started"]


def wait_for_lives(project: Project, engines: set[str], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    log = project.folder / "results/latest/events.jsonl"
    while not log.exists() or not engines <= {life["engine"] for life in lives(project)}:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_two_engines_share_the_sizes_and_hold_the_reference_on_both(
    project: Project, pair: tuple[OwnEngine, OwnEngine]
) -> None:
    project.write("matrix.yaml", matrix(*pair))
    ran = project.harness("run")
    assert ran.returncode in (0, 2), ran.stdout + ran.stderr
    assert (project.folder / "results/latest/summary.json").exists(), ran.stdout + ran.stderr
    summary = project.summary()
    assert summary["state"] == "complete", ran.stdout + ran.stderr
    assert {cell["engine"] for cell in summary["cells"]} == {"one", "other"}
    (alike,) = summary["engines"]
    assert {alike["engine"], alike["against"]} == {"one", "other"}
    report = (project.folder / "results/latest/report.html").read_text()
    assert "other against one" in report or "one against other" in report
    for engine in pair:
        assert engine.docker("ps", "--all", "--quiet").stdout == b""


def test_what_a_killed_engine_was_at_is_measured_by_the_other(
    project: Project, pair: tuple[OwnEngine, OwnEngine]
) -> None:
    one, other = pair
    project.write("matrix.yaml", matrix(one, other))
    with project.running("run") as running:
        wait_for_lives(project, {"one", "other"})
        other.kill()
        said, _ = running.communicate(timeout=280)
    assert "the engine other is lost" in said
    summary = project.summary()
    assert summary["state"] == "complete", said
    assert len(summary["cells"]) == 4
    last = {life["cell"]: life["engine"] for life in lives(project) if life["purpose"] == "search"}
    assert set(last.values()) <= {"one", "other"}
    assert list(last.values()).count("one") >= 3
    assert Path(project.folder / "results/latest/report.html").exists()
