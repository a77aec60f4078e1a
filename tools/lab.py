"""A JupyterLab and a headless browser in front of it, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "snnlab"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# As root in a container, without a graphics card, without asking the internet for anything.
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
# Ten times what starting, or running a notebook, and answering a click take: a machine may be slow.
RUN_SECONDS, ANSWER_SECONDS = 900, 120
OPEN = "path => jupyterapp.commands.execute('docmanager:open', {path})"
# What is not saved would be asked about.
CLOSE = """async () => {
    await jupyterapp.commands.execute('docmanager:save');
    await jupyterapp.serviceManager.sessions.shutdownAll();
    await jupyterapp.commands.execute('application:close-all');
}"""


def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


@contextmanager
def served(
    folder: Path,
    state: Path,
    *,
    no_delay: bool = True,
    whole_page: bool = False,
    policy: str = "",
) -> Iterator[str]:
    """Serve a folder's notebooks and yield the address that a notebook's name is added to.

    `state` is an empty folder for all that JupyterLab keeps. Without `no_delay` the server is as
    Jupyter starts it. With `whole_page` cells that are out of sight are drawn too, so that they can
    be looked at; that slows down all others. A `policy` is the
    Content-Security-Policy of all pages.
    """
    settings = state / "settings" / "@jupyterlab"
    for plugin, values in {
        "notebook-extension/tracker": {"windowingMode": "none"} if whole_page else {},
        "apputils-extension/themes": {"theme": "JupyterLab Light"},
    }.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    port = _free_port()
    environment = os.environ | {
        "JUPYTERLAB_SETTINGS_DIR": str(settings.parent),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_CONFIG_PATH": str(ROOT / "binder" / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
    }
    options = [f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}", "--allow-root"]
    options.append("--LabApp.expose_app_in_browser=True")  # as `jupyterapp`
    if policy:
        headers = {"headers": {"Content-Security-Policy": policy}}
        options.append(f"--ServerApp.tornado_settings={headers}")
    if not no_delay:
        usual = "jupyter_server.services.kernels.connection.channels.ZMQChannelsWebsocketConnection"
        options.append(f"--ServerApp.kernel_websocket_connection_class={usual}")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", *options, str(folder)]
    with (state / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        if not _answers(f"http://localhost:{port}/api?token={TOKEN}", server):
            raise RuntimeError("JupyterLab did not start: " + (state / "lab.log").read_text())
        yield f"http://localhost:{port}/lab/tree/{{}}?token={TOKEN}&reset"
    finally:
        server.terminate()
        server.wait(RUN_SECONDS)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a headless browser."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), timeout=1000 * ANSWER_SECONDS
        )
        yield found
        found.close()


def copy(notebook: Path, folder: Path) -> None:
    """Copy a notebook without its outputs, so that it can be seen which cells have run."""
    book = nbformat.read(notebook, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(book, folder / notebook.name)


def run_all(page: Page, address: str, notebook: Path) -> None:
    """Open a copied notebook, run all its cells in a fresh kernel, and wait until they are done.

    On a page that shows another notebook already, JupyterLab is not loaded once more.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    code = sum(cell.cell_type == "code" for cell in cells)
    page.set_default_timeout(1000 * ANSWER_SECONDS)
    if page.url == "about:blank":
        page.goto(address.format(notebook.name), wait_until="domcontentloaded")
    else:
        page.evaluate(OPEN, notebook.name)
    # Before the kernel is there, running all cells does nothing.
    page.wait_for_selector(".jp-StatusBar-TextItem:has-text('| Idle')", timeout=1000 * RUN_SECONDS)
    page.keyboard.press("Escape")
    page.click(".lm-MenuBar-itemLabel:text-is('Run')")
    page.click(".lm-Menu-itemLabel:text-is('Run All Cells')")
    page.wait_for_function(
        """cells => {
            const failed = document.querySelector('[data-mime-type$="jupyter.error"]');
            if (failed) throw new Error(failed.textContent);
            // A folded cell shows no number when it has run.
            const models = [...jupyterapp.shell.currentWidget.content.model.cells];
            return models.filter(model => model.executionCount).length == cells;
        }""",
        arg=code,
        timeout=1000 * RUN_SECONDS,
        polling=250,  # in milliseconds; by default at every frame, which keeps a core busy
    )


def close(page: Page) -> None:
    """Save and close what the page shows, and shut its kernel down; JupyterLab stays."""
    page.evaluate(CLOSE)
    page.wait_for_selector(".jp-Notebook", state="detached")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def _answers(address: str, server: subprocess.Popen) -> bool:
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=60):
                return True
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    return False
