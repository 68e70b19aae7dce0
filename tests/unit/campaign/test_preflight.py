"""Before the first load: what may go on, and what is refused with what differs."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.preflight import (
    build_fingerprint,
    clean_engines,
    create_campaign,
    distinct_hosts,
    find_unfinished,
    reopen_campaign,
    separate_cores,
)
from harness.errors import UsageError
from harness.model import Plan
from tests.builders import make_fingerprint, make_plan
from tests.fakes import FakeBackends

HASHES = {"matrix": "a", "scenario": "b", "target": "c"}


def plan() -> Plan:
    return replace(make_plan((0.25, 256)), hashes=HASHES)


def test_a_campaign_of_another_machine_is_refused(tmp_path: Path) -> None:
    folder = create_campaign(tmp_path, "one", plan(), make_fingerprint())
    with pytest.raises(UsageError, match=r"another machine .* machine cores 2, was 4") as refused:
        reopen_campaign(folder.path, plan(), make_fingerprint(machine_cores=2))
    assert "--fresh" in refused.value.hint
    assert "campaign-resumed" not in [event["event"] for event in folder.log.read()]


@pytest.mark.parametrize("changed", ["matrix", "scenario", "target"])
def test_a_campaign_of_another_question_is_refused_or_begun_anew(tmp_path: Path, changed: str) -> None:
    folder = create_campaign(tmp_path, "one", plan(), make_fingerprint())
    other = replace(plan(), hashes={**HASHES, changed: "z"})
    with pytest.raises(UsageError, match=f"the {changed} changed"):
        reopen_campaign(folder.path, other, make_fingerprint())
    said: list[str] = []
    assert find_unfinished(tmp_path, other, said.append) is None
    assert said == [f"one was interrupted, but the {changed} changed since: a new campaign begins"]


def test_an_interrupted_campaign_goes_on_and_a_complete_one_does_not(tmp_path: Path) -> None:
    said: list[str] = []
    assert find_unfinished(tmp_path, plan(), said.append) is None
    folder = create_campaign(tmp_path, "one", plan(), make_fingerprint())
    assert find_unfinished(tmp_path, plan(), said.append) == folder.path
    folder.finish("complete")
    assert find_unfinished(tmp_path, plan(), said.append) is None
    assert len(said) == 1


def test_leftovers_of_killed_campaigns_are_swept(tmp_path: Path) -> None:
    fake = FakeBackends()
    world = fake.to_backends()
    fake.host.running.append("harness-old-1")
    half = tmp_path / "old" / "cells" / "x" / "step-001.json.gz.part"
    half.parent.mkdir(parents=True)
    half.touch()
    said: list[str] = []
    with clean_engines({"": world}, tmp_path, said.append):
        assert not half.exists()
        fake.host.running.append("harness-new-1")
    assert fake.host.running == []
    assert said == ["removed a leftover: harness-old-1"]


def test_engines_of_the_load_are_swept_too_and_each_once(tmp_path: Path) -> None:
    fake, other = FakeBackends(), FakeBackends()
    world = fake.to_backends((other.host, fake.host, other.host))
    assert distinct_hosts({"": world}) == [fake.host, other.host]
    other.host.running.append("harness-old-worker-1")
    with clean_engines({"": world}, tmp_path, lambda text: None):
        assert other.host.held_by is not None
    assert other.host.running == []
    assert len(build_fingerprint({"": world}, "").load_engines) == 3


def test_a_fake_world_says_where_its_generator_runs() -> None:
    fake = FakeBackends()
    worlds = {"": fake.to_backends()}
    same, words = separate_cores(worlds, plan())
    assert same is worlds
    assert "not separated" in words
