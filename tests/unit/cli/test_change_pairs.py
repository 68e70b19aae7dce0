"""`harness change` holds the targets of two commits in turn, measured with fakes."""

import json
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from harness.campaign import run_campaign
from harness.campaign.ab import run_ab
from harness.campaign.preflight import EngineBackends
from harness.cli import change as change_module
from harness.cli import change_pairs, run_command
from harness.model import Plan
from tests.fakes import FakeBackends, Service

MATRIX = """\
target: targets/web
limits: {cpus: 0.5, memory: 64MiB}
users: {limit: 12, spawn_rate: 12}
search: {strategy: bisect, precision: 50%, first_users: 3, soak: 0s, confirm: false}
"""
TARGET = "name: web\nimage: web:1\nport: 8000\n"
LOCUSTFILE = "from locust import HttpUser\n\n\nclass Visitor(HttpUser):\n    pass\n"
DEARER = replace(Service(), cpu_s=1.5 * Service().cpu_s)


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBackends:
    """Commit a target that runs web:1, and let its commands measure with fakes, in which web:2 is dearer."""
    monkeypatch.chdir(tmp_path)
    files = {
        "matrix.yaml": MATRIX,
        "targets/web/target.yaml": TARGET,
        "targets/web/locustfile.py": LOCUSTFILE,
        ".gitignore": "results/\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message=base")
    fake = FakeBackends(services={"web:2": DEARER})
    fake.host.digests["web:2"] = "sha256:2"

    def connect(_campaign: str, _plan: Plan) -> EngineBackends:
        return {None: fake.to_backends()}

    monkeypatch.setattr(change_module, "run_campaign", partial(run_campaign, connect=connect))
    monkeypatch.setattr(change_pairs, "run_ab", partial(run_ab, connect=connect))
    return fake


def commit_head(tmp_path: Path, target: str) -> None:
    (tmp_path / "targets/web/target.yaml").write_text(target)
    git("commit", "--quiet", "--all", "--message=head")


def test_a_head_that_needs_more_cpu_time_is_worse(fake: FakeBackends, tmp_path: Path) -> None:
    commit_head(tmp_path, TARGET.replace("web:1", "web:2"))
    assert run_command(["change", "--base", "HEAD^", "--require", "users >= 3 at cpus <= 0.5"]) == 3
    text = (tmp_path / "results/change.md").read_text()
    assert "**▼ It is worse. The head needs " in text
    assert "- met: users &gt;= 3 at cpus &lt;= 0.5" in text
    assert (tmp_path / "results/latest/ab.html").is_file()
    answer = json.loads((tmp_path / "results/latest/ab.json").read_text())
    assert (answer["outcome"], answer["cpu_cores"]) == ("more", 0.5)
    pairs = [image.reference for _, image in fake.host.ran][-8:]
    assert sorted(pairs) == ["web:1"] * 4 + ["web:2"] * 4


def test_a_base_without_a_target_leaves_only_the_requirements(fake: FakeBackends, tmp_path: Path) -> None:
    (tmp_path / "targets/web/target.yaml").unlink()
    git("commit", "--quiet", "--all", "--message=without a target")
    (tmp_path / "targets/web/target.yaml").write_text(TARGET)
    git("add", ".")
    git("commit", "--quiet", "--message=head")
    assert run_command(["change", "--base", "HEAD^", "--require", "users >= 3 at cpus <= 0.5"]) == 0
    text = (tmp_path / "results/change.md").read_text()
    assert "**✓ There is nothing to compare it with.**" in text
    assert "The base has no target that this matrix can measure" in text


def test_a_base_that_does_not_come_up_leaves_the_change_without_an_answer(
    fake: FakeBackends, tmp_path: Path
) -> None:
    commit_head(tmp_path, TARGET.replace("web:1", "web:2"))
    assert isinstance(fake.services, dict)
    fake.services["web:1"] = Service(exits_at_start=1)
    assert run_command(["change", "--base", "HEAD^"]) == 2
    text = (tmp_path / "results/change.md").read_text()
    assert "**? Inconclusive.**" in text
    assert "Base and head could not be compared: " in text
