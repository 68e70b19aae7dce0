"""What contradicts itself in a service is found, in whatever notation it is given."""

from typing import Any

import pytest

from harness.plan.compose.contradictions import find_contradictions


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ({"networks": {"a": None}}, []),
        ({"network_mode": "host", "networks": {"a": None}}, ["network_mode and networks are both given"]),
        ({"build": {"dockerfile": "D", "dockerfile_inline": "FROM x"}},
         ["build.dockerfile and build.dockerfile_inline are both given"]),
        ({"healthcheck": {"test": ["curl", "-f", "x"]}}, ["healthcheck.test begins with curl"]),
        ({"healthcheck": {"test": ["NONE"]}}, []),
        ({"cpus": 0.5, "deploy": {"resources": {"limits": {"cpus": "0.50"}}}}, []),
        ({"cpus": 0.5, "deploy": {"resources": {"limits": {"cpus": "1"}}}},
         ["cpus is 0.5, and deploy.resources.limits.cpus is 1"]),
        ({"mem_limit": "1g", "deploy": {"resources": {"limits": {"memory": "1024M"}}}}, []),
        ({"mem_limit": "1g", "deploy": {"resources": {"limits": {"memory": "1000M"}}}},
         ["mem_limit is 1g, and deploy.resources.limits.memory is 1000M"]),
        ({"mem_limit": 0, "deploy": {"resources": {"limits": {"memory": "64M"}}}}, []),
        ({"pids_limit": 5, "deploy": {"resources": {"limits": {"pids": 6}}}},
         ["pids_limit is 5, and deploy.resources.limits.pids is 6"]),
        ({"scale": 0, "deploy": {"replicas": 2}}, ["scale is 0, and deploy.replicas is 2"]),
        ({"scale": "2", "deploy": {"replicas": 2}}, []),
    ],
)  # fmt: skip
def test_two_keys_that_say_different_things_are_found(service: dict[str, Any], found: list[str]) -> None:
    assert [each.partition(";")[0] for each in find_contradictions(service)] == found
