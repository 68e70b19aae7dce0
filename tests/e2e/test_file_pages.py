"""Every container reads its image's files itself, so that it needs as much memory as on a host of its own."""

import pytest

from harness.measure.docker import creation
from harness.measure.docker.client import connect
from harness.measure.docker.container import DockerTarget
from harness.measure.docker.file_pages import shares_file_pages
from harness.model import DEFAULT_ENGINE, MIB
from tests.contract.backends import Backend, open_real_backend

pytestmark = pytest.mark.e2e


def count_file_bytes(backend: Backend) -> int:
    """Return how many bytes of files a fresh container holds once it answers, by either cgroup version."""
    with backend.run(backend.build_target()) as running:
        assert isinstance(running, DockerTarget)
        container = running.replicas[0]
        memory = container.client.stats(container.container_id, stream=False, one_shot=True)["memory_stats"]
        counters = memory["stats"]
        return int(counters.get("total_cache", counters.get("file", 0)))


def test_each_container_of_an_image_pays_for_the_files_of_its_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python's own files are some MiB. If their pages are not dropped, the next container gets them free."""
    client = connect(DEFAULT_ENGINE)
    assert not shares_file_pages(client.info(), is_local=True)
    with open_real_backend() as backend:
        own = [count_file_bytes(backend) for _ in range(3)]
        monkeypatch.setattr(creation, "drop_file_pages", lambda *_: True)
        shared = count_file_bytes(backend)
    client.close()
    assert min(own) > 3 * MIB
    assert max(own) < 1.2 * min(own)
    assert shared < 0.5 * min(own)
