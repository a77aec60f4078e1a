"""The settings that `make lab` and Binder start Jupyter with."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.services.kernels.connection import channels

import snnlab_server

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = ROOT / "binder" / "jupyter"
SERVER = json.loads((CONFIG / "jupyter_server_config.json").read_text())
CLASS = SERVER["ServerApp"]["kernel_websocket_connection_class"]


def test_messages_are_sent_at_once_before_the_first_one(monkeypatch):
    done = []

    class Handler:
        def set_nodelay(self, value):
            done.append(("nodelay", value))

    usual = channels.ZMQChannelsWebsocketConnection
    monkeypatch.setattr(usual, "connect", lambda self: done.append("connect") or "future")
    connection = object.__new__(snnlab_server.NoDelay)
    monkeypatch.setattr(usual, "websocket_handler", Handler())
    assert connection.connect() == "future"
    assert done == [("nodelay", True), "connect"]


def test_the_settings_name_a_class_that_exists():
    module, _, name = CLASS.rpartition(".")
    assert getattr(importlib.import_module(module), name) is snnlab_server.NoDelay


def test_the_server_module_does_not_load_torch():
    code = "import sys, snnlab_server; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def shown_config(environment):
    command = [sys.executable, "-m", "jupyter_server", "--show-config-json"]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_jupyter_reads_the_settings(tmp_path):
    own = {"JUPYTER_CONFIG_DIR": str(tmp_path)}
    assert CLASS not in shown_config(own)
    assert CLASS in shown_config(own | {"JUPYTER_CONFIG_PATH": str(CONFIG)})


def test_make_lab_uses_them():
    done = subprocess.run(
        ["make", "-n", "lab", "PYTHON=true"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = [line for line in done.stdout.splitlines() if "jupyterlab" in line]
    begin = re.match(r'JUPYTER_CONFIG_PATH="([^"$:]+)', line)
    assert (ROOT / begin[1]).samefile(CONFIG)


def test_binder_puts_them_where_jupyter_looks(tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\necho '{tmp_path}/prefix'\n")
    python.chmod(0o755)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [ROOT / "binder" / "postBuild"], cwd=ROOT, env=os.environ | {"PATH": path}, check=True
    )
    placed = tmp_path / "prefix" / "etc" / "jupyter"
    files = [file.relative_to(CONFIG) for file in CONFIG.rglob("*.json")]
    assert len(files) == 2
    for file in files:
        assert (placed / file).read_text() == (CONFIG / file).read_text()


def test_the_question_about_news_is_switched_off():
    page = json.loads((CONFIG / "labconfig" / "page_config.json").read_text())
    assert page == {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}


def test_the_readme_has_the_line_for_other_servers():
    option = f"--ServerApp.kernel_websocket_connection_class={CLASS}"
    assert option in (ROOT / "README.md").read_text()
    assert option in snnlab_server.__doc__
