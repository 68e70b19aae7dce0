"""Containers of one run share a network as the plan says."""

from dataclasses import replace

from harness.measure.docker.sidecars import add_network_members
from harness.model import MIB, Companion, ContainerOptions, ImageSource, Limits, PortProbe, Target

LIMITS = Limits(0.5, 64 * MIB)
VPN = Target("vpn", 0, ImageSource("vpn"), PortProbe(1), options=ContainerOptions(aliases=("tunnel",)))


def build_target(target_owner: str | None, proxy_owner: str | None) -> Target:
    proxy = Target("proxy", 0, ImageSource("proxy"), options=ContainerOptions(network_of=proxy_owner))
    options = ContainerOptions(network_of=target_owner, aliases=("shop",))
    companions = (Companion(VPN, LIMITS), Companion(proxy, LIMITS))
    return Target("web", 8000, ImageSource("web"), host_port=80, options=options, companions=companions)


def test_the_targets_port_and_names_are_those_of_the_companion_whose_network_it_uses() -> None:
    service = add_network_members(build_target("vpn", None), VPN)
    assert (service.port, service.host_port) == (8000, 80)
    assert service.options.aliases == ("tunnel", "web", "shop")


def test_a_network_is_shared_through_another_companion_too() -> None:
    service = add_network_members(build_target("proxy", "vpn"), VPN)
    assert service.port == 8000
    assert service.options.aliases == ("tunnel", "web", "shop", "proxy")


def test_a_companion_in_anothers_network_publishes_nothing() -> None:
    service = add_network_members(build_target(None, "vpn"), VPN)
    assert service.port == 0
    assert service.options.aliases == ("tunnel", "proxy")


def test_a_companion_with_a_network_of_its_own_stays_as_it_is() -> None:
    target = build_target(None, None)
    assert add_network_members(target, VPN) == VPN
    assert add_network_members(replace(target, companions=()), VPN) == VPN
