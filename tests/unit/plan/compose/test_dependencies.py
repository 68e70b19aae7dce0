"""A service's dependencies come in the order in which they start, and a circle of them is found."""

from harness.plan.compose.dependencies import find_cycle, list_services


def test_dependencies_come_before_what_needs_them_each_once() -> None:
    services = {
        "web": {"depends_on": {"db": {}, "cache": {}}},
        "db": {"network_mode": "service:vpn"},
        "cache": {"links": ["db:database"]},
        "vpn": {},
        "off": {"scale": 0},
        "apart": {"depends_on": {"web": {}}},
    }
    assert list(list_services(services, "web")) == ["vpn", "db", "cache", "web"]
    assert list(list_services(services, "web", ["apart", "off"])) == ["vpn", "db", "cache", "apart", "web"]
    assert find_cycle(services, ["vpn", "db", "cache", "web"]) == []


def test_a_circle_is_found_wherever_it_begins() -> None:
    services = {
        "web": {"depends_on": {"a": {}}},
        "a": {"depends_on": {"b": {}}},
        "b": {"links": ["a"]},
        "self": {"volumes_from": ["self"]},
    }
    assert find_cycle(services, ["web", "a", "b"]) == ["a", "b"]
    assert find_cycle(services, ["self"]) == ["self"]
    assert find_cycle(services, ["web", "a"]) == []
