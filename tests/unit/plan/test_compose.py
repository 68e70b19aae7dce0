"""A compose file becomes a target with its companions; what is not honoured becomes a note."""

from collections.abc import Callable

import pytest

from harness.errors import InputError
from harness.model import (
    MIB,
    BuildSource,
    CommandProbe,
    HttpProbe,
    ImageSource,
    Limits,
    Plan,
    PortProbe,
    StartedProbe,
)
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
networks: {inner: {}}
secrets: {one: {file: ./seed.sql}}
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
    assert [companion.name for companion in target.companions] == ["clock", "cache", "db"]


def test_references_to_the_callers_environment_are_kept(load_shop: LoadShop) -> None:
    target = load_shop().target
    assert target.environment == {
        "DATABASE_URL": "postgres://app:${DB_PASSWORD}@db:5432/app",
        "DEBUG": "false",
        "FROM_DOTENV": "hello there",
    }
    assert target.companions[2].service.environment["POSTGRES_PASSWORD"] == "${DB_PASSWORD}"


def test_companions_keep_their_limits_files_and_probes(load_shop: LoadShop) -> None:
    clock, cache, db = load_shop().target.companions
    assert db.limits == Limits(0.5, 256 * MIB)
    assert db.service.readiness == CommandProbe(("sh", "-c", "pg_isready -U postgres"), within_s=90.0)
    assert [*db.service.options.copies] == ["/docker-entrypoint-initdb.d/seed.sql"]
    assert (clock.service.readiness, cache.service.readiness) == (PortProbe(99), PortProbe(6379))


def test_what_is_not_honoured_becomes_a_note(load_shop: LoadShop) -> None:
    assert load_shop().notes == (
        "compose.yaml: db: its volume at /var/lib/postgresql/data begins as in its image in every container "
        "run",
        "compose.yaml: db: /docker-entrypoint-initdb.d/seed.sql is a copy of seed.sql in every container run",
        "compose.yaml: not started, because api does not depend on them: unused (see compose.also)",
        "compose.yaml: restarted only until ready, and an end after that is a result: api",
        "compose.yaml: has no effect on what is measured: logging of api",
        "compose.yaml: limited to 1 CPU, because the file gives them no limit: clock, cache",
        "compose.yaml: limited to 1 GiB of memory, because the file gives them no limit: clock, cache",
    )


def test_keys_of_the_target_override_the_compose_file(load_shop: LoadShop) -> None:
    target = load_shop(
        TARGET
        + "name: shop\nport: 9000\nenvironment: {DEBUG: 'true'}\n"
        + "companions: {db: {limits: {cpus: 0.2, memory: 96MiB}}}\n"
    ).target
    assert (target.name, target.port, target.environment["DEBUG"]) == ("shop", 9000, "true")
    assert "DATABASE_URL" in target.environment
    assert target.companions[2].limits == Limits(0.2, 96 * MIB)
    assert target.companions[2].service.source == ImageSource("postgres:16")


@pytest.mark.parametrize(
    ("target", "compose", "message"),
    [
        (TARGET.replace("api", "web"), COMPOSE, 'has no service "web"; its services: api, cache, clock'),
        (TARGET.replace("compose.yaml", "no.yaml"), COMPOSE, "no file"),
        (TARGET, "services: [\n", "not YAML"),
        (TARGET, COMPOSE.replace("restart: always", "privileged: true"), "privileged can't be honoured"),
        (TARGET, COMPOSE.replace('["8080:8000"]', "[]"), 'missing key "port"'),
        (TARGET, COMPOSE.replace("build: {context: ./api", "build: {context: ./no"), "no folder"),
        (TARGET, "services: {api: {image: x, ports: 8}}\n", "services.api.ports: 8 is not of type 'array'"),
    ],
)
def test_a_service_that_cannot_be_converted_is_refused(
    load_shop: LoadShop, target: str, compose: str, message: str
) -> None:
    with pytest.raises(InputError) as refused:
        load_shop(target, compose)
    assert message in str(refused.value)


def test_a_companion_with_one_limit_keeps_it_and_gets_the_usual_other_one(load_shop: LoadShop) -> None:
    compose = COMPOSE.replace('clock:1", expose', 'clock:1", mem_limit: 2g, expose')
    clock, cache, _ = load_shop(compose=compose).target.companions
    assert clock.limits == Limits(1.0, 2048 * MIB)
    assert cache.limits == Limits(1.0, 1024 * MIB)
    override = TARGET + "companions: {clock: {limits: {cpus: 0.2}}}\n"
    assert load_shop(override, compose).target.companions[0].limits == Limits(0.2, 2048 * MIB)


def test_a_companion_that_listens_nowhere_is_ready_once_it_runs(load_shop: LoadShop) -> None:
    plan = load_shop(compose=COMPOSE.replace('image: "clock:1", expose: ["99"]', 'image: "clock:1"'))
    assert isinstance(plan.target.companions[0].service.readiness, StartedProbe)
    assert any("clock: counts as ready once it runs" in note for note in plan.notes)


def test_how_long_to_wait_is_that_of_the_compose_file_unless_the_target_says_so(load_shop: LoadShop) -> None:
    check = (
        "healthcheck: {test: [CMD, x], start_period: 3m, interval: 10s, retries: 3}\n    networks: [inner]"
    )
    compose = COMPOSE.replace("networks: [inner]", check)
    assert load_shop(compose=compose).target.readiness == HttpProbe("/health", within_s=210.0)
    own = TARGET.replace("/health", "/health, within: 5s")
    assert load_shop(own, compose).target.readiness == HttpProbe("/health", within_s=5.0)


def test_a_file_that_is_no_compose_file_is_the_only_mistake_that_is_shown(load_shop: LoadShop) -> None:
    with pytest.raises(InputError) as refused:
        load_shop(compose="services: {api: {image: x, ports: 8}}\n")
    assert len(str(refused.value).splitlines()) == 1


def test_several_compose_files_override_each_other(load_shop: LoadShop, project: Project) -> None:
    project.write({"more.yaml": "services: {api: {ports: !override [7000]}}\n"})
    target = TARGET.replace("../../compose.yaml", "[../../compose.yaml, ../../more.yaml]")
    assert load_shop(target).target.port == 7000


def test_services_that_the_target_names_itself_become_companions_too(load_shop: LoadShop) -> None:
    target = TARGET.replace("service: api", "service: api, also: unused")
    compose = COMPOSE.replace('unused: {image: "unused:1"}', 'unused: {image: "unused:1", expose: ["7"]}')
    names = [companion.name for companion in load_shop(target, compose).target.companions]
    assert names == ["clock", "cache", "db", "unused"]
    with pytest.raises(InputError, match=r'has no service "gone", which compose.also names'):
        load_shop(target.replace("unused", "gone"))
