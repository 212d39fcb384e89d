"""What a person sees and does in a page of JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Request, expect

from seer_rpc.execution.notebook_client import NotebookClient


class Seen:
    """What a page did beside showing something."""

    def __init__(self, page: Page) -> None:
        self.requested: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))


def cells(page: Page) -> Locator:
    return page.locator(".jp-Notebook .jp-Cell")


def outputs(page: Page, text: str) -> Locator:
    return page.locator(".jp-OutputArea-output").get_by_text(text, exact=True)


def notes(page: Page, text: str) -> Locator:
    return page.locator(".jp-RenderedMarkdown").get_by_text(text, exact=True)


def editor(page: Page) -> Locator:
    """Give where a person types, once they can."""
    found = page.locator(".jp-Cell.jp-mod-active .cm-content")
    expect(found).to_be_focused()
    return found


def add_cell(page: Page) -> None:
    """Have a person add a cell below the last one, and put the cursor into it."""
    cells(page).last.locator(".jp-InputPrompt").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    expect(editor(page)).to_have_text("")


def is_save(request: Request) -> bool:
    return request.method == "PUT" and "/api/contents/" in request.url


def save(page: Page) -> None:
    with page.expect_response(lambda each: is_save(each.request)):
        page.keyboard.press("Control+s")


def eventually(session: NotebookClient, what: Callable[[list[dict[str, Any]]], bool]) -> Any:
    """Wait until the notebook is so; gives its cells."""
    for _ in range(300):
        found = session.notebook()["cells"]
        if what(found):
            return found
        session.exec("import time; time.sleep(0.1)", hidden=True)
    raise AssertionError(found)


def sources(session: NotebookClient) -> list[str]:
    return [each["source"] for each in session.notebook()["cells"]]


def assert_same(page: Page, session: NotebookClient) -> None:
    """Check that the page shows the notebook's cells, in their order."""
    expected = [each["source"].replace("\n", "") for each in session.notebook()["cells"]]
    expect(page.locator(".jp-Notebook .jp-InputArea-editor")).to_have_text(expected)
