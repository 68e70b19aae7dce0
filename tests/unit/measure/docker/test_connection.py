"""The error about an engine that can't be reached says what to do. No engine is asked."""

import pytest
from docker.errors import DockerException

from harness.errors import EngineError
from harness.measure.docker import client
from harness.model import Engine


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (PermissionError(13, "Permission denied"), "usermod -aG docker"),
        (FileNotFoundError(2, "No such file or directory"), "make engine"),
        (ConnectionRefusedError(111, "Connection refused"), "make engine"),
    ],
)
def test_an_engine_that_this_user_may_not_use_is_not_started_again(
    reason: OSError, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise DockerException("Error while fetching server API version") from reason

    monkeypatch.setattr(client, "_EngineClient", refuse)
    with pytest.raises(EngineError) as raised:
        client.connect(Engine("unix:///run/somewhere.sock"))
    assert str(reason.strerror) in raised.value.what
    assert hint in raised.value.hint
