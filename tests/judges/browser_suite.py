"""A person at JupyterLab, and an agent: what a real browser shows of a session, and what it keeps.

It runs where Playwright is installed, about a session that has been started elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from seer_rpc.execution.notebook_client import NotebookClient, attach_notebook_session
from tests.judges.browser_page import (
    Seen,
    add_cell,
    assert_same,
    cells,
    editor,
    eventually,
    notes,
    outputs,
    save,
    sources,
)

URL = os.environ["SEER_JUPYTER_URL"]
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"


@pytest.fixture(scope="module")
def session() -> Iterator[NotebookClient]:
    """The agent's session."""
    session = attach_notebook_session(os.environ["SEER_SESSION"], URL)
    session.exec("print('an agent ran it')")
    session.add_markdown("# What it *means*")
    session.exec(PLOT)
    session.start("1 / 0").wait(60)
    yield session
    session.detach()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    # It runs as root, and in containers.
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    program = os.environ["SEER_CHROMIUM"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, session: NotebookClient) -> tuple[Page, Seen]:
    """A person's page, with the notebook."""
    page = browser.new_context(viewport={"width": 1200, "height": 1100}).new_page()
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    seen = Seen(page)
    page.goto(URL)
    expect(cells(page)).to_have_count(4)
    return page, seen


@pytest.fixture
def page(opened: tuple[Page, Seen]) -> Iterator[Page]:
    """The page, of which a test must not have asked a person anything, or made an error."""
    page, seen = opened
    yield page
    assert page.locator(".jp-Dialog").count() == 0
    assert seen.errors == []


def test_without_the_secret_there_is_nothing_to_see(
    browser: Browser, session: NotebookClient
) -> None:
    bare = URL.split("?")[0]
    for url in (bare, f"{bare}?token=wrong"):
        with browser.new_context() as context:
            page = context.new_page()
            answer = page.goto(url)
            assert answer is not None
            assert answer.status == 403
            assert "an agent ran it" not in page.content()


def test_the_page_shows_what_an_agent_ran(page: Page) -> None:
    expect(outputs(page, "an agent ran it")).to_be_visible()
    expect(page.get_by_role("heading", name="What it means")).to_be_visible()
    expect(page.locator(".jp-OutputArea-output").get_by_text("division by zero")).to_be_visible()
    image = page.locator(".jp-RenderedImage img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.complete && image.naturalWidth") > 100
    page.screenshot(path=os.environ["SEER_SCREENSHOT"])


def test_the_secret_is_nowhere_in_the_page(opened: tuple[Page, Seen]) -> None:
    page, seen = opened
    token = URL.split("token=")[1]
    assert [url for url in seen.requested if token in url] == [URL]
    assert {url.split("/")[2] for url in seen.requested if url.startswith("http")} == {
        URL.split("/")[2]
    }
    for place in (
        "location.href",
        "document.referrer",
        "document.documentElement.outerHTML",
        "JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie",
    ):
        assert token not in page.evaluate(place), place


def test_what_an_agent_runs_appears_while_it_runs(page: Page, session: NotebookClient) -> None:
    running = session.start(
        "import time\nfor number in range(3):\n    print(f'line {number}', flush=True)\n"
        "    time.sleep(0.3)\ntime.sleep(600)"
    )
    cell = cells(page).last
    expect(cell.locator(".jp-OutputArea-output")).to_have_text("line 0\nline 1\nline 2\n")
    expect(cell.locator(".jp-InputPrompt").last).to_have_text("[*]:")
    running.refresh()
    assert not running.is_over

    session.interrupt()
    running.wait(60)
    expect(cell.locator(".jp-OutputArea-output").last).to_contain_text("KeyboardInterrupt")
    expect(cell.locator(".jp-InputPrompt").last).not_to_have_text("[*]:")


def test_what_an_agent_edits_runs_again_and_removes_is_shown(
    page: Page, session: NotebookClient
) -> None:
    cell_id = session.exec("print('a first version')").cell_id
    note = session.add_markdown("a note")
    expect(outputs(page, "a first version")).to_be_visible()
    expect(notes(page, "a note")).to_be_visible()

    session.start("print('a second version')", cell_id=cell_id).wait(60)
    session.edit_cell(note, "another note")
    expect(outputs(page, "a second version")).to_be_visible()
    expect(outputs(page, "a first version")).to_have_count(0)
    expect(notes(page, "another note")).to_be_visible()

    session.remove_cell(note)
    expect(notes(page, "another note")).to_have_count(0)
    assert_same(page, session)


def test_what_a_person_types_stays_where_it_is(page: Page, session: NotebookClient) -> None:
    add_cell(page)
    page.keyboard.type("typed = 'before")
    session.exec("print('while a person types')")
    expect(outputs(page, "while a person types")).to_be_visible()
    page.keyboard.type(" and after'")
    session.add_markdown("more, while a person types")
    expect(notes(page, "more, while a person types")).to_be_visible()

    expect(editor(page)).to_have_text("typed = 'before and after'")
    assert "typed = 'before and after'" not in sources(session)
    save(page)
    assert sorted(sources(session)[-3:]) == [
        "more, while a person types",
        "print('while a person types')",
        "typed = 'before and after'",
    ]


def test_an_agent_reads_what_a_person_runs(page: Page, session: NotebookClient) -> None:
    add_cell(page)
    page.keyboard.type("theirs = 6 * 7; print('a person ran it')")
    page.keyboard.press("Shift+Enter")
    expect(outputs(page, "a person ran it")).to_be_visible()

    def has_it(found: list[dict[str, Any]]) -> bool:
        return any(each.get("outputs") and "a person ran it" in str(each) for each in found)

    found = eventually(session, has_it)
    (cell,) = (each for each in found if "theirs =" in each["source"])
    assert cell["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "a person ran it\n"}
    ]
    assert cell["execution_count"] > 0
    # One kernel for both.
    result = session.exec("theirs")
    assert result.text == "42\n"
    assert result.execution_count == cell["execution_count"] + 1


def test_a_person_and_an_agent_run_cells_at_once(page: Page, session: NotebookClient) -> None:
    for number in range(4):
        add_cell(page)
        running = session.start(f"import time; time.sleep(0.2); print('agent {number}')")
        page.keyboard.type(f"print('person {number}')")
        page.keyboard.press("Control+Enter")
        running.wait(60)
    expected = {f"{who} {number}\n" for who in ("agent", "person") for number in range(4)}

    def texts(found: list[dict[str, Any]]) -> list[str]:
        return [each.get("text") for cell in found for each in cell.get("outputs", ())]

    found = eventually(session, lambda found: expected <= set(texts(found)))
    for text in expected:
        assert texts(found).count(text) == 1
        expect(outputs(page, text.strip())).to_have_count(1)
    assert_same(page, session)


def test_a_cell_that_both_change_is_kept_in_both_versions(
    page: Page, session: NotebookClient
) -> None:
    cell_id = session.add_markdown("as it was")
    expect(notes(page, "as it was")).to_be_visible()
    notes(page, "as it was").click()
    page.keyboard.press("Enter")
    expect(editor(page)).to_have_text("as it was")
    page.keyboard.press("Control+a")
    page.keyboard.type("as a person wants it")
    session.edit_cell(cell_id, "as an agent wants it")
    # Once the page shows what came after that edit, it has heard of the edit, too.
    session.exec("print('after both')")
    expect(outputs(page, "after both")).to_be_visible()

    save(page)

    assert sources(session)[-3:] == [
        "as a person wants it",
        "as an agent wants it",
        "print('after both')",
    ]
    expect(notes(page, "as an agent wants it")).to_be_visible()
    page.keyboard.press("End")
    page.keyboard.type(", still")
    save(page)
    assert sources(session)[-3:-1] == ["as a person wants it, still", "as an agent wants it"]


def test_what_a_person_removes_is_gone_for_the_agent(page: Page, session: NotebookClient) -> None:
    result = session.exec("print('to be removed')")
    expect(outputs(page, "to be removed")).to_be_visible()
    cells(page).last.locator(".jp-InputPrompt").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.press("d")
    session.exec("print('after it was removed')")
    expect(outputs(page, "after it was removed")).to_be_visible()
    expect(outputs(page, "to be removed")).to_have_count(0)

    save(page)

    assert result.cell_id not in [each["id"] for each in session.notebook()["cells"]]


def test_a_second_page_shows_what_was_run_in_the_first(
    opened: tuple[Page, Seen], page: Page
) -> None:
    second = page.context.new_page()
    # The secret is not needed again: the browser is known.
    second.goto(URL.split("?")[0])
    expect(outputs(second, "a person ran it")).to_be_visible()
    add_cell(page)
    page.keyboard.type("print('for the other page')")
    page.keyboard.press("Control+Enter")

    expect(outputs(second, "for the other page")).to_be_visible()
    assert second.locator(".jp-Dialog").count() == 0
    second.close()


def test_a_page_goes_on_with_a_kernel_that_is_restarted(
    page: Page, session: NotebookClient
) -> None:
    session.restart()
    session.exec("print('after a restart')")
    expect(outputs(page, "after a restart")).to_be_visible()
    add_cell(page)
    page.keyboard.type("print('in the new kernel')")
    page.keyboard.press("Control+Enter")
    expect(outputs(page, "in the new kernel")).to_be_visible()
