"""Open pages in a browser with a record of what they log and load, and store campaigns for an index."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from harness.report import render_ab
from tests.unit.report import ab_example

HOSTILE = "</script><script>window.hit = 1</script><img src=http://127.0.0.1:9/x onerror='window.hit = 2'>"
"""A text that would run a script and load an image if a page took it for markup."""


@dataclass(slots=True)
class OpenPage:
    """An open page with the errors that it logged and the requests that it made."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def open_page(context: BrowserContext, html: str, folder: Path) -> OpenPage:
    """Open a page as a file of the folder."""
    file = folder / "page.html"
    file.write_text(html)
    opened = OpenPage(context.new_page())
    opened.page.on("console", lambda message: opened.errors.append(message.text))
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(file.as_uri())
    return opened


def unfold_details(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach(details => { details.open = true; })")


def store_comparison(results: Path, target: str) -> None:
    """Store the answer of a comparison of two versions, 20260103-web-ab, all of whose names are `target`."""
    record = ab_example.build_record(base=target, head=target, target=target)
    (results / "20260103-web-ab").mkdir()
    (results / "20260103-web-ab/ab.json").write_text(render_ab(record)["ab.json"])


def store_two_campaigns(results: Path, target: str) -> None:
    """Store the summaries of two campaigns, 20260101-web and 20260102-web, with one size each."""
    size = {"cpu_cores": 0.5, "memory_bytes": 1 << 28, "status": "bracketed"}
    for name, users in (("20260101-web", 100), ("20260102-web", 130)):
        cell = {**size, "sustained_users": users, "broken_users": users + 5}
        summary = {"format": 1, "target": target, "state": "complete", "users_limit": 400, "cells": [cell]}
        (results / name).mkdir()
        (results / name / "summary.json").write_text(json.dumps(summary))
