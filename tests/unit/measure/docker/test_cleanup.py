"""What earlier campaigns left is removed, whatever state it is in."""

from typing import Any

from docker.errors import APIError

from harness.measure.docker.cleanup import remove_leftovers, remove_network, remove_old_images


class LeftoverClient:
    """An engine with two containers, one of which lost its name when its removal was cut short."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Id": "4f2a" * 16, "Names": None}, {"Id": "b" * 64, "Names": ["/harness-old-1"]}]

    def networks(self, **_: Any) -> list[dict[str, Any]]:
        return []

    def volumes(self, **_: Any) -> dict[str, Any]:
        return {"Volumes": None}

    def remove_container(self, name: str, **_: Any) -> None:
        self.removed.append(name)


def test_a_container_without_a_name_is_removed_too_and_called_by_its_id() -> None:
    client = LeftoverClient()
    assert remove_leftovers(client, None) == ["4f2a4f2a4f2a", "harness-old-1"]  # type: ignore[arg-type]
    assert client.removed == ["4f2a" * 16, "b" * 64]


class ConnectedClient:
    """An engine with a network to which somebody has connected a container."""

    def __init__(self) -> None:
        self.connected = {"4f2a": {"Name": "debugger"}}
        self.has_network = True

    def remove_network(self, _network: str) -> None:
        if self.connected:
            raise APIError("403", explanation="error while removing network: network x has active endpoints")
        self.has_network = False

    def inspect_network(self, _network: str) -> dict[str, Any]:
        return {"Containers": dict(self.connected)}

    def disconnect_container_from_network(self, name: str, _network: str, *, force: bool) -> None:
        assert force
        self.connected = {key: each for key, each in self.connected.items() if each["Name"] != name}


def test_what_others_connected_to_a_network_is_disconnected_before_it_is_removed() -> None:
    client = ConnectedClient()
    remove_network(client, "x", "x")  # type: ignore[arg-type]
    assert not client.has_network


class BuiltClient:
    """An engine with images of a target: two with names, and two that lost theirs, of which one is in use."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def images(self, **_: Any) -> list[dict[str, Any]]:
        return [
            {"Id": "sha256:a", "Created": 4, "RepoTags": ["harness-target-web:2"]},
            {"Id": "sha256:b", "Created": 3, "RepoTags": ["<none>:<none>"]},
            {"Id": "sha256:c", "Created": 2, "RepoTags": None},
            {"Id": "sha256:d", "Created": 1, "RepoTags": ["harness-target-web:1"]},
        ]

    def remove_image(self, name: str) -> None:
        if name == "sha256:c":
            raise Conflict("409")
        self.removed.append(name)


class Conflict(APIError):
    status_code = 409


def test_images_that_lost_their_name_are_removed_by_their_id_unless_they_are_in_use() -> None:
    client = BuiltClient()
    assert remove_old_images(client) == ["harness-target-web:1", "sha256:b"]  # type: ignore[arg-type]
    assert client.removed == ["sha256:b", "harness-target-web:1"]
