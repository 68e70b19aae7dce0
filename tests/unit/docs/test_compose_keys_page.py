"""The page on the keys of compose files says what the reader of these files does."""

from tests.unit.pages import ROOT
from tools.compose_keys import PAGE, write_page


def test_the_page_has_every_key_with_what_becomes_of_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == write_page()


def test_the_guide_leads_to_it() -> None:
    guide = (ROOT / "docs/guides/compose.md").read_text(encoding="utf-8")
    assert "](../compose-keys.md)" in guide
