"""Files are read again only if they have changed."""

import os
from pathlib import Path

import pytest

from harness.store.file_changes import FileCache, find_state


class Reader:
    """Reads two files, either of which may be missing, and counts how often."""

    def __init__(self, folder: Path) -> None:
        self.paths = [folder / "one", folder / "two"]
        self.cache = FileCache[list[str]]()
        self.reads = 0

    def read(self) -> list[str]:
        return self.cache.read(self.paths, self._load)

    def _load(self) -> list[str]:
        self.reads += 1
        return [path.read_text() for path in self.paths if path.exists()]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    reader = Reader(tmp_path)
    reader.paths[0].write_text("first")
    assert reader.read() == ["first"]
    return reader


def test_what_has_not_changed_is_not_read_again(reader: Reader) -> None:
    assert reader.read() == ["first"]
    assert reader.reads == 1


def test_a_file_that_grows_comes_or_goes_is_read_again(reader: Reader) -> None:
    reader.paths[0].write_text("longer than first")
    assert reader.read() == ["longer than first"]
    reader.paths[1].write_text("second")
    assert reader.read() == ["longer than first", "second"]
    reader.paths[0].unlink()
    assert reader.read() == ["second"]
    assert reader.reads == 4


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_read_again(reader: Reader) -> None:
    path = reader.paths[0]
    status = path.stat()
    new = path.with_name("new")
    new.write_text("FIRST")
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(path)
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert reader.read() == ["FIRST"]


def test_the_same_files_of_another_folder_are_others(reader: Reader, tmp_path: Path) -> None:
    """A link such as results/latest leads to a new campaign, which may lack the same files."""
    (tmp_path / "other").mkdir()
    reader.paths = [tmp_path / "other/one", tmp_path / "other/two"]
    assert reader.read() == []


def test_what_fails_is_tried_again_and_hides_nothing(reader: Reader) -> None:
    """Two bytes of no text fail twice, although nothing changes between."""
    reader.paths[0].write_bytes(b"\xff\xff")
    for _ in range(2):
        with pytest.raises(UnicodeDecodeError):
            reader.read()
    assert reader.reads == 3


def test_a_state_tells_when_a_file_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert find_state(path) is None
    path.write_text("x")
    os.utime(path, (7, 1234.5))
    state = find_state(path)
    assert state is not None
    assert (state.written_at_s, state.size_bytes) == (1234.5, 1)
    assert find_state(path / "below a file") is None
