"""Before the first load, engines are reserved and cleaned, and cores are separated if there are enough."""

from pathlib import Path

import pytest

from harness.campaign.preflight import (
    EngineBackends,
    build_fingerprint,
    clean_engines,
    list_hosts,
    separate_cores,
)
from harness.errors import EngineError, EngineUnavailableError
from tests.builders import make_plan
from tests.fakes import FakeBackends


def test_leftovers_of_killed_campaigns_are_removed(tmp_path: Path) -> None:
    fake = FakeBackends()
    fake.host.running.append("harness-old-1")
    partial = tmp_path / "old" / "cells" / "x" / "step-001.json.gz.part"
    partial.parent.mkdir(parents=True)
    partial.touch()
    notes: list[str] = []
    with clean_engines({None: fake.to_backends()}, tmp_path, notes.append):
        assert not partial.exists()
        fake.host.running.append("harness-new-1")
    assert fake.host.running == []
    assert notes == ["removed a leftover: harness-old-1"]


def test_engines_of_the_load_are_cleaned_too_and_each_once(tmp_path: Path) -> None:
    fake, other = FakeBackends(), FakeBackends()
    backends: EngineBackends = {None: fake.to_backends((other.host, fake.host, other.host))}
    assert list_hosts(backends) == [fake.host, other.host]
    other.host.running.append("harness-old-worker-1")
    with clean_engines(backends, tmp_path, lambda _: None):
        assert other.host.reserved_by is not None
    assert other.host.running == []
    assert len(build_fingerprint(backends, "").load_engines) == 3


def test_cores_that_cannot_be_separated_are_shared_and_the_fingerprint_says_so() -> None:
    backends: EngineBackends = {None: FakeBackends().to_backends()}
    same, outcome = separate_cores(backends, make_plan((0.25, 256)))
    assert same is backends
    assert "not separated" in outcome
    assert build_fingerprint(backends, outcome).placement == outcome


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        (EngineError("Docker could not remove the network x: it has active endpoints"), True),
        (EngineUnavailableError("Docker could not list the containers: Connection refused"), False),
    ],
)
def test_what_can_not_be_removed_at_the_end_costs_no_answer(
    error: EngineError, noted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, notes = FakeBackends(), list[str]()

    def refuse(_campaign: str | None = None) -> list[str]:
        raise error

    with clean_engines({None: fake.to_backends()}, tmp_path, notes.append):
        monkeypatch.setattr(fake.host, "remove_leftovers", refuse)
    assert [error.what in note for note in notes] == [True] * noted
    assert fake.host.reserved_by is None
