"""The files that `harness init` writes have the expected content, and can be loaded."""

import ast

import pytest

from harness.model import HealthcheckProbe, HttpProbe, TcpProbe
from harness.plan.init_templates import (
    Operation,
    ServiceFacts,
    format_locustfile,
    format_matrix,
    format_target,
    read_dockerfile,
    read_operations,
)
from tests.unit.plan.project import Project

OPENAPI = {
    "openapi": "3.0.0",
    "paths": {
        "/items": {
            "get": {
                "parameters": [{"in": "query", "name": "page", "required": True, "schema": {"minimum": 1}}]
            },
            "post": {},
        },
        "/items/{id}": {
            "parameters": [{"in": "path", "name": "id", "example": 42}],
            "get": {"parameters": [{"in": "query", "name": "deep"}]},
        },
        "/kinds/{kind}/": {
            "get": {"parameters": [{"in": "path", "name": "kind", "schema": {"enum": ["a", "b"]}}]}
        },
    },
}


def test_requests_come_from_an_openapi_document_with_its_examples() -> None:
    assert read_operations(OPENAPI) == (
        Operation("GET", "/items?page=1", "/items"),
        Operation("POST", "/items", "/items"),
        Operation("GET", "/items/42", "/items/[id]"),
        Operation("GET", "/kinds/a/", "/kinds/[kind]/"),
    )


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, "text"])
def test_a_document_that_is_not_openapi_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="OpenAPI"):
        read_operations(document)


def test_the_locustfile_has_a_task_for_each_get_request_and_names_the_others() -> None:
    text = format_locustfile(ServiceFacts("shop", {"image": "x"}, 80, operations=read_operations(OPENAPI)))
    ast.parse(text)
    assert text.count("@task\n") == 3
    assert 'self.client.get("/items/42", name="/items/[id]")' in text
    assert "# POST /items: add what it needs" in text
    ast.parse(format_locustfile(ServiceFacts("shop", {"image": "x"}, 80)))


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("FROM x\nEXPOSE 8080/tcp\nHEALTHCHECK CMD curl -f localhost\n", (8080, True)),
        ("FROM x\nHEALTHCHECK NONE\n", (None, False)),
        ("", (None, False)),
    ],
)
def test_port_and_healthcheck_are_read_from_a_dockerfile(text: str, facts: tuple[int | None, bool]) -> None:
    assert read_dockerfile(text) == facts


@pytest.mark.parametrize("cores", [1, 2, 8])
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
            f"{home}/locustfile.py": format_locustfile(facts),
        }
    )
    plan = project.load()
    assert type(plan.target.readiness) is probe
    assert len(plan.cells) == 9
    assert max(cell.limits.cpu_cores for cell in plan.cells) <= max(cores - 1, 0.5)
