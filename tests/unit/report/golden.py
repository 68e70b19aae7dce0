"""The golden texts of the report room. `python -m tests.unit.report.golden` renews them: read the diff."""

import json
from dataclasses import asdict
from pathlib import Path

from harness.model import CampaignResult
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


def spoken_view(result: CampaignResult) -> str:
    """The view model as JSON, without the raw results that it carries along for charts."""
    plain = asdict(build_view(result))
    del plain["sizing"]
    for cell in plain["cells"]:
        del cell["result"]
        for step in cell["steps"]:
            del step["result"]
    plain["grid"]["sizes"] = {
        f"{cpu[1]} x {cpu[0]:g} {memory}": len(cells)
        for (cpu, memory), cells in plain["grid"]["sizes"].items()
    }
    plain["grid"]["borders"] = {
        f"{cpu[1]} x {cpu[0]:g} {memory}": sides for (cpu, memory), sides in plain["grid"]["borders"].items()
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def texts() -> dict[str, str]:
    """File name to the text that belongs in it."""
    nine, doubt, half = example.campaign(), example.with_doubt(), example.half_way()
    tables = [
        render_table(build_view(result), width) for result in (nine, doubt, half) for width in (120, 80)
    ]
    return {
        "view.json": spoken_view(nine),
        "view-with-doubt.json": spoken_view(doubt),
        "tables.txt": "\n\n".join(tables) + "\n",
        "sentences.txt": "".join(
            f"{write_recommendation(build_view(result))}\n" for result in (nine, doubt, half)
        ),
        "summary.csv": render_csv(nine),
        "summary.md": render_markdown(build_view(nine)),
        "junit.xml": render_junit(doubt),
    }


if __name__ == "__main__":
    for name, text in texts().items():
        (FOLDER / name).write_bytes(text.encode())
