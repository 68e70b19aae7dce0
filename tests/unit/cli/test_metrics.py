"""`harness metrics` exposes what the folder of a campaign says, in Prometheus' text format."""

import functools
import json
import os
import re
import shutil
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from harness.cli import app
from harness.cli.metrics import CampaignCollector, serve_metrics
from harness.errors import StoreError, UsageError
from harness.model import MIB, CampaignState, Limits, Purpose, Status
from harness.model.live import LiveCampaign, LiveComparison, LiveHead, LivePoint, LiveSize
from harness.report.formats.metrics import METRICS, SIZE_FIELDS, STEP_FIELDS
from harness.store import CampaignFolder, FiguresReader, hold_folder
from harness.store.figures import SILENT_S, STALE_STEP_S
from harness.store.live_files import LiveWriter
from tests.builders import make_plan
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign
from tests.unit.pages import PAGES, ROOT, read_table

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure two sizes, of which no test changes the folder."""
    plan = make_plan((0.25, 256), (1.0, 256))
    campaign = FakeCampaign(tmp_path_factory.mktemp("metrics"), plan, Service())
    campaign.measure_cells()
    return campaign.folder.path


@pytest.fixture
def campaign(measured: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured, tmp_path / "results/one"))


def run_once(*paths: Path) -> str:
    outcome = CliRunner().invoke(app, ["metrics", *map(str, paths), "--once"], standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    assert outcome.return_value == 0
    return outcome.output


def parse(text: str) -> Samples:
    """Return the value of each sample by its name and labels; fail if one comes twice."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    values = {(each.name, frozenset(each.labels.items())): each.value for each in samples}
    assert len(values) == len(samples)
    return values


def find(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset({"campaign": "one", **labels}.items())))


def read_summary(campaign: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((campaign / "summary.json").read_bytes())
    return summary


def test_each_number_of_a_size_is_that_of_its_summary(campaign: Path) -> None:
    samples, summary = parse(run_once(campaign)), read_summary(campaign)
    assert [cell["id"] for cell in summary["cells"]] == ["web-c0.25-m256", "web-c1.00-m256"]
    for cell in summary["cells"]:
        for name, (field, _) in SIZE_FIELDS.items():
            assert find(samples, name, cell=cell["id"]) == cell[field], name
        assert find(samples, "harness_size_status", cell=cell["id"], status=cell["status"]) == 1
        assert find(samples, "harness_size_recommended", cell=cell["id"]) == (
            cell["id"] == summary["take"]["cell"]
        )
    assert find(samples, "harness_campaign_limit_users") == 400
    assert find(samples, "harness_campaign_state", state="complete") == 1
    assert find(samples, "harness_campaign_state", state="running") == 0
    quarter = {"size": "0.25 CPU / 256 MiB", "variant": "", "engine": "", "limiting_factor": "cpu"}
    assert find(samples, "harness_size_info", cell="web-c0.25-m256", **quarter) == 1


def test_what_is_not_known_has_no_sample(campaign: Path) -> None:
    summary = read_summary(campaign)
    summary["cells"][0] |= {"sustained_users": None, "rps": "many", "error_ratio": True, "load_s": 1e999}
    (campaign / "summary.json").write_text(json.dumps(summary))
    samples = parse(run_once(campaign))
    for name in ("sustained_users", "requests_per_second", "error_ratio", "load_seconds"):
        assert find(samples, f"harness_size_{name}", cell="web-c0.25-m256") is None
        assert find(samples, f"harness_size_{name}", cell="web-c1.00-m256") is not None


def test_every_metric_has_help_and_type_and_a_name_by_the_conventions(campaign: Path) -> None:
    text = run_once(campaign)
    exposed = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert exposed == re.findall(r"^# HELP (\S+) .+\.$", text, re.MULTILINE)
    assert set(exposed) <= METRICS.keys()
    endings = "_cores _bytes _seconds _ratio _users _second _replicas _in_flight _info"
    endings += " _state _status _success _recommended"
    for name in METRICS:
        assert name.startswith("harness_")
        assert name.endswith(tuple(endings.split())), name


def test_every_metric_is_documented_with_its_labels_and_no_other() -> None:
    rows = read_table(PAGES["docs/observability.md"], "metric")
    documented = {row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[1])) for row in rows}
    assert documented == METRICS


def test_texts_from_outside_are_escaped_and_keep_their_series_apart(campaign: Path) -> None:
    summary = read_summary(campaign)
    summary["target"] = 'a"b\\c\nd\x1b[31m\ud800'
    summary["cells"][0]["id"] = 'x{"y"}'
    (campaign / "summary.json").write_text(json.dumps(summary))
    samples = parse(run_once(campaign))
    assert find(samples, "harness_campaign_info", target='a"b\\c d') == 1
    assert find(samples, "harness_size_replicas", cell='x{"y"}') == 1


def test_a_path_that_leads_to_a_campaign_twice_exposes_it_once(campaign: Path) -> None:
    latest = campaign.parent / "latest"
    latest.symlink_to("one")
    assert parse(run_once(latest, campaign)) == parse(run_once(campaign))


def test_campaigns_of_one_name_in_different_folders_are_refused(campaign: Path, tmp_path: Path) -> None:
    other = shutil.copytree(campaign, tmp_path / "others/one")
    with pytest.raises(UsageError, match="two campaigns have the same name"):
        run_once(campaign, Path(other))


def test_a_path_that_is_no_campaign_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaign here"):
        run_once(tmp_path)


def test_a_link_is_followed_to_the_newest_campaign(campaign: Path) -> None:
    latest = campaign.parent / "latest"
    latest.symlink_to("one")
    reader = FiguresReader(latest)
    assert reader.read().campaign == "one"
    shutil.copytree(campaign, campaign.parent / "two")
    latest.unlink()
    latest.symlink_to("two")
    assert reader.read().campaign == "two"


def test_files_are_read_again_only_if_they_have_changed(campaign: Path) -> None:
    reader = FiguresReader(campaign)
    first = reader.read()
    assert reader.read().summary is first.summary
    summary = read_summary(campaign) | {"users_limit": 7}
    (campaign / "summary.json").write_text(json.dumps(summary))
    assert reader.read().summary["users_limit"] == 7


def test_a_campaign_without_an_end_runs_until_it_has_been_silent_for_long(campaign: Path) -> None:
    CampaignFolder.open(campaign).mark_resumed()
    written_at_s = (campaign / "events.jsonl").stat().st_mtime
    states = [
        FiguresReader(campaign, functools.partial(float, written_at_s + later_s)).read().state
        for later_s in (SILENT_S - 1, SILENT_S + 1)
    ]
    assert states == [CampaignState.RUNNING, CampaignState.INTERRUPTED]
    late = FiguresReader(campaign, functools.partial(float, written_at_s + SILENT_S + 1))
    with hold_folder(campaign):
        assert late.read().state is CampaignState.RUNNING


POINT = LivePoint(
    at_s=12.0,
    phase="window",
    users=40,
    in_flight=3,
    rps=21.5,
    errors_ps=0.5,
    p50_s=0.02,
    p95_s=0.25,
    cpu_cores=0.5,
    memory_bytes=64 * MIB,
)
EIGHTH = "web-c0.12-m256"
RUNNING = LiveCampaign(
    campaign="one",
    target="web",
    started_at="2026-11-26T12:00:00+00:00",
    users_limit=400,
    sizes=(LiveSize(EIGHTH, Limits(0.125, 256 * MIB), Status.RUNNING, sustained_users=10),),
)


def write_running(campaign: Path) -> LiveWriter:
    """Write what a campaign shows that runs and holds a step at a size of its own."""
    folder = CampaignFolder.open(campaign)
    folder.mark_resumed()
    writer = LiveWriter(folder, [EIGHTH])
    writer.write_campaign(RUNNING)
    writer.start_step(EIGHTH, LiveHead("2026-11-26T12:00:01.5+00:00", 40, Purpose.SEARCH))
    writer.add_point(EIGHTH, POINT)
    return writer


def test_the_step_in_progress_is_exposed_beside_the_sizes_that_are_done(campaign: Path) -> None:
    write_running(campaign)
    samples = parse(run_once(campaign))
    for name, (field, _) in STEP_FIELDS.items():
        assert find(samples, name, cell=EIGHTH) == getattr(POINT, field), name
    assert find(samples, "harness_step_wanted_users", cell=EIGHTH) == 40
    assert find(samples, "harness_step_info", cell=EIGHTH, purpose="search", phase="window") == 1
    assert find(samples, "harness_size_status", cell=EIGHTH, status="running") == 1
    assert find(samples, "harness_size_sustained_users", cell=EIGHTH) == 10
    assert find(samples, "harness_size_broken_users", cell=EIGHTH) is None
    assert find(samples, "harness_size_cpu_limit_cores", cell="web-c0.25-m256") == 0.25
    assert find(samples, "harness_campaign_state", state="running") == 1


def test_a_version_that_is_compared_is_a_size_without_a_status(campaign: Path) -> None:
    """Nobody searches its capacity. Its window in progress is a step."""
    writer = write_running(campaign)
    limits = replace(RUNNING.sizes[0].limits, variant="base")
    size = replace(RUNNING.sizes[0], limits=limits, sustained_users=None)
    comparison = LiveComparison("base a and head b", "Undecided")
    writer.write_campaign(replace(RUNNING, sizes=(size,), comparison=comparison))
    samples = parse(run_once(campaign))
    eighth = {"size": "0.125 CPU / 256 MiB", "variant": "base", "engine": "", "limiting_factor": ""}
    assert find(samples, "harness_size_info", cell=EIGHTH, **eighth) == 1
    assert find(samples, "harness_size_cpu_limit_cores", cell=EIGHTH) == 0.125
    assert find(samples, "harness_step_active_users", cell=EIGHTH) == POINT.users
    assert find(samples, "harness_size_recommended", cell=EIGHTH) is None
    assert find(samples, "harness_size_status", cell=EIGHTH, status="running") is None
    assert find(samples, "harness_size_status", cell="web-c0.25-m256", status="bracketed") is not None


def test_a_container_that_starts_is_a_step_without_numbers(campaign: Path) -> None:
    write_running(campaign).start_step(EIGHTH, LiveHead("2026-11-26T12:00:09+00:00"))
    samples = parse(run_once(campaign))
    of_steps = {name for name, _ in samples if name.startswith("harness_step")}
    assert of_steps == {"harness_step_info"}
    assert find(samples, "harness_step_info", cell=EIGHTH, purpose="search", phase="starting") == 1


def test_a_running_campaign_without_an_answer_yet_has_its_sizes(campaign: Path) -> None:
    write_running(campaign)
    (campaign / "summary.json").unlink()
    samples = parse(run_once(campaign))
    assert find(samples, "harness_campaign_limit_users") == 400
    assert find(samples, "harness_campaign_info", target="web") == 1
    assert find(samples, "harness_size_replicas", cell=EIGHTH) == 1


def test_what_a_killed_campaign_leaves_is_no_step_in_progress(campaign: Path) -> None:
    write_running(campaign)
    written_at_s = (campaign / f"cells/{EIGHTH}/step.part").stat().st_mtime
    soon, late, never = (
        FiguresReader(campaign, functools.partial(float, written_at_s + later_s)).read()
        for later_s in (1.0, STALE_STEP_S + 1, SILENT_S + 1)
    )
    assert list(soon.steps) == [EIGHTH]
    assert (late.steps, late.state) == ({}, CampaignState.RUNNING)
    assert (never.steps, never.state) == ({}, CampaignState.INTERRUPTED)


def test_a_campaign_without_an_answer_yet_is_exposed_with_its_state(campaign: Path) -> None:
    (campaign / "summary.json").unlink()
    samples = parse(run_once(campaign))
    assert {name for name, _ in samples} == {
        "harness_campaign_read_success",
        "harness_campaign_state",
        "harness_campaign_start_time_seconds",
    }


def test_a_damaged_campaign_is_an_error_once_and_a_sample_while_it_is_served(campaign: Path) -> None:
    collector = CampaignCollector([campaign])
    (campaign / "summary.json").write_text("[]")
    with pytest.raises(StoreError, match=r"summary.json: damaged"):
        run_once(campaign)
    with serve_metrics(collector, 0) as url:
        assert parse(fetch(url)) == {("harness_campaign_read_success", frozenset({("campaign", "one")})): 0.0}


def fetch(url: str) -> str:
    assert url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text: str = answer.read().decode()
        return text


def test_the_same_is_served_as_printed_and_nothing_is_written(campaign: Path) -> None:
    before = {path: os.stat(path).st_mtime_ns for path in sorted(campaign.rglob("*"))}
    with serve_metrics(CampaignCollector([campaign]), 0) as url:
        served = fetch(url)
        port = url.rpartition(":")[2].partition("/")[0]
        with (
            pytest.raises(UsageError, match=f"the port {port} of 127.0.0.1 can't be used"),
            serve_metrics(CampaignCollector([campaign]), int(port)),
        ):
            pass
    assert served == run_once(campaign)
    assert {path: os.stat(path).st_mtime_ns for path in sorted(campaign.rglob("*"))} == before


def test_the_dashboard_asks_only_for_metrics_and_labels_that_are_exposed() -> None:
    dashboard = json.loads((ROOT / "templates/grafana-dashboard.json").read_bytes())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for text in expressions for name in re.findall(r"\bharness_\w+", text)}
    assert len(expressions) >= 10
    assert asked <= METRICS.keys()
    for variable in dashboard["templating"]["list"][1:]:
        name, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
        assert label in METRICS[name]
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            labels = {label for name in re.findall(r"harness_\w+", target["expr"]) for label in METRICS[name]}
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels, target
    spots = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(spot["x"] + spot["w"] <= 24 for spot in spots)
