"""docs/glossary.md and the report explain the same words in the same way."""

from harness.report.view.glossary import INNER_TERMS, PAGE_TERMS
from tests.unit.docs.glossary import write_page
from tests.unit.pages import PAGES


def test_the_page_has_the_words_of_the_report() -> None:
    assert PAGES["docs/glossary.md"] == write_page(), "write it again: python -m tests.unit.docs.glossary"


def test_no_word_is_explained_twice() -> None:
    names = [term.name for term in (*PAGE_TERMS, *INNER_TERMS)]
    assert len(names) == len(set(names))


def test_the_readme_leads_to_it() -> None:
    assert "(docs/glossary.md)" in PAGES["README.md"]
