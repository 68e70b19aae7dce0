"""A valid matrix becomes the plan that its keys describe."""

from pathlib import Path

import pytest

from harness.model import (
    MIB,
    BuildSource,
    Cell,
    HttpProbe,
    ImageSource,
    Limits,
    Price,
    Search,
    SearchStrategy,
    Slo,
    TcpProbe,
    Timing,
)
from harness.plan import load_plan
from tests.unit.plan.project import LoadWith, Project

EVERYTHING = """\
target: targets/web
scenario:
  locustfile: [more.py, targets/web/locustfile.py]
  users: [ShopUser]
users: {limit: 50, spawn_rate: 2.5}
limits:
  cpus: [0.25, 1]
  memory: [64MiB, 128m]
exclude:
  - {cpus: 0.25, memory: 64MiB}
include:
  - {cpus: 2, memory: 0.5g}
sizes:
  small: {cpus: 0.125, memory: 67108864}
slos:
  p95: 500ms
  shortfall: off
  p99.9: 3
  by_name:
    "/item/[id]": {p99: 2s, errors: 0.5%}
steps:
  settle: 1s
  window: {at_least: 2s, at_most: 4s}
  steady: {at_most: 30s}
  horizon: 2h
search: {strategy: ladder, precision: 10%, elsewhere: 15%, first_users: 5, ladder_users: 7}
repetitions: 2
"""


def test_every_key_of_a_matrix_is_in_the_plan(project: Project) -> None:
    project.write({"matrix.yaml": EVERYTHING, "more.py": ""})
    plan = project.load()
    assert [cell.id for cell in plan.cells] == [
        *(
            "web-c0.25-m128-r1",
            "web-c1.00-m64-r1",
            "web-c1.00-m128-r1",
            "web-c2.00-m512-r1",
            "web-c0.125-m64-r1",
        ),
        *(
            "web-c0.25-m128-r2",
            "web-c1.00-m64-r2",
            "web-c1.00-m128-r2",
            "web-c2.00-m512-r2",
            "web-c0.125-m64-r2",
        ),
    ]
    assert plan.cells[4] == Cell("web-c0.125-m64-r1", "web", Limits(0.125, 64 * MIB), "small", 1)
    assert (plan.users_limit, plan.spawn_rate) == (50, 2.5)
    assert plan.slos == (
        Slo("p95", 0.5),
        Slo("errors", 0.01),
        Slo("p99.9", 3.0),
        Slo("p99", 2.0, "/item/[id]"),
        Slo("errors", 0.005, "/item/[id]"),
    )
    assert plan.timing == Timing(1.0, 2.0, 4.0, drain_s=3.0, steady_at_most_s=30.0, horizon_s=7200.0)
    assert plan.search == Search(SearchStrategy.LADDER, 0.1, 5, 7, elsewhere_ratio=0.15)
    assert plan.scenario.locustfiles == (
        project.folder / "more.py",
        project.folder / "targets/web/locustfile.py",
    )
    assert plan.scenario.user_classes == ("ShopUser",)


def test_a_minimal_matrix_takes_the_documented_defaults(project: Project) -> None:
    plan = project.load()
    assert [cell.id for cell in plan.cells] == [
        "web-c0.50-m64",
        "web-c0.50-m128",
        "web-c1.00-m64",
        "web-c1.00-m128",
    ]
    assert plan.source == project.folder / "matrix.yaml"
    assert plan.scenario.locustfiles == (project.folder / "targets/web/locustfile.py",)
    assert plan.slos == (Slo("p95", 1.0), Slo("errors", 0.01), Slo("shortfall", 0.15))
    assert (plan.users_limit, plan.spawn_rate, plan.timing, plan.search) == (400, 40.0, Timing(), Search())
    assert plan.target.source == BuildSource(project.folder / "targets/web")
    assert plan.target.readiness == HttpProbe("/", 200, 60.0)
    assert plan.skipped == {}
    assert set(plan.hashes) == {"matrix", "scenario", "target"}


def test_every_key_of_a_target_is_in_the_plan(project: Project) -> None:
    text = (
        "name: shop\nimage: nginx:1.27\nport: 80\nhost_port: 8080\n"
        "ready: {http: /healthz, status: 204, within: 2m}\n"
        'environment: {PASSWORD: "${SET}", PLAIN: "$${x}"}\ncommand: [serve, --fast]\n'
    )
    project.write({"targets/web/target.yaml": text})
    target = project.load().target
    assert (target.name, target.source) == ("shop", ImageSource("nginx:1.27"))
    assert (target.port, target.host_port) == (80, 8080)
    assert target.readiness == HttpProbe("/healthz", 204, 120.0)
    assert target.environment == {"PASSWORD": "${SET}", "PLAIN": "$${x}"}
    assert target.command == ("serve", "--fast")


def test_a_build_may_be_built_upon_what_another_build_makes(project: Project) -> None:
    text = (
        "port: 80\nbuild:\n  additional_contexts:\n    shared: ../../shared\n"
        "    base:\n      build: {context: ../../base, target: two, additional_contexts: {tools: 'docker-image://t'}}\n"
    )
    project.write({"targets/web/target.yaml": text, "shared/a": "", "base/Dockerfile": "FROM tools AS two\n"})
    assert project.load().target.source == BuildSource(
        project.folder / "targets/web",
        folders={"shared": project.folder / "shared"},
        bases={
            "base": BuildSource(project.folder / "base", target="two", sources={"tools": "docker-image://t"})
        },
    )


def test_mistakes_in_a_build_within_a_build_have_their_places(project: Project) -> None:
    text = (
        "port: 80\nbuild:\n  additional_contexts:\n    base: {build: {context: ../../gone}}\n"
        "    both: {build: {context: .}, place: .}\n"
    )
    project.write({"targets/web/target.yaml": text})
    (mistake,) = project.find_mistakes()
    assert "build.additional_contexts.both: write a folder, an address, or build" in mistake
    project.write({"targets/web/target.yaml": text.replace(", place: .", "")})
    (mistake,) = project.find_mistakes()
    assert "4:29: build.additional_contexts.base.build.context: no folder gone; write the one" in mistake


def test_ready_tcp_is_a_tcp_probe(project: Project) -> None:
    project.write({"targets/web/target.yaml": "image: redis\nport: 6379\nready: {tcp: true, within: 5s}\n"})
    plan = project.load()
    assert plan.target.readiness == TcpProbe(within_s=5.0)
    assert plan.target.name == "web"


def test_paths_of_an_inline_target_are_relative_to_the_matrix(project: Project) -> None:
    text = (
        "target: {name: app, port: 80, build: {context: targets/web, args: {BASE: x}}}\n"
        "scenario: {locustfile: targets/web/locustfile.py}\nsizes: {s: {cpus: 1, memory: 1g}}\n"
    )
    project.write({"matrix.yaml": text})
    plan = project.load()
    assert plan.target.source == BuildSource(project.folder / "targets/web", args={"BASE": "x"})
    assert [cell.id for cell in plan.cells] == ["app-c1.00-m1024"]


def test_an_empty_section_counts_as_absent(load_with: LoadWith) -> None:
    assert load_with("slos:\nscenario:\nsearch:\n  precision:\n").search == Search()


@pytest.mark.parametrize(("written", "soak_s"), [("0s", 0.0), ("10s", 10.0), ("5m", 300.0)])
def test_a_soak_is_a_duration_and_0s_turns_it_off(load_with: LoadWith, written: str, soak_s: float) -> None:
    assert load_with(f"search: {{soak: {written}}}\n").search.soak_s == soak_s


@pytest.mark.parametrize(
    ("written", "soak_s"),
    [("confirm: true", 300.0), ("confirm: false", 0.0), ("confirm: false, soak: 20s", 20.0)],
)
def test_who_wants_no_checks_at_the_end_gets_a_soak_only_where_it_is_written(
    load_with: LoadWith, written: str, soak_s: float
) -> None:
    assert load_with(f"search: {{{written}}}\n").search.soak_s == soak_s


@pytest.mark.parametrize(
    ("written", "elsewhere_ratio"),
    [("precision: 3%", 0.10), ("precision: 20%", 0.20), ("precision: 3%, elsewhere: 3%", 0.03)],
)
def test_sizes_elsewhere_are_never_more_precise_than_those_around_the_decision(
    load_with: LoadWith, written: str, elsewhere_ratio: float
) -> None:
    assert load_with(f"search: {{{written}}}\n").search.elsewhere_ratio == elsewhere_ratio


def test_a_low_limit_of_users_lowers_the_default_of_first_users(load_with: LoadWith) -> None:
    assert load_with("users: {limit: 4}\n").search.first_users == 4


def test_the_drain_is_as_long_as_the_slowest_slo_and_at_least_a_second(load_with: LoadWith) -> None:
    assert load_with("slos: {p95: 200ms}\n").timing.drain_s == 1.0
    assert load_with("slos: {by_name: {/a: {mean: 4s}}}\n").timing.drain_s == 4.0


def test_the_old_key_of_the_memory_price_is_read_with_a_note(load_with: LoadWith) -> None:
    old = load_with("price: {cpu_hour: 0.034, gb_hour: 0.004, currency: EUR}\n")
    new = load_with("price: {cpu_hour: 0.034, gib_hour: 0.004, currency: EUR}\n")
    assert old.price == new.price == Price("EUR", 0.034, 0.004)
    assert (old.notes, new.notes) == (
        ("price.gb_hour is an old name (the price is per GiB): write gib_hour",),
        (),
    )
    assert old.hashes == new.hashes


def test_a_relative_path_gives_the_same_plan_as_the_absolute_one(project: Project) -> None:
    assert load_plan(Path("matrix.yaml"), {}) == load_plan(project.folder / "matrix.yaml", {})


@pytest.mark.parametrize("bytes_before", [b"\xef\xbb\xbf", b"# comment\r\n"])
def test_a_byte_order_mark_and_windows_line_ends_are_read(project: Project, bytes_before: bytes) -> None:
    content = (project.folder / "matrix.yaml").read_bytes().replace(b"\n", b"\r\n")
    project.write({"matrix.yaml": bytes_before + content})
    assert len(project.load().cells) == 4
