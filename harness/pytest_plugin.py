"""A plugin of pytest: a test marked with `capacity` fails unless its target sustains the users at a size.

The size is measured once the fixtures of the test are set up, and before its body runs. Nothing that
measures is imported before.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.model import CampaignResult, Plan

_MARK = (
    "capacity(users, cpus, memory, target, locustfile=None, spawn_rate=None, **matrix): the test fails "
    "unless the target sustains this many users at this size; further keywords are keys of matrix.yaml"
)
_FAILURES = pytest.StashKey[list[str]]()
"""Why a test fails before its body runs; empty if all that its marks ask for is met."""


class CapacityHooks:
    """The hook that measures; a conftest.py may measure in another way."""

    @pytest.hookspec(firstresult=True)
    def pytest_capacity_measure(
        self, config: pytest.Config, plan: "Plan"
    ) -> "tuple[CampaignResult, Path] | None":
        """Measure the plan of a mark; return the answer and the campaign's folder."""
        raise NotImplementedError


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hook that measures."""
    pluginmanager.add_hookspecs(CapacityHooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the command line."""
    group = parser.getgroup("capacity", "capacity of a service (capacity-harness)")
    group.addoption(
        "--capacity",
        choices=("on", "off"),
        default="on",
        help="off: skip the tests that are marked with `capacity` (default: on)",
    )
    group.addoption(
        "--capacity-results",
        default="results",
        metavar="DIR",
        help="the folder of the campaigns, from pytest's root folder on (default: results)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", _MARK)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Measure what the marks of a test ask for, after its fixtures are set up.

    What can't be measured is an error of the test's setup, and not a failure of the test.
    """
    marks = list(item.iter_markers("capacity"))
    if marks and item.config.getoption("--capacity") == "off":
        pytest.skip("capacity is not measured (--capacity=off)")
    yield
    item.stash[_FAILURES] = [failure for mark in marks if (failure := _measure_mark(item, mark))]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail a test whose target does not sustain its users."""
    if failures := item.stash.get(_FAILURES, []):
        pytest.fail("\n\n".join(failures), pytrace=False)


def _measure_mark(item: pytest.Item, mark: pytest.Mark) -> str:
    """Measure what a mark asks for; return why it is not met, or an empty text."""
    from harness.errors import HarnessError

    try:
        return _measure_matrix(item, build_matrix(*mark.args, **mark.kwargs))
    except TypeError as error:
        if "build_matrix()" not in str(error):
            raise
        reason = (
            f"@pytest.mark.capacity: {str(error).replace('build_matrix()', 'capacity()')}\n  try: {_MARK}"
        )
    except HarnessError as error:
        reason = f"capacity was not measured: {error}"
    pytest.fail(reason, pytrace=False)


def build_matrix(
    users: int,
    cpus: float,
    memory: str,
    target: Any,
    locustfile: str | None = None,
    spawn_rate: float | None = None,
    **matrix: Any,
) -> dict[str, Any]:
    """Return the matrix of a mark: one size, and only whether it sustains the users.

    Raises TypeError if a further keyword says again what the others say.
    """
    said = {"limits", "sizes", "users"} | ({"scenario"} if locustfile else set())
    if twice := sorted(said & matrix.keys()):
        raise TypeError(f"build_matrix() says {' and '.join(twice)} twice")
    return {
        **matrix,
        "target": target,
        "users": {"limit": users, "required": users} | ({"spawn_rate": spawn_rate} if spawn_rate else {}),
        "limits": {"cpus": cpus, "memory": memory},
        **({"scenario": {"locustfile": locustfile}} if locustfile else {}),
    }


def _measure_matrix(item: pytest.Item, document: dict[str, Any]) -> str:
    """Measure a matrix whose paths are seen from the folder of the test; return why it is not met, or ''.

    Raises HarnessError if it has mistakes, or can't be measured.
    """
    from harness.analyse.result.sizing import check_requirement
    from harness.model import Requirement
    from harness.plan.loader import load_plan_text
    from harness.report import build_view, describe_check, write_recommendation

    source = item.path.parent / "@pytest.mark.capacity"
    plan = load_plan_text(json.dumps(document, ensure_ascii=False, default=str), source)
    result, folder = item.config.hook.pytest_capacity_measure(config=item.config, plan=plan)
    users, limits = document["users"]["limit"], document["limits"]
    asked = f"users >= {users} at cpus <= {limits['cpus']} and memory <= {limits['memory']}"
    check = check_requirement(result.cells, Requirement(asked, users, plan.cells[0].limits.drop_variant()))
    if check.is_met:
        return ""
    sentence = write_recommendation(build_view(result))
    return f"{describe_check(check)}\n{sentence}\nreport: {folder / 'report.html'}"


@pytest.hookimpl(trylast=True)
def pytest_capacity_measure(config: pytest.Config, plan: "Plan") -> "tuple[CampaignResult, Path]":
    """Measure a plan with real containers, and write its report.

    Raises HarnessError if it can't be measured, for example because no engine answers.
    """
    from harness.campaign import run_campaign
    from harness.cli.console import say
    from harness.cli.progress import LineProgress

    results = config.rootpath / str(config.getoption("--capacity-results"))
    result, folder = run_campaign(plan, results, LineProgress(say), fresh=True)
    return result, folder.path
