"""An exported file is valid by its system's official schema, and its figures are those that were measured."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from harness.analyse.result.deployment import plan_deployment
from harness.errors import UsageError
from harness.model import (
    GIB,
    MIB,
    CampaignResult,
    CampaignState,
    Cell,
    CellResult,
    CommandProbe,
    Factor,
    HealthcheckProbe,
    HttpProbe,
    Judgement,
    Limits,
    LogProbe,
    Margin,
    MemoryOutlook,
    MemoryTrend,
    PortProbe,
    Rule,
    Soak,
    Status,
    StepResult,
    TargetUse,
    TcpProbe,
)
from harness.model.deployment import Deployment, Service
from harness.model.evidence import SlosHold
from harness.report import System, build_view, render_export, render_html
from tests.export_schemas import find_manifests, find_mistakes
from tests.unit.report import example

PLAIN = Service("web", "registry.example/shop:1.4", 8000)
SERVICES = (
    PLAIN,
    Service(
        "9.web_x", None, 0, TcpProbe(), ("serve", "--threads", "4"), ("/bin/sh", "-c", "echo $(X) ${Y} $Z")
    ),
    Service(
        "web", "shop", 80, CommandProbe(("test", "-e", "/ready")), variables=("A", "B"), companions=("db",)
    ),
    Service("web", "shop", 80, LogProbe("ready")),
    Service("web", "shop", 80, PortProbe(81)),
    Service("web", "shop", 80, HealthcheckProbe()),
    Service("web", "shop", 80, settings={"WORKERS": "4", "HOME": "$HOME $(X)"}),
)
TREND = MemoryTrend(MemoryOutlook.LASTS, 60.0, 50 * MIB, 115 * MIB, 0.0, 0.0, 0.0, 115.0 * MIB, None)


def make_size(**changes: Any) -> CellResult:
    """Make a size of half a core that carried 130 users with 0.39 cores, 115 MiB and 13 requests at once."""
    step = StepResult(
        index=1,
        life=1,
        users=130,
        judgement=Judgement(Rule.SLOS_HOLD, SlosHold(())),
        window_s=20.0,
        load_s=30.0,
        requests=100,
        target=TargetUse(cpu_cores=0.39, memory_peak_bytes=115 * MIB),
        wait_ratio=0.1,
        memory=TREND,
    )
    size = CellResult(
        Cell("web-c0.50-m256", "web", Limits(0.5, 256 * MIB)),
        Status.BRACKETED,
        130,
        140,
        limiting_factor=Factor.CPU,
        cpu_used_cores=0.39,
        ready_after_s=10.0,
        steps=(step,),
    )
    return replace(size, **changes)


def deploy(
    size: CellResult | None = None,
    service: Service = PLAIN,
    users: int = 400,
    margin: Margin | None = None,
    headroom: float = 0.3,
) -> Deployment:
    size = size or make_size()
    campaign = CampaignResult(
        "c", "web", CampaignState.COMPLETE, "", 400, (), (size,), headroom_ratio=headroom
    )
    deployment = plan_deployment(campaign, size, margin, service, users)
    assert deployment is not None
    return deployment


def export(deployment: Deployment, system: System) -> str:
    return render_export(deployment, system, "shop-20261126-050000")


def read(deployment: Deployment, system: System) -> list[Any]:
    return list(yaml.safe_load_all(export(deployment, system)))


def flatten(text: str) -> str:
    """Return a text with its comments as one line."""
    return " ".join(line.strip().removeprefix("# ") for line in text.splitlines())


def find_line(text: str, start: str) -> str:
    """Return the line that starts like this, with the comment above it or behind it on one line."""
    lines = [line.strip() for line in text.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith(start))
    above = at
    while above and lines[above - 1].startswith("#"):
        above -= 1
    return " ".join([*(line.removeprefix("# ") for line in lines[above:at]), lines[at]])


KNATIVE_SYSTEMS = (System.KUBERNETES, System.CLOUD_RUN)
YAML_SYSTEMS = [system for system in System if system is not System.TERRAFORM]


@pytest.mark.parametrize("system", System)
@pytest.mark.parametrize("service", SERVICES, ids=range(len(SERVICES)))
def test_every_kind_of_service_is_valid_by_the_official_schema(system: System, service: Service) -> None:
    assert find_mistakes(system, export(deploy(service=service), system)) == []


@pytest.mark.parametrize("system", System)
@pytest.mark.parametrize("size", example.NINE_SIZES, ids=lambda size: size.cell.id)
def test_every_size_of_a_campaign_is_valid_by_the_official_schema(system: System, size: CellResult) -> None:
    if size.sustains(1):
        assert find_mistakes(system, export(deploy(size), system)) == []


@pytest.mark.parametrize("system", System)
def test_a_size_of_which_little_is_known_is_valid_and_says_what_is_not_known(system: System) -> None:
    inferred = make_size(status=Status.INFERRED, steps=(), cpu_used_cores=None, ready_after_s=None)
    text = export(deploy(inferred), system)
    assert find_mistakes(system, text) == []
    assert "inferred from another size: this size was not measured itself" in flatten(text)


@pytest.mark.parametrize("system", System)
def test_the_heading_says_what_was_measured(system: System) -> None:
    text = flatten(export(deploy(), system))
    assert "web at 0.5 CPU / 256 MiB, for 400 users" in text
    assert "Capacity: 130 users, measured: it broke at 140." in text
    assert "Safe load: 100 users, with room for 30 % more. 400 users need 4 replicas; 1 was measured" in text


def test_kubernetes_requests_the_use_at_the_safe_load_and_limits_what_was_measured() -> None:
    workload, autoscaler = read(deploy(), System.KUBERNETES)
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "300m", "memory": "100Mi"},  # 0.39 · 100 / 130 cores; 50 + 65 · 100 / 130 MiB
        "limits": {"cpu": "500m", "memory": "256Mi"},
    }
    assert container["readinessProbe"] == {"httpGet": {"path": "/", "port": 8000}}
    assert "replicas" not in workload["spec"]
    spec = autoscaler["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (4, 8)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 100  # 110 users are 10 % above


def test_each_figure_of_kubernetes_says_where_it_comes_from() -> None:
    text = export(deploy(), System.KUBERNETES)
    request = "a replica uses 0.30 cores at its safe load of 100 users (measured: 0.39 cores at 130)"
    assert request in find_line(text, 'cpu: "300m"')
    assert "100 MiB at its safe load of 100 users, and its memory is level" in find_line(
        text, 'memory: "100Mi"'
    )
    assert "the limit that was measured, without swap" in find_line(text, 'memory: "256Mi"')
    target = find_line(text, "averageUtilization:")
    assert "at 110 users for each replica; a replica breaks above 78 % of its CPU limit" in target
    assert "bears 30 more users a minute" in target  # 20 users in 10 + 30 s
    assert "twice as many as 400 users need; 1 was measured" in find_line(text, "maxReplicas:")


def test_memory_that_is_not_level_is_requested_up_to_the_limit() -> None:
    for outlook, words in (
        (MemoryOutlook.FILLS, "and its memory still grew"),
        (MemoryOutlook.UNKNOWN, "no step was long enough to show that its memory is level"),
    ):
        (step,) = make_size().steps
        size = make_size(steps=(replace(step, memory=replace(TREND, outlook=outlook)),))
        text = export(deploy(size), System.KUBERNETES)
        line = find_line(text, 'memory: "256Mi"')
        assert words in line


def test_a_size_that_never_broke_says_that_its_end_is_not_known() -> None:
    size = make_size(status=Status.CENSORED, broken_users=None, limiting_factor=None)
    text = export(deploy(size), System.KUBERNETES)
    assert "how much more it sustains is not known" in flatten(text)
    assert "where a replica breaks was not measured" in find_line(text, "averageUtilization:")
    predicted = export(deploy(size, margin=Margin(200.0, True, None, None, 0.9, 0.9)), System.KUBERNETES)
    assert "about 200 users, predicted" in flatten(predicted)
    assert "users a minute (predicted)" in find_line(predicted, "averageUtilization:")


@pytest.mark.parametrize("factor", [Factor.DEPENDENCY, Factor.ERRORS])
def test_without_a_reason_to_scale_there_is_no_autoscaler(factor: Factor) -> None:
    size = make_size(limiting_factor=factor)
    (workload,) = read(deploy(size), System.KUBERNETES)
    assert workload["spec"]["replicas"] == 4
    (template,) = read(deploy(size), System.ECS)
    assert set(template["Resources"]) == {"Task", "Service"}
    assert "further replicas" in flatten(export(deploy(size), System.CLOUD_RUN))


def test_without_headroom_kubernetes_acts_before_the_capacity() -> None:
    _, autoscaler = read(deploy(headroom=0.0), System.KUBERNETES)
    assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 90


def test_no_autoscaler_waits_for_more_cpu_than_a_replica_may_use() -> None:
    (step,) = make_size().steps
    full = replace(step, users=400, target=TargetUse(cpu_cores=0.48))
    size = make_size(steps=(full,), status=Status.CENSORED, sustained_users=400, broken_users=None)
    deployment = deploy(size, margin=Margin(600.0, True, None, None, 0.9, 0.9))
    _, autoscaler = read(deployment, System.KUBERNETES)
    percent = autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"]
    assert percent == 92  # 0.49 of 0.48 cores, and 10 % below; at 92 % Kubernetes acts at 0.486 of 0.5 cores
    (template,) = read(deployment, System.ECS)
    policy = template["Resources"]["Policy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 98  # 0.49 of 0.5 cores


def expand_references(word: str, variables: dict[str, str]) -> str:
    """Return what Kubernetes' kubelet makes of a word: `$$` is one `$`, `$(NAME)` a variable's value."""
    return re.sub(
        r"\$\$|\$\(([^)]*)\)",
        lambda match: "$" if match[1] is None else variables.get(match[1], match[0]),
        word,
    )


@pytest.mark.parametrize("word", ["$(X)", "$$(X)", "$$$(X)", "a$$b", "$$", "a$", "$X ${X}", "$($(X))"])
def test_a_word_reaches_the_container_as_it_was_measured(word: str) -> None:
    service = Service("web", "shop", 80, command=("serve", word), settings={"WORD": word})
    (workload, _), (revision,) = (read(deploy(service=service), each) for each in KNATIVE_SYSTEMS)
    for spec in (workload["spec"]["template"]["spec"], revision["spec"]["template"]["spec"]):
        (container,) = spec["containers"]
        assert expand_references(container["args"][1], {"X": "wrong"}) == word
        assert expand_references(container["env"][0]["value"], {"X": "wrong"}) == word


def test_cloud_run_gets_no_variable_that_it_sets_itself() -> None:
    """Cloud Run refuses a service that sets PORT; it sets it to the container's port."""
    settings = {"PORT": "80", "WORKERS": "4"}
    text = export(deploy(service=Service("web", "shop", 80, settings=settings)), System.CLOUD_RUN)
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "WORKERS", "value": "4"}]
    assert "sets them, without PORT: set by the system itself" in flatten(text)
    alone = export(deploy(service=Service("web", "shop", 80, settings={"PORT": "80"})), System.CLOUD_RUN)
    assert find_mistakes(System.CLOUD_RUN, alone) == []
    assert "env" not in yaml.safe_load(alone)["spec"]["template"]["spec"]["containers"][0]
    (workload, _) = read(deploy(service=Service("web", "shop", 80, settings=settings)), System.KUBERNETES)
    assert len(workload["spec"]["template"]["spec"]["containers"][0]["env"]) == 2


@pytest.mark.parametrize(("variables", "missing"), [(("PORT", "TOKEN"), "TOKEN"), (("PORT",), "")])
def test_a_variable_that_cloud_run_sets_itself_is_not_missing(
    variables: tuple[str, ...], missing: str
) -> None:
    deployment = deploy(service=Service("web", "shop", 80, variables=variables))
    said = [line for line in export(deployment, System.CLOUD_RUN).splitlines() if "variables of" in line]
    assert said == ([f"# Not in this file: the variables of target.yaml ({missing})."] if missing else [])
    assert f"target.yaml ({', '.join(variables)})" in export(deployment, System.KUBERNETES)


def test_a_size_that_sustains_a_single_user_has_no_room_for_more() -> None:
    """1 / 1.3 is less than one user: the safe load is the one that was measured, without any headroom."""
    (step,) = make_size().steps
    size = make_size(steps=(replace(step, users=1),), sustained_users=1, broken_users=2)
    text = flatten(export(deploy(size, users=3), System.KUBERNETES))
    assert "Safe load: 1 user, without room for 30 % more. 3 users need 3 replicas" in text
    assert "at its safe load of 1 user (measured" in text
    two = make_size(steps=(replace(step, users=2),), sustained_users=2, broken_users=3)
    assert "Safe load: 1 user, with room for 30 % more." in flatten(export(deploy(two), System.KUBERNETES))


def test_what_a_variant_sets_is_in_the_file_as_it_was_measured() -> None:
    deployment = deploy(service=Service("web", "shop", 80, settings={"WORKERS": "4", "PRICE": "$5 $(X)"}))
    (workload, _), (file,) = read(deployment, System.KUBERNETES), read(deployment, System.COMPOSE)
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [
        {"name": "WORKERS", "value": "4"},
        {"name": "PRICE", "value": "$5 $$(X)"},
    ]
    assert file["services"]["web"]["environment"] == {"WORKERS": "4", "PRICE": "$$5 $$(X)"}
    (template,) = read(deployment, System.ECS)
    (task,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert task["Environment"] == [{"Name": "WORKERS", "Value": "4"}, {"Name": "PRICE", "Value": "$5 $(X)"}]
    (service,) = read(deployment, System.CLOUD_RUN)
    assert service["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "4"


def test_terraform_names_a_namespace() -> None:
    text = export(deploy(), System.TERRAFORM)
    assert [each["metadata"]["namespace"] for each in find_manifests(text)] == ["default", "default"]


def test_compose_has_the_limits_without_swap_and_a_port_for_a_single_replica() -> None:
    (file,) = read(deploy(users=100), System.COMPOSE)
    service = file["services"]["web"]
    assert service["ports"] == ["8000:8000"]
    assert service["memswap_limit"] == "256M"
    assert service["deploy"]["resources"]["limits"] == {"cpus": "0.5", "memory": "256M"}
    assert service["deploy"]["resources"]["reservations"] == {"cpus": "0.3", "memory": "100M"}
    (file,) = read(deploy(users=400), System.COMPOSE)
    assert "ports" not in file["services"]["web"]
    assert file["services"]["web"]["deploy"]["replicas"] == 4


def test_fargate_gets_the_next_size_on_sale_with_the_measured_limit_of_memory() -> None:
    (template,) = read(deploy(), System.ECS)
    task = template["Resources"]["Task"]["Properties"]
    assert (task["Cpu"], task["Memory"]) == ("512", "1024")
    (container,) = task["ContainerDefinitions"]
    assert (container["Memory"], container["MemoryReservation"]) == (256, 100)
    policy = template["Resources"]["Policy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 66  # 0.3 · 1.1 of 0.5 cores
    assert policy["ScaleOutCooldown"] == 10
    target = find_line(export(deploy(), System.ECS), "TargetValue: 66")
    assert (
        "with 3 min until it is asked for, each replica bears 6 more users a minute" in target
    )  # 20 in 190 s
    text = export(deploy(), System.ECS)
    assert "Fargate sells no 0.5 CPU / 256 MiB: this is the next larger size" in find_line(
        text, 'Memory: "1024"'
    )


def test_cloud_run_limits_requests_at_once_to_those_of_the_safe_load() -> None:
    (service,) = read(deploy(), System.CLOUD_RUN)
    template = service["spec"]["template"]
    assert template["spec"]["containerConcurrency"] == 20  # 10 + 3 · √10
    assert template["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
    assert template["metadata"]["annotations"] == {
        "autoscaling.knative.dev/minScale": "4",
        "autoscaling.knative.dev/maxScale": "8",
        "run.googleapis.com/cpu-throttling": "false",
    }


def test_a_size_that_is_on_sale_is_called_the_one_that_was_measured() -> None:
    size = make_size(cell=Cell("web", "web", Limits(1.0, 2 * GIB)))
    for system in (System.ECS, System.CLOUD_RUN):
        assert "sells no" not in flatten(export(deploy(size), system))


@pytest.mark.parametrize("system", [System.ECS, System.CLOUD_RUN])
def test_a_size_that_is_larger_than_any_on_sale_is_refused(system: System) -> None:
    size = make_size(cell=Cell("web", "web", Limits(64.0, 256 * GIB)))
    with pytest.raises(UsageError, match="has no size as large as 64 CPU"):
        export(deploy(size), system)


def test_no_value_of_a_variable_leaves_the_campaign() -> None:
    text = flatten(export(deploy(service=SERVICES[2]), System.KUBERNETES))
    assert "Not in this file: the variables of target.yaml (A, B)." in text
    assert "Not in this file: the services that it needs (db)." in text
    more = flatten(export(deploy(service=replace(PLAIN, left_out=("user", "files"))), System.KUBERNETES))
    assert "Not in this file: what else target.yaml says (user, files)." in more


@pytest.mark.parametrize("system", YAML_SYSTEMS)
def test_a_foreign_text_stays_a_text(system: System) -> None:
    evil = 'x"\n# y\nkind: Evil\x1b[31m'
    service = Service(evil, evil, 80, command=(evil,), variables=(evil,), companions=(evil,))
    documents = read(deploy(service=service), system)
    assert find_mistakes(system, export(deploy(service=service), system)) == []
    assert "Evil" not in {each.get("kind") for each in documents}
    assert "\x1b" not in export(deploy(service=service), system)


def test_the_page_holds_the_files_of_the_size_to_take_once_it_is_complete() -> None:
    campaign = example.build_campaign(deployment=deploy())
    page = render_html(build_view(campaign))
    assert "Files that run the size to take" in page
    assert "kind: HorizontalPodAutoscaler" in page
    assert page.count('class="export"') == len(System)
    running = replace(campaign, state=CampaignState.RUNNING)
    assert "Files that run the size to take" not in render_html(build_view(running))
    assert "Files that run the size to take" not in render_html(build_view(example.build_campaign()))


def test_the_page_says_where_a_system_has_no_such_size() -> None:
    size = make_size(cell=Cell("web", "web", Limits(64.0, 256 * GIB)))
    page = render_html(build_view(example.build_campaign(deployment=deploy(size))))
    assert "Fargate has no size as large as 64 CPU" in page


def test_no_less_memory_is_reserved_than_docker_allows() -> None:
    """Docker refuses a reservation of less than 6 MiB: a small service would not start."""
    (step,) = make_size().steps
    small = replace(TREND, start_bytes=2 * MIB, peak_bytes=4 * MIB, projected_bytes=4.0 * MIB)
    deployment = deploy(make_size(steps=(replace(step, memory=small),)))
    (file,) = read(deployment, System.COMPOSE)
    assert file["services"]["web"]["deploy"]["resources"]["reservations"]["memory"] == "6M"
    (template,) = read(deployment, System.ECS)
    (container,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert container["MemoryReservation"] == 6


def test_ecs_gets_no_reservation_of_the_whole_limit() -> None:
    """ECS wants Memory to be greater than MemoryReservation; without one it reserves Memory."""
    (step,) = make_size().steps
    growing = make_size(steps=(replace(step, memory=replace(TREND, outlook=MemoryOutlook.UNKNOWN)),))
    (template,) = read(deploy(growing), System.ECS)
    (container,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert container["Memory"] == 256
    assert "MemoryReservation" not in container
    assert "MemoryReservation: the limit: it used 100 MiB" in flatten(export(deploy(growing), System.ECS))


def test_a_name_is_no_longer_than_cloud_run_allows() -> None:
    deployment = deploy(service=Service("a" * 48 + "-bcd", "shop", 80))
    (service,) = read(deployment, System.CLOUD_RUN)
    assert service["metadata"]["name"] == "a" * 48
    workload, _ = read(deployment, System.KUBERNETES)
    assert workload["metadata"]["name"] == "a" * 48 + "-bcd"


def test_a_companion_that_would_be_full_first_leaves_no_reason_to_scale() -> None:
    size = make_size(status=Status.CENSORED, broken_users=None, limiting_factor=None)
    deployment = deploy(size, margin=Margin(140.0, True, None, None, 0.9, 0.1, companion="db"))
    assert len(read(deployment, System.KUBERNETES)) == 1
    text = flatten(export(deployment, System.KUBERNETES))
    assert "A service that it needs is the limit" in text
    assert "about 140 users, predicted from the CPU that a service beside it used." in text


@pytest.mark.parametrize(
    ("used_cores", "headroom", "percent"),
    [
        pytest.param(0.0065, 0.3, 1.1, id="0.005 cores at the safe load and 10 % more, of 0.5"),
        pytest.param(0.0, 0.3, 0.1, id="nothing"),
        pytest.param(0.5, 0.0, 99, id="all of it: no use exceeds 100 %"),
    ],
)
def test_ecs_scales_at_the_use_that_was_measured_however_small_or_large(
    used_cores: float, headroom: float, percent: float
) -> None:
    (step,) = make_size().steps
    size = make_size(steps=(replace(step, target=TargetUse(cpu_cores=used_cores)),))
    deployment = deploy(size, headroom=headroom)
    (template,) = read(deployment, System.ECS)
    policy = template["Resources"]["Policy"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == pytest.approx(percent)
    assert find_mistakes(System.ECS, export(deployment, System.ECS)) == []


@pytest.mark.parametrize(
    ("entrypoint", "command", "runs"),
    [
        (None, None, ([], [])),
        (None, ("serve",), ([], ["serve"])),
        (("sh", "-c"), ("serve",), (["sh", "-c"], ["serve"])),
        ((), ("serve", "-w"), (["serve", "-w"], [])),
        (("sh",), (), (["sh"], [])),
    ],
)
def test_a_container_runs_what_was_measured_also_without_the_images_entrypoint(
    entrypoint: tuple[str, ...] | None, command: tuple[str, ...] | None, runs: tuple[list[str], list[str]]
) -> None:
    """Kubernetes, ECS and Cloud Run take an empty list for the image's own words. Docker Compose does not."""
    deployment = deploy(service=Service("web", "shop", 80, entrypoint=entrypoint, command=command))
    (workload, _), (service,) = read(deployment, System.KUBERNETES), read(deployment, System.CLOUD_RUN)
    for document in (workload, service):
        (container,) = document["spec"]["template"]["spec"]["containers"]
        assert (container.get("command", []), container.get("args", [])) == runs
    (template,) = read(deployment, System.ECS)
    (task,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert (task.get("EntryPoint", []), task.get("Command", [])) == runs
    (file,) = read(deployment, System.COMPOSE)
    written = file["services"]["web"]
    assert written.get("entrypoint") == (None if entrypoint is None else list(entrypoint))
    assert written.get("command") == (None if command is None else list(command))


@pytest.mark.parametrize(
    ("entrypoint", "command", "words"),
    [
        (None, (), "measured without the image's CMD: write the words of its ENTRYPOINT here"),
        ((), None, "measured without the image's ENTRYPOINT: write the words of its CMD here"),
        ((), (), "measured without the image's ENTRYPOINT: write the words of its CMD here"),
    ],
)
def test_what_a_system_can_not_leave_out_of_an_image_is_said(
    entrypoint: tuple[str, ...] | None, command: tuple[str, ...] | None, words: str
) -> None:
    deployment = deploy(service=Service("web", "shop", 80, entrypoint=entrypoint, command=command))
    for system in (System.KUBERNETES, System.CLOUD_RUN, System.ECS, System.TERRAFORM):
        assert words in flatten(export(deployment, system))
        assert find_mistakes(system, export(deployment, system)) == []
    assert words not in flatten(export(deployment, System.COMPOSE))


@pytest.mark.parametrize(
    ("status", "is_written"), [(200, True), (302, True), (399, True), (401, False), (503, False)]
)
def test_a_status_that_kubernetes_takes_for_a_failure_is_no_probe(status: int, is_written: bool) -> None:
    deployment = deploy(service=Service("web", "shop", 80, HttpProbe("/login", status)))
    workload, _ = read(deployment, System.KUBERNETES)
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert ("readinessProbe" in container) is is_written
    assert (f"ready with status {status}" in flatten(export(deployment, System.KUBERNETES))) is not is_written


@pytest.mark.parametrize(
    ("used_cores", "millicores", "cpus", "percent"),
    [
        pytest.param(0.00416, "4m", "0.004", 80, id="3.2m at the safe load, and 3.52m are 1.1 · 80 % of 4m"),
        pytest.param(0.00052, "1m", "0.001", 40, id="0.4m at the safe load, and 0.44m are 1.1 · 40 % of 1m"),
    ],
)
def test_an_autoscaler_counts_per_cent_of_the_request_that_is_written(
    used_cores: float, millicores: str, cpus: str, percent: int
) -> None:
    (step,) = make_size().steps
    deployment = deploy(make_size(steps=(replace(step, target=TargetUse(cpu_cores=used_cores)),)))
    workload, autoscaler = read(deployment, System.KUBERNETES)
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == millicores
    assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == percent
    (file,) = read(deployment, System.COMPOSE)
    assert file["services"]["web"]["deploy"]["resources"]["reservations"]["cpus"] == cpus


def test_cloud_run_says_where_its_own_limit_of_requests_at_once_counts() -> None:
    """10 000 users are the safe load of 13 000; a tenth of them wait: 1000 + 3 · √1000 = 1095."""
    (step,) = make_size().steps
    size = make_size(sustained_users=13_000, broken_users=14_000, steps=(replace(step, users=13_000),))
    text = export(deploy(size, users=10_000), System.CLOUD_RUN)
    line = find_line(text, "containerConcurrency: 1000")
    assert "1000.0 requests at once" in line
    assert "Cloud Run allows no more than 1000" in line


def test_replicas_that_were_measured_together_are_said_to_share() -> None:
    """In two replicas 130 users are a safe load of 100: 40 users need one."""
    size = make_size(cell=Cell("web", "web", Limits(0.5, 256 * MIB, 2)))
    text = flatten(export(deploy(size, users=40), System.KUBERNETES))
    assert "40 users need 1 replica; 2 were measured, and fewer are taken to carry as many each." in text
    assert "(measured: 0.39 cores at 130 in 2 replicas)" in text
    assert "were measured" not in flatten(export(deploy(size, users=100), System.COMPOSE))


def test_a_file_of_an_unfinished_campaign_says_so() -> None:
    deployment = replace(deploy(), is_complete=False)
    assert "The campaign is not complete" in flatten(export(deployment, System.ECS))
    assert "The campaign is not complete" not in flatten(export(deploy(), System.ECS))


def test_an_inferred_size_that_its_soak_confirmed_was_measured() -> None:
    (step,) = make_size().steps
    size = make_size(
        status=Status.INFERRED, broken_users=None, steps=(), soak=Soak(130, step, step.judgement)
    )
    text = flatten(export(deploy(size), System.KUBERNETES))
    assert "not measured itself" not in text
    assert "Capacity: at least 130 users. It never broke" in text
