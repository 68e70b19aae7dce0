"""Write docs/glossary.md from the words that the report explains: `python -m tests.unit.docs.glossary`."""

from collections.abc import Iterable
from pathlib import Path

from harness.report.view.glossary import INNER_TERMS, PAGE_TERMS, Term

PAGE = Path(__file__).parents[3] / "docs/glossary.md"


def write_page() -> str:
    """Return the whole text of the page."""
    return f"""# Glossary

The words of the harness, each with one meaning in its reports, its documentation and its code. How the
numbers come about is in [the method](method.md). `python -m tests.unit.docs.glossary` writes this page from
`harness/report/view/glossary.py`.

## Words of the report

{write_table(PAGE_TERMS)}
## Words of the files, the documentation and the code

{write_table(INNER_TERMS)}"""


def write_table(terms: Iterable[Term]) -> str:
    lines = [f"| {term.name} | {term.meaning.replace('|', chr(92) + '|')} |\n" for term in terms]
    return "| word | meaning |\n|---|---|\n" + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
