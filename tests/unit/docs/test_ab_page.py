"""docs/results.md documents every event and field of a comparison of two versions."""

import json
import re
from dataclasses import replace
from pathlib import Path

from harness.campaign.ab import AbRequest, run_ab
from harness.campaign.ab_listener import AbListener
from harness.campaign.preflight import EngineBackends
from harness.model import MIB, Limits, Plan, Scenario
from harness.model.ab import AbAnswer, AbOutcome, AbRecord, AbTest, Estimate, Measure
from harness.model.decisions import Change
from harness.plan.ab import plan_ab
from harness.report import render_ab
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service
from tests.unit.pages import RESULTS, find_spans, read_table


def connect(_campaign: str, _plan: Plan) -> EngineBackends:
    return {None: FakeBackends(services={"web:2": Service(exits_at_start=1)}).to_backends()}


def test_every_event_of_a_comparison_is_documented_with_its_fields(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text("class Visitor(HttpUser): ...\n")
    plan = replace(make_plan((0.5, 256), users_limit=10), scenario=Scenario((tmp_path / "locustfile.py",)))
    planned = plan_ab(plan, None, "unchanged", "web:2")
    request = AbRequest("unchanged", "web:2", users=5)
    _, folder = run_ab(planned, request, tmp_path / "results", AbListener(), connect=connect)
    events = map(json.loads, (folder.path / "events.jsonl").read_text().splitlines())
    written = {event["event"]: event.keys() - {"format", "at", "event"} for event in events}
    documented = {
        find_spans(row[0])[0]: set(re.findall(r"`(\w+)`", row[1]))
        for row in read_table(RESULTS, "event of a comparison")
    }
    assert documented == {name: written[name] for name in documented}
    assert len(documented) == 2


def test_every_field_of_the_answer_is_documented_with_its_words() -> None:
    test = AbTest("a", "b", Limits(0.5, 256 * MIB), users=10)
    estimates = tuple(Estimate(each, 1.0, 1.0, 0.0, -0.1, 0.1, 0.95, Change.UNKNOWN) for each in Measure)
    record = AbRecord("shop", "a", "", AbAnswer(test, AbOutcome.UNDECIDED, estimates))
    document = json.loads(render_ab(record)["ab.json"])
    fields = document.keys() - {"measures"} | {f"measures[].{name}" for name in document["measures"][0]}
    rows = read_table(RESULTS, "field of ab.json")
    assert sorted(name for row in rows for name in find_spans(row[0])) == sorted(fields)
    words = {find_spans(row[0])[0]: find_spans(row[1]) for row in rows}
    assert [word for word in words["outcome"] if word != "least_ratio"] == list(AbOutcome)
    assert words["measures[].measure"] == list(Measure)
    assert set(words["measures[].kind"]) == {Change.MORE, Change.LESS, Change.SAME, Change.UNKNOWN}
