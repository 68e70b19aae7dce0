"""Render the golden texts of the reports. `python -m tests.unit.report.golden` renews them."""

from pathlib import Path

from harness.report import (
    build_view,
    render_csv,
    render_junit,
    render_markdown,
    render_table,
    write_recommendation,
)
from tests.unit.report import example

FOLDER = Path(__file__).parent / "golden_files"


def render_texts() -> dict[str, str]:
    """Return the text of each golden file, by the file's name."""
    complete, undecided, running = (
        example.build_campaign(),
        example.build_campaign_with_undecided_sizes(),
        example.build_running_campaign(),
    )
    tables = [
        render_table(build_view(result), width)
        for result in (complete, undecided, running)
        for width in (120, 80)
    ]
    return {
        "tables.txt": "\n\n".join(tables) + "\n",
        "sentences.txt": "".join(
            f"{write_recommendation(build_view(result))}\n" for result in (complete, undecided, running)
        ),
        "summary.csv": render_csv(complete),
        "summary.md": render_markdown(build_view(complete)),
        "junit.xml": render_junit(build_view(undecided), undecided.started_at),
    }


if __name__ == "__main__":
    for name, text in render_texts().items():
        (FOLDER / name).write_bytes(text.encode())
