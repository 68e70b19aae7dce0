"""A stored plan is read back unchanged, even if its repository was moved."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.model import (
    DEFAULT_ENGINE,
    BuildSecret,
    BuildSource,
    Cell,
    CommandProbe,
    CompletedProbe,
    ContainerOptions,
    EngineWorkers,
    ExternalWorkers,
    FileContent,
    FileCopy,
    Healthcheck,
    HealthcheckProbe,
    HttpProbe,
    ImageSource,
    Limits,
    LocalWorkers,
    LogProbe,
    Plan,
    PortProbe,
    Scenario,
    Search,
    SearchStrategy,
    Slo,
    StartedProbe,
    Target,
    TcpProbe,
    Timing,
    Ulimit,
)
from harness.plan import plan_from_json, plan_to_json
from tests.builders import make_plan
from tests.examples import count_examples
from tests.unit.plan.project import Project

STORED = Path(__file__).parent / "stored"
"""Files plan.json that version 0.1 wrote."""

NEW_KEYS: dict[str, dict[str, Any]] = {
    "search": {"soak_s": 0.0, "elsewhere_ratio": 0.05},
    "timing": {"steady_at_most_s": 300.0, "horizon_s": 3600.0},
    "scenario": {"folder": None, "base": None},
}
"""What plan.json has come to say since then, with the values that are true of a plan that lacks the keys."""

NEW_KEYS_OF_SERVICES: dict[str, Any] = {"options": plan_to_json(make_plan())["target"]["options"]}
NEW_KEYS_OF_BUILDS: dict[str, Any] = {
    "target": None,
    "dockerfile_inline": None,
    "secrets": {},
    "ssh": [],
    "network": None,
    "extra_hosts": [],
    "platform": None,
    "folders": {},
    "bases": {},
    "sources": {},
}
NEW_KEYS_OF_READINESS = {"started": False, "completed": False}

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(-(2**62), 2**62)
TEXT = st.text(st.characters(codec="utf-8"), max_size=10)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
PATHS = st.lists(st.sampled_from(["a", "b", "caf\u00e9 x", "c.yaml"]), min_size=1, max_size=4).map(
    lambda parts: Path(PurePosixPath("/", *parts))
)
BUILDS = st.builds(
    BuildSource,
    PATHS,
    TEXT,
    TEXTS,
    target=st.none() | TEXT,
    secrets=st.dictionaries(TEXT, st.builds(BuildSecret, st.none() | PATHS, st.none() | TEXT), max_size=2),
    ssh=st.lists(TEXT, max_size=2).map(tuple),
    bases=st.dictionaries(
        TEXT, st.builds(BuildSource, PATHS, folders=st.dictionaries(TEXT, PATHS)), max_size=1
    ),
)
PROBES = st.one_of(
    st.builds(HttpProbe, TEXT, COUNTS, NUMBERS),
    st.builds(TcpProbe, NUMBERS),
    st.builds(PortProbe, COUNTS, NUMBERS),
    st.builds(LogProbe, TEXT, NUMBERS),
    st.builds(CommandProbe, st.lists(TEXT, max_size=3).map(tuple), NUMBERS),
    st.builds(HealthcheckProbe, NUMBERS),
    st.builds(StartedProbe, NUMBERS),
    st.builds(CompletedProbe, NUMBERS),
)
MAYBE_COUNTS = st.none() | COUNTS
NAMES = st.lists(TEXT, max_size=2).map(tuple)
OPTIONS = st.builds(
    ContainerOptions,
    working_dir=st.none() | TEXT,
    hostname=st.none() | TEXT,
    aliases=NAMES,
    extra_hosts=NAMES,
    network_of=st.none() | TEXT,
    shm_bytes=MAYBE_COUNTS,
    pids_limit=COUNTS,
    sysctls=TEXTS,
    group_add=NAMES,
    dropped_capabilities=NAMES,
    copies=st.dictionaries(
        TEXT, st.builds(FileCopy, PATHS, MAYBE_COUNTS, MAYBE_COUNTS, MAYBE_COUNTS), max_size=2
    ),
    contents=st.dictionaries(TEXT, st.builds(FileContent, TEXT, COUNTS, COUNTS, COUNTS), max_size=2),
    volumes=TEXTS,
    is_read_only=st.booleans(),
    has_tty=st.booleans(),
    has_healthcheck=st.booleans(),
    healthcheck=st.none()
    | st.builds(Healthcheck, st.none() | NAMES, st.none() | NUMBERS, retries=MAYBE_COUNTS),
    restarts=st.booleans(),
)
ENGINES = st.integers(1, 3).map(lambda count: (DEFAULT_ENGINE,) * count)
LOADS = st.one_of(
    st.builds(LocalWorkers, st.none() | COUNTS),
    st.builds(ExternalWorkers, COUNTS, TEXT, COUNTS),
    st.builds(EngineWorkers, ENGINES, st.none() | COUNTS, TEXT, COUNTS, st.none() | TEXT),
)
TARGETS = st.builds(
    Target,
    name=TEXT,
    port=COUNTS,
    source=st.builds(ImageSource, TEXT) | BUILDS,
    readiness=PROBES,
    environment=TEXTS,
    command=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    host_port=st.none() | COUNTS,
    ulimits=st.dictionaries(TEXT, COUNTS | st.builds(Ulimit, COUNTS, COUNTS), max_size=2),
    options=OPTIONS,
)
CELLS = st.builds(Cell, TEXT, TEXT, st.builds(Limits, NUMBERS, COUNTS), st.none() | TEXT, COUNTS)
PLANS = st.builds(
    Plan,
    source=PATHS,
    target=TARGETS,
    scenario=st.builds(
        Scenario, st.lists(PATHS, max_size=2).map(tuple), st.lists(TEXT, max_size=2).map(tuple)
    ),
    cells=st.lists(CELLS, max_size=3).map(tuple),
    slos=st.lists(st.builds(Slo, TEXT, NUMBERS, st.none() | TEXT), max_size=3).map(tuple),
    users_limit=COUNTS,
    spawn_rate=NUMBERS,
    timing=st.builds(Timing, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    search=st.builds(Search, st.sampled_from(SearchStrategy), NUMBERS, COUNTS, COUNTS, soak_s=NUMBERS),
    skipped=TEXTS,
    hashes=TEXTS,
    load=LOADS,
)


@settings(max_examples=count_examples(50))
@given(PLANS)
def test_a_plan_is_read_back_from_plan_json_unchanged(plan: Plan) -> None:
    stored = json.loads(json.dumps(plan_to_json(plan), allow_nan=False))
    assert plan_from_json(stored, plan.source.parent) == plan


def test_paths_are_stored_relative_to_the_folder_of_the_matrix(project: Project) -> None:
    stored = plan_to_json(project.load())
    assert stored["format"] == 1
    assert stored["source"] == "matrix.yaml"
    assert stored["target"]["build"]["context"] == "targets/web"
    assert stored["scenario"]["locustfiles"] == ["targets/web/locustfile.py"]
    moved = plan_from_json(stored, Path("/elsewhere"))
    assert moved.source == Path("/elsewhere/matrix.yaml")
    assert moved.target.source == BuildSource(Path("/elsewhere/targets/web"))


def test_a_plan_with_relative_paths_needs_no_folder() -> None:
    plan = Plan(
        Path("matrix.yaml"), Target("web", 80, ImageSource("web")), Scenario((Path("locustfile.py"),)), (), ()
    )
    assert plan_from_json(plan_to_json(plan)) == plan


@pytest.mark.parametrize("path", sorted(STORED.glob("*.json")), ids=lambda path: path.stem)
def test_a_plan_that_version_0_1_stored_is_written_back_byte_for_byte_but_for_new_keys(path: Path) -> None:
    text = path.read_text()
    written = plan_to_json(plan_from_json(json.loads(text), Path("/repository")))
    assert written.pop("headroom_ratio") == 0.0
    assert written.pop("parallel") == 1
    if written["price"] is not None:
        assert written["price"].pop("source") == ""
        assert written["price"].pop("is_of_list") is False
    for section, values in NEW_KEYS.items():
        for key, value in values.items():
            assert written[section].pop(key) == value
    for service in (written["target"], *(each["service"] for each in written["target"]["companions"])):
        for key, value in NEW_KEYS_OF_SERVICES.items():
            assert service.pop(key) == value
        for key, value in NEW_KEYS_OF_READINESS.items():
            assert service["ready"].pop(key) == value
        for key, value in NEW_KEYS_OF_BUILDS.items() if service["build"] else ():
            assert service["build"].pop(key) == value
    assert json.dumps(written, indent=2) + "\n" == text


def test_the_keys_of_version_0_1_keep_their_meaning() -> None:
    plan = plan_from_json(json.loads((STORED / "companions.json").read_text()))
    assert plan.timing == Timing(drain_s=3.0)
    assert plan.load == EngineWorkers((DEFAULT_ENGINE,) * 2, 4, "10.0.0.5", 6000, "locust:2")
    database, cache, third = plan.target.companions
    assert (database.service.source, database.service.readiness) == (
        ImageSource("postgres:16"),
        PortProbe(5432),
    )
    assert cache.service.readiness == LogProbe("Ready to accept")
    assert third.service.readiness == CommandProbe(("a", "b"), 7.0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"target": {"image": None}}, "the target x has neither image nor build"),
        ({"load": {"workers": None}}, "external workers have no number"),
    ],
)
def test_a_stored_plan_that_lacks_a_necessary_value_is_refused(damage: dict[str, Any], message: str) -> None:
    stored = json.loads((STORED / "external-workers.json").read_text())
    for key, values in damage.items():
        stored[key] |= values
    with pytest.raises(StoreError, match=f"plan.json is damaged: {message}"):
        plan_from_json(stored)


def test_keys_of_a_later_harness_are_ignored(project: Project) -> None:
    plan = project.load()
    assert plan_from_json({**plan_to_json(plan), "news": 1}, project.folder) == plan


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"format": 2}, "plan.json has format 2, this harness reads 1"),
        ({"users_limit": "many"}, "plan.json is damaged: users_limit: Input should be a valid integer"),
        ({"cells": [{}]}, "plan.json is damaged: cells.0.id: Field required"),
        ({"cells": object()}, "plan.json is damaged: Object of type object is not JSON serializable"),
    ],
)
def test_a_damaged_plan_is_refused_with_the_reason(
    project: Project, damage: dict[str, object], message: str
) -> None:
    with pytest.raises(StoreError) as caught:
        plan_from_json({**plan_to_json(project.load()), **damage})
    assert caught.value.what == message


def test_no_value_of_the_callers_environment_is_stored(project: Project) -> None:
    text = 'image: web\nport: 80\nenvironment: {KEY: "${SET}"}\n'
    project.write({"targets/web/target.yaml": text})
    stored = json.dumps(plan_to_json(project.load()))
    assert "${SET}" in stored
    assert '"value"' not in stored
