"""The files that `harness init` writes have the expected content, and can be loaded."""

import pytest

from harness.model import HealthcheckProbe, HttpProbe, TcpProbe
from harness.plan.init_templates import ServiceFacts, format_matrix, format_target
from harness.plan.locustfile_text import format_locustfile
from tests.unit.plan.project import Project


@pytest.mark.parametrize("cores", [1, 2, 8, 256])
@pytest.mark.parametrize(
    ("facts", "probe"),
    [
        (ServiceFacts("Shop 1", {"image": "shop:1"}, 80, "/health"), HttpProbe),
        (ServiceFacts("shop", {"image": "shop:1"}, 80, has_healthcheck=True), HealthcheckProbe),
        (ServiceFacts("shop", {"image": "shop:1"}, 80), TcpProbe),
    ],
)
def test_the_written_files_load(project: Project, facts: ServiceFacts, probe: type, cores: int) -> None:
    home = "targets/shop-1" if facts.name == "Shop 1" else "targets/shop"
    project.write(
        {
            "matrix.yaml": format_matrix(facts, cores),
            f"{home}/target.yaml": format_target(facts, cores),
            f"{home}/locustfile.py": format_locustfile(facts.api),
        }
    )
    plan = project.load()
    assert type(plan.target.readiness) is probe
    assert len(plan.cells) == 9
    assert max(cell.limits.cpu_cores for cell in plan.cells) <= min(max(cores - 1, 0.5), 4)
