"""Build what tests of a comparison of two versions start from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.campaign.preflight import EngineBackends
from harness.model import Plan, Scenario
from harness.plan.ab import plan_ab
from tests.builders import make_plan
from tests.fakes import FakeBackends, Service

WORSE = replace(Service(), cpu_s=1.5 * Service().cpu_s)


def make_ab_plan(folder: Path, base: str = "unchanged", head: str = "web:2") -> Plan:
    """Make a plan that compares two versions of the shop at 0.5 CPU, with a locustfile in the folder."""
    locustfile = folder / "locustfile.py"
    locustfile.write_text("class Visitor(HttpUser): ...\n")
    measured = replace(make_plan((0.5, 256), users_limit=40), scenario=Scenario((locustfile,)))
    return plan_ab(measured, None, base, head)


def connect_to(fake: FakeBackends) -> Callable[[str, Plan], EngineBackends]:
    """Return what connects a comparison to these backends."""
    return lambda _campaign, _plan: {None: fake.to_backends()}
