"""What `harness init` writes for a service of a compose file leaves the file's own limits as they are."""

from pathlib import Path

import pytest

from harness.plan.compose.file_choice import FileChoice
from harness.plan.compose.summary import ServiceSummary, summarize_service
from harness.plan.init_templates import ServiceFacts, format_target

SERVICES = """\
services:
  web: {image: x, ports: [80], depends_on: [full, half, none]}
  full: {image: x, cpus: 0.7, mem_limit: 96m}
  half: {image: x, deploy: {resources: {limits: {memory: 2g}}}}
  none: {image: x}
"""


def summarize(folder: Path, text: str, service: str | None = None, default: str = "web") -> ServiceSummary:
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    return summarize_service(FileChoice((folder / "compose.yaml",)), service, default, {})


def test_only_the_limits_that_the_file_lacks_are_written(tmp_path: Path) -> None:
    summary = summarize(tmp_path, SERVICES)
    assert summary.companions == {"full": (), "half": ("cpus",), "none": ("cpus", "memory")}
    run = {"compose": {"file": "compose.yaml", "service": "web"}}
    text = format_target(ServiceFacts("web", run, companions=summary.companions), 4)
    assert "full" not in text
    assert "  half: {limits: {cpus: 0.5}}\n" in text
    assert "  none: {limits: {cpus: 0.5, memory: 512MiB}}\n" in text


def test_no_limits_are_written_if_the_file_gives_all(tmp_path: Path) -> None:
    summary = summarize(tmp_path, SERVICES.replace("half, none", "full").replace("[full, full]", "[full]"))
    text = format_target(ServiceFacts("web", {"compose": {}}, companions=summary.companions), 4)
    assert "companions" not in text


def test_a_healthcheck_says_how_long_to_wait_so_that_init_does_not(tmp_path: Path) -> None:
    check = "services: {web: {image: x, ports: [80], healthcheck: {test: [CMD, x], start_period: 3m}}}\n"
    summary = summarize(tmp_path, check)
    facts = ServiceFacts("web", {"compose": {}}, ready_path="/", has_healthcheck=summary.has_healthcheck)
    assert 'ready: {http: "/"}\n' in format_target(facts, 4)


def test_the_service_is_the_one_of_the_targets_name_or_the_only_one(tmp_path: Path) -> None:
    only = "services: {app: {image: x}}\n"
    assert summarize(tmp_path, SERVICES).service == "web"
    assert summarize(tmp_path, only).service == "app"
    with pytest.raises(LookupError, match="web, full, half, none"):
        summarize(tmp_path, SERVICES, default="shop")
    with pytest.raises(LookupError, match="app"):
        summarize(tmp_path, only, service="gone")


def test_services_that_are_named_as_hosts_are_added_with_those_that_they_name(tmp_path: Path) -> None:
    text = (
        "services:\n  web: {image: x, ports: [80], environment: {DB_HOST: db}}\n"
        "  db: {image: y, environment: ['CACHE_URL=redis://cache:6379', OFF_HOST=off]}\n"
        "  cache: {image: z}\n  other: {image: z}\n  off: {image: z, scale: 0}\n"
    )
    summary = summarize(tmp_path, text)
    assert summary.also == ("cache", "db")
    assert list(summary.companions) == ["cache", "db"]
