"""A compose file becomes a target with its companions; what is not honoured becomes a note."""

from collections.abc import Callable

import pytest

from harness.errors import InputError
from harness.model import MIB, BuildSource, CommandProbe, HttpProbe, ImageSource, Limits, Plan, PortProbe
from harness.plan import load_plan
from tests.unit.plan.project import Project

COMPOSE = """\
x-common: &common
  restart: always
  logging: {driver: json-file}
services:
  api:
    <<: *common
    build: {context: ./api, args: [STAGE=prod]}
    ports: ["8080:8000"]
    environment:
      DATABASE_URL: postgres://app:${DB_PASSWORD}@db:5432/${DB_NAME:-app}
      DEBUG: false
      FROM_DOTENV: ${GREETING}
      PASSED_ON:
    command: serve --threads "4 of them"
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
    networks: [inner]
    secrets: [one]
  db:
    image: postgres:16
    environment: ["POSTGRES_PASSWORD=${DB_PASSWORD}", POSTGRES_DB=app]
    volumes: ["data:/var/lib/postgresql/data", "./seed.sql:/docker-entrypoint-initdb.d/seed.sql"]
    healthcheck: {test: [CMD-SHELL, pg_isready -U postgres]}
    deploy: {resources: {limits: {cpus: "0.5", memory: 256M}}}
  cache:
    image: registry.example/lib/redis:7-alpine
    depends_on: [clock]
  clock: {image: "clock:1", expose: ["99"]}
  unused: {image: "unused:1"}
volumes: {data: {}}
"""
MATRIX = "target: targets/shop\nlimits: {cpus: 0.5, memory: 64MiB}\n"
TARGET = "compose: {file: ../../compose.yaml, service: api}\nready: {http: /health}\n"


LoadShop = Callable[..., Plan]
"""A function that loads the shop, by default with the usual target and compose file."""


@pytest.fixture
def load_shop(project: Project) -> LoadShop:
    def load(target: str = TARGET, compose: str = COMPOSE) -> Plan:
        project.write(
            {
                "matrix.yaml": MATRIX,
                "compose.yaml": compose,
                ".env": "GREETING='hello there'\n# nothing\n",
                "seed.sql": "",
                "api/Dockerfile": "FROM x",
                "targets/shop/target.yaml": target,
                "targets/shop/locustfile.py": "",
            }
        )
        return load_plan(project.folder / "matrix.yaml", {"DB_PASSWORD": "secret"})

    return load


def test_a_service_comes_with_its_dependencies_in_their_order(load_shop: LoadShop) -> None:
    target = load_shop().target
    assert (target.name, target.port, target.readiness) == ("api", 8000, HttpProbe("/health"))
    assert target.command == ("serve", "--threads", "4 of them")
    assert isinstance(target.source, BuildSource)
    assert (target.source.context.name, target.source.args) == ("api", {"STAGE": "prod"})
    assert [companion.name for companion in target.companions] == ["db", "clock", "cache"]


def test_references_to_the_callers_environment_are_kept(load_shop: LoadShop) -> None:
    target = load_shop().target
    assert target.environment == {
        "DATABASE_URL": "postgres://app:${DB_PASSWORD}@db:5432/app",
        "DEBUG": "false",
        "FROM_DOTENV": "hello there",
    }
    assert target.companions[0].service.environment["POSTGRES_PASSWORD"] == "${DB_PASSWORD}"


def test_companions_keep_their_limits_files_and_probes(load_shop: LoadShop) -> None:
    db, clock, cache = load_shop().target.companions
    assert db.limits == Limits(0.5, 256 * MIB)
    assert db.service.readiness == CommandProbe(("sh", "-c", "pg_isready -U postgres"))
    assert [*db.service.files] == ["/docker-entrypoint-initdb.d/seed.sql"]
    assert (clock.service.readiness, cache.service.readiness) == (PortProbe(99), PortProbe(6379))


def test_what_is_not_honoured_becomes_a_note(load_shop: LoadShop) -> None:
    assert load_shop().notes == (
        "compose.yaml: api: secrets is not honoured",
        "compose.yaml: db: its volume at /var/lib/postgresql/data begins empty in every container",
        "compose.yaml: db: /docker-entrypoint-initdb.d/seed.sql is mounted read-only",
    )


def test_keys_of_the_target_override_the_compose_file(load_shop: LoadShop) -> None:
    target = load_shop(
        TARGET
        + "name: shop\nport: 9000\nenvironment: {DEBUG: 'true'}\n"
        + "companions: {db: {limits: {cpus: 0.2, memory: 96MiB}}}\n"
    ).target
    assert (target.name, target.port, target.environment["DEBUG"]) == ("shop", 9000, "true")
    assert "DATABASE_URL" in target.environment
    assert target.companions[0].limits == Limits(0.2, 96 * MIB)
    assert target.companions[0].service.source == ImageSource("postgres:16")


@pytest.mark.parametrize(
    ("target", "compose", "message"),
    [
        (TARGET.replace("api", "web"), COMPOSE, 'has no service "web"; its services: api, cache, clock'),
        (TARGET.replace("compose.yaml", "no.yaml"), COMPOSE, "no file"),
        (TARGET, "services: [\n", "not YAML"),
        (TARGET, COMPOSE.replace("restart: always", "privileged: true"), "privileged can't be honoured"),
        (
            TARGET,
            COMPOSE.replace('image: "clock:1", expose: ["99"]', 'image: "clock:1"'),
            "does not say when",
        ),
        (TARGET, COMPOSE.replace('["8080:8000"]', "[]"), 'missing key "port"'),
        (TARGET, COMPOSE.replace("build: {context: ./api", "build: {context: ./no"), "no folder"),
        (TARGET, "services: {api: {image: x, ports: 8}}\n", "can't be read as a compose file"),
    ],
)
def test_a_service_that_cannot_be_converted_is_refused(
    load_shop: LoadShop, target: str, compose: str, message: str
) -> None:
    with pytest.raises(InputError) as refused:
        load_shop(target, compose)
    assert message in str(refused.value)
