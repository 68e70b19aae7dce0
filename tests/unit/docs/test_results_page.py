"""docs/results.md documents every file, event, column and field of a campaign's folder."""

import gzip
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.listener import CampaignListener
from harness.campaign.progress import rejudge
from harness.campaign.scheduler import Scheduler
from harness.model import EndReason
from harness.plan import plan_from_json, plan_to_json
from harness.store import CampaignFolder
from tests.builders import SLOS, make_plan
from tests.fakes import FakeBackends, Service
from tests.summary_schema import SCHEMA
from tests.unit.pages import BLOCKS, RESULTS, find_spans, read_table


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> CampaignFolder:
    """Measure two sizes on fakes, in a folder named `results`."""
    fakes = FakeBackends(Service())
    plan = replace(make_plan((0.25, 256), (0.5, 256)), slos=SLOS[:2])
    results = tmp_path_factory.mktemp("docs") / "results"
    folder = CampaignFolder.create(results, "one", plan_to_json(plan), fakes.host.read_fingerprint())
    Scheduler(plan, folder, {None: fakes.to_backends()}, CampaignListener()).run()
    return folder


def test_every_file_of_a_campaign_is_documented_and_no_other(campaign: CampaignFolder) -> None:
    documented = {name for row in read_table(RESULTS, "file") for name in find_spans(row[0])}
    names = {
        path.relative_to(campaign.path).as_posix() for path in campaign.path.rglob("*") if path.is_file()
    }
    assert {generalize(name) for name in names} == documented


def generalize(name: str) -> str:
    name = re.sub(r"cells/[^/]+/", "cells/<cell>/", name)
    return re.sub(r"(step-)\d+|(?<=-)\d+(?=\.log)", lambda digits: "step-NNN" if digits[1] else "N", name)


def test_every_event_is_documented_with_its_fields(campaign: CampaignFolder, tmp_path: Path) -> None:
    documented = {
        find_spans(row[0])[0]: set(re.findall(r"`(\w+)`", row[1])) for row in read_table(RESULTS, "event")
    }
    values = {"exited", "oom", "complete", "interrupted"}
    shutil.copytree(campaign.path, tmp_path / "again")
    folder = CampaignFolder.open(tmp_path / "again")
    folder.mark_resumed()
    folder.add_fault("web-c0.25-m256", "no answer")
    folder.add_note("a load shape is not used")
    events = map(json.loads, (folder.path / "events.jsonl").read_text().splitlines())
    written = {event["event"]: event.keys() - {"format", "at", "event"} for event in events}
    assert {event: fields - values for event, fields in documented.items()} == written


def test_every_column_of_a_step_is_documented_with_its_unit(campaign: CampaignFolder) -> None:
    step = json.loads(gzip.decompress(next(campaign.path.rglob("step-001.json.gz")).read_bytes()))
    columns = [
        f"{key}.{column}" if isinstance(value, dict) else key
        for key, value in step.items()
        for column in (value if isinstance(value, dict) else [key])
    ]
    table = read_table(RESULTS, "field", "## A step's facts")
    documented = [(name, row[1]) for row in table for name in find_spans(row[0])]
    assert sorted(name for name, _ in documented) == sorted(columns)
    for name, unit in documented:
        for suffix, word in (("_s", "s"), ("_bytes", "bytes")):
            assert not name.endswith(suffix) or word in unit.split(", "), name


def test_every_field_of_the_summary_is_documented_and_no_other() -> None:
    lists = {"slos": SCHEMA["$defs"]["slo"], "cells": SCHEMA["$defs"]["cell"]}
    lists |= {"repetitions": SCHEMA["$defs"]["repetitions"], "engines": SCHEMA["$defs"]["engine_comparison"]}
    lists |= {"cells[].curve": SCHEMA["$defs"]["curve_point"], "tunings": SCHEMA["$defs"]["tuning"]}
    lists |= {"cells[].stalls": SCHEMA["$defs"]["stall"]}
    lists |= {"bursts": SCHEMA["$defs"]["burst"], "soaks": SCHEMA["$defs"]["long_soak"]}
    lists |= {"request_costs.requests": SCHEMA["$defs"]["request_cost"]}
    known = SCHEMA["properties"].keys() - {"slos", "cells"}
    for name in ("drift", "host_speed", "take", "request_costs"):
        known |= {f"{name}.{field}" for field in SCHEMA["$defs"][name]["properties"]}
    known |= {f"{name}[].{field}" for name, item in lists.items() for field in item["properties"]}
    documented = [
        name for row in read_table(RESULTS, "field", "## summary.json") for name in find_spans(row[0])
    ]
    assert sorted(documented) == sorted(known)


def test_every_word_of_the_summary_is_explained() -> None:
    cell = SCHEMA["$defs"]["cell"]["properties"]
    assert [find_spans(row[0])[0] for row in read_table(RESULTS, "status")] == cell["status"]["enum"]
    table = {
        tuple(find_spans(row[0])): find_spans(row[1])
        for row in read_table(RESULTS, "field", "## summary.json")
    }
    assert table[("cells[].limiting_factor",)] == cell["limiting_factor"]["enum"][:-1]
    assert table[("state",)] == SCHEMA["properties"]["state"]["enum"]
    ended = next(row for row in read_table(RESULTS, "field", "## A step's facts") if "`ended`" in row[0])
    assert find_spans(ended[2]) == [how.value for how in EndReason]


def find_recipes(kind: str) -> list[str]:
    return [block.text for block in BLOCKS if block.page == "docs/results.md" and block.kind == kind]


def test_the_python_recipe_gives_the_p95_that_was_judged(campaign: CampaignFolder) -> None:
    (text,) = find_recipes("python")
    ran = subprocess.run(
        [sys.executable, "-c", text], cwd=find_home(campaign), capture_output=True, text=True
    )
    shown = re.fullmatch(r"(\d+) users, (\d+) answers, p95 ([\d.]+) s\n", ran.stdout)
    assert shown, ran.stderr
    half = rejudge(plan_from_json(campaign.read_plan()), campaign).cells[1]
    assert half.cell.id in text
    assert (int(shown[1]), int(shown[2])) == (half.steps[0].users, half.steps[0].requests)
    assert float(shown[3]) == pytest.approx(half.steps[0].latency.p95_s, rel=0.05)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here")
def test_the_jq_recipes_give_the_cells_and_the_names_of_requests(campaign: CampaignFolder) -> None:
    cells, names = (
        subprocess.run(
            ["sh", "-c", text], cwd=find_home(campaign), capture_output=True, text=True, check=True
        ).stdout
        for text in find_recipes("sh")
    )
    summary = json.loads((campaign.path / "summary.json").read_bytes())["cells"]
    assert [line.split("\t")[:2] for line in cells.splitlines()] == [
        [cell["id"], cell["status"]] for cell in summary
    ]
    assert re.fullmatch(r"(GET /\S*\t\d+\n)+", names)


def find_home(campaign: CampaignFolder) -> Path:
    """Return the folder in which `results/latest` is the campaign."""
    return campaign.path.parent.parent
