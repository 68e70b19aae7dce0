"""What docs/results.md says of a campaign's folder."""

import ast
import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from harness.campaign.progress import rejudge
from harness.campaign.scheduler import CampaignListener, Scheduler
from harness.model import MIB, Cell, ContainerRun, EndReason, ImageSource, Limits, Plan, Scenario, Slo, Target
from harness.plan import plan_from_json, plan_to_json
from harness.store import CampaignFolder
from tests.fakes import FakeBackends, Service
from tests.summary_schema import SCHEMA
from tests.unit.pages import BLOCKS, HARNESS, RESULTS, find_spans, read_table


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> CampaignFolder:
    """A finished campaign of fakes, in a folder named `results`."""
    fake = FakeBackends(Service())
    plan = Plan(
        Path("matrix.yaml"),
        Target("web", 8000, ImageSource("web:1")),
        Scenario((Path("locustfile.py"),)),
        tuple(Cell(f"web-c{c:.2f}-m256", "web", Limits(c, 256 * MIB)) for c in (0.25, 0.5)),
        (Slo("p95", 1.0), Slo("errors", 0.01)),
    )
    results = tmp_path_factory.mktemp("told") / "results"
    folder = CampaignFolder.create(results, "one", plan_to_json(plan), fake.host.read_fingerprint())
    Scheduler(
        plan, folder, fake.to_backends(), CampaignListener()
    ).run()
    return folder


def test_every_file_of_a_campaign_is_told_of_and_none_besides(campaign: CampaignFolder) -> None:
    told = {name for row in read_table(RESULTS, "file") for name in find_spans(row[0])}
    names = {
        path.relative_to(campaign.path).as_posix() for path in campaign.path.rglob("*") if path.is_file()
    }
    assert {in_general(name) for name in names} == told


def in_general(name: str) -> str:
    name = re.sub(r"cells/[^/]+/", "cells/<cell>/", name)
    return re.sub(r"(step-)\d+|(?<=-)\d+(?=\.log)", lambda digits: "step-NNN" if digits[1] else "N", name)


def test_every_event_is_told_of_with_its_facts() -> None:
    told = {
        find_spans(row[0])[0]: set(re.findall(r"`(\w+)`", row[1])) for row in read_table(RESULTS, "event")
    }
    written = dict(appended(HARNESS / "store" / "folder.py")) | dict(
        appended(HARNESS / "campaign" / "session.py")
    )
    values = {"exited", "oom", "complete", "interrupted"}
    assert {event: facts - values for event, facts in told.items()} == written


def appended(module: Path) -> Iterator[tuple[str, set[str]]]:
    """Each event that a module appends to the log, with the names of its facts; `**` stands for a Life."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("log.append"):
            facts = {keyword.arg for keyword in node.keywords}
            life = {field.name for field in fields(ContainerRun)} if None in facts else set()
            yield ast.literal_eval(node.args[0]), {name for name in facts if name} | life


def test_every_column_of_a_step_is_told_of_with_its_unit(campaign: CampaignFolder) -> None:
    step = json.loads(gzip.decompress(next(campaign.path.rglob("step-001.json.gz")).read_bytes()))
    columns = [
        f"{key}.{column}" if isinstance(value, dict) else key
        for key, value in step.items()
        for column in (value if isinstance(value, dict) else [key])
    ]
    table = read_table(RESULTS, "field", "## A step's facts")
    told = [(name, row[1]) for row in table for name in find_spans(row[0])]
    assert sorted(name for name, _ in told) == sorted(columns)
    for name, unit in told:
        for suffix, word in (("_s", "s"), ("_bytes", "bytes")):
            assert not name.endswith(suffix) or word in unit.split(", "), name


def test_every_field_of_the_summary_is_told_of_and_none_besides() -> None:
    lists = {"slos": SCHEMA["$defs"]["slo"], "cells": SCHEMA["$defs"]["cell"]}
    lists |= {"repetitions": SCHEMA["$defs"]["repeated"], "engines": SCHEMA["$defs"]["alike"]}
    known = SCHEMA["properties"].keys() - {"slos", "cells"}
    known |= {f"drift.{field}" for field in SCHEMA["$defs"]["drift"]["properties"]}
    known |= {f"{name}[].{field}" for name, item in lists.items() for field in item["properties"]}
    told = [name for row in read_table(RESULTS, "field", "## summary.json") for name in find_spans(row[0])]
    assert sorted(told) == sorted(known)


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


def recipe(kind: str) -> list[str]:
    return [block.text for block in BLOCKS if block.page == "docs/results.md" and block.kind == kind]


def test_the_python_recipe_gives_the_p95_that_was_judged(campaign: CampaignFolder) -> None:
    (text,) = recipe("python")
    ran = subprocess.run([sys.executable, "-c", text], cwd=beside(campaign), capture_output=True, text=True)
    said = re.fullmatch(r"(\d+) users, (\d+) answers, p95 ([\d.]+) s\n", ran.stdout)
    assert said, ran.stderr
    half = rejudge(plan_from_json(campaign.read_plan()), campaign).cells[1]
    assert half.cell.id in text
    assert (int(said[1]), int(said[2])) == (half.steps[0].users, half.steps[0].requests)
    assert float(said[3]) == pytest.approx(half.steps[0].latency.p95_s, rel=0.05)


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here")
def test_the_jq_recipes_give_the_cells_and_the_names_of_requests(campaign: CampaignFolder) -> None:
    cells, names = (
        subprocess.run(
            ["sh", "-c", text], cwd=beside(campaign), capture_output=True, text=True, check=True
        ).stdout
        for text in recipe("sh")
    )
    summary = json.loads((campaign.path / "summary.json").read_bytes())["cells"]
    assert [line.split("\t")[:2] for line in cells.splitlines()] == [
        [cell["id"], cell["status"]] for cell in summary
    ]
    assert re.fullmatch(r"(GET /\S*\t\d+\n)+", names)


def beside(campaign: CampaignFolder) -> Path:
    """Where `results/latest/…` is the campaign."""
    return campaign.path.parent.parent
