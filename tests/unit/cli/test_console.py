"""What is a terminal, what a closed one ends, which signals interrupt, and whose index page is written."""

import os
import signal
import time
from pathlib import Path

import pytest

from harness.campaign import CampaignListener
from harness.cli import build_abort, handle_interrupts, show_cursor
from harness.cli.console import PipedConsole, can_redraw, is_on_terminal, out, write_index
from harness.cli.progress import LineProgress
from harness.cli.run import open_listener
from harness.report import render_index


def open_and_return_listener() -> CampaignListener:
    with open_listener() as listener:
        return listener


def test_a_pipe_is_no_terminal_though_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert out.is_terminal
    assert not is_on_terminal()
    assert isinstance(open_and_return_listener(), LineProgress)


def test_a_terminal_that_can_not_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(out.file, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert can_redraw()
    monkeypatch.setenv("TERM", "dumb")
    assert is_on_terminal()
    assert isinstance(open_and_return_listener(), LineProgress)


def test_a_reader_who_has_left_ends_no_command() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as pipe:
        console = PipedConsole(file=pipe)
        console.print("one")
        console.print("two")
    assert console.quiet


@pytest.mark.parametrize("is_ignored", [True, False])
def test_a_hangup_interrupts_unless_it_is_ignored_as_by_nohup(is_ignored: bool) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    seen: list[int] = []

    def note_signal(number: int, _frame: object) -> None:
        seen.append(number)

    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
        handle_interrupts(note_signal)
        for number in numbers:
            signal.raise_signal(number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert seen == [signal.SIGINT, signal.SIGTERM, *([] if is_ignored else [signal.SIGHUP])]


def test_the_index_is_written_again(tmp_path: Path) -> None:
    write_index(tmp_path)
    index = tmp_path / "index.html"
    assert index.read_text() == render_index([])
    index.write_text(render_index([]) + "an older one")
    write_index(tmp_path)
    assert index.read_text() == render_index([])


def test_a_page_of_somebody_else_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = tmp_path / "index.html"
    index.write_text("<!doctype html><title>My shop</title>")
    write_index(tmp_path)
    assert "My shop" in index.read_text()
    assert "index.html is another page, and is kept" in capsys.readouterr().out


def test_a_terminal_has_its_cursor_again_after_an_abort_and_a_pipe_gets_nothing() -> None:
    terminal, side = os.openpty()
    reading, writing = os.pipe()
    for descriptor in (side, writing):
        show_cursor(descriptor)
        os.close(descriptor)
    assert os.read(terminal, 100) == b"\x1b[?25h"
    assert os.read(reading, 100) == b""
    os.close(terminal)
    os.close(reading)


def test_a_signal_that_is_sent_twice_at_once_is_one_and_a_later_one_aborts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A closed terminal sends two hangups. The containers are removed between the first and the abort."""
    now_s, codes = 100.0, list[int]()
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    monkeypatch.setattr(os, "_exit", codes.append)
    abort = build_abort(100.5)
    abort(signal.SIGHUP, None)
    assert codes == []
    now_s = 100.5
    abort(signal.SIGINT, None)
    assert codes == [130]
