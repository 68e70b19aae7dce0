"""A stored plan comes back as it was, also in a repository that moved."""

import json
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.model import Build, Cell, Limits, Plan, Ready, Scenario, Search, Slo, Target, Timing
from harness.plan import plan_from_json, plan_to_json
from tests.unit.plan.project import Project

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(-(2**62), 2**62)
TEXT = st.text(st.characters(codec="utf-8"), max_size=10)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
PATHS = st.lists(st.sampled_from(["a", "b", "caf\u00e9 x", "c.yaml"]), min_size=1, max_size=4).map(
    lambda parts: Path(PurePosixPath("/", *parts))
)
TARGETS = st.builds(
    Target,
    name=TEXT,
    port=COUNTS,
    image=st.none() | TEXT,
    build=st.none() | st.builds(Build, PATHS, TEXT, TEXTS),
    ready=st.builds(Ready, st.none() | TEXT, COUNTS, NUMBERS),
    environment=TEXTS,
    command=st.none() | st.lists(TEXT, max_size=3).map(tuple),
    host_port=st.none() | COUNTS,
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
    search=st.builds(Search, TEXT, NUMBERS, COUNTS, COUNTS),
    skipped=TEXTS,
    hashes=TEXTS,
)


@given(PLANS)
def test_a_plan_survives_plan_json_exactly(plan: Plan) -> None:
    stored = json.loads(json.dumps(plan_to_json(plan), allow_nan=False))
    assert plan_from_json(stored, plan.source.parent) == plan


def test_paths_are_stored_relative_to_the_matrix_and_found_again_where_it_moved(project: Project) -> None:
    stored = plan_to_json(project.load())
    assert stored["format"] == 1
    assert stored["source"] == "matrix.yaml"
    assert stored["target"]["build"]["context"] == "targets/web"
    assert stored["scenario"]["locustfiles"] == ["targets/web/locustfile.py"]
    moved = plan_from_json(stored, Path("/elsewhere"))
    assert moved.source == Path("/elsewhere/matrix.yaml")
    assert moved.target.build == Build(Path("/elsewhere/targets/web"))


def test_a_plan_with_relative_paths_needs_no_folder() -> None:
    plan = Plan(Path("matrix.yaml"), Target("web", 80), Scenario((Path("locustfile.py"),)), (), ())
    assert plan_from_json(plan_to_json(plan)) == plan


def test_keys_of_a_later_harness_are_ignored(project: Project) -> None:
    plan = project.load()
    assert plan_from_json({**plan_to_json(plan), "news": 1}, project.folder) == plan


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"format": 2}, "plan.json has format 2, this harness reads 1"),
        ({"users_limit": "many"}, "plan.json is damaged: users_limit: Input should be a valid integer"),
        ({"cells": [{}]}, "plan.json is damaged: cells.0.id: Field required"),
        ({"cells": object()}, "plan.json is damaged: Object of type object is not JSON serializable"),
    ],
)
def test_a_damaged_plan_is_refused_in_words(project: Project, damage: dict[str, object], said: str) -> None:
    with pytest.raises(StoreError) as caught:
        plan_from_json({**plan_to_json(project.load()), **damage})
    assert caught.value.what == said


def test_no_value_of_the_callers_environment_is_stored(project: Project) -> None:
    text = 'image: web\nport: 80\nenvironment: {KEY: "${SET}"}\n'
    project.write({"targets/web/target.yaml": text})
    stored = json.dumps(plan_to_json(project.load()))
    assert "${SET}" in stored
    assert '"value"' not in stored
