"""The client is a package of its own: it needs what it declares, and nothing of the platform."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from arena_client import __version__
from tests.processes import ROOT

FOLDER = ROOT / "arena_client"
PROJECT: dict[str, Any] = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
PLATFORM = ("django", "rest_framework", "arena", "evaluations", "leaderboard", "workers", "simlab")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_it_imports_what_it_declares_and_no_more() -> None:
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["video"]]
    declared = {re.split(r"[<>=]", one)[0] for one in needed}
    used = set().union(*(imported(path) for path in FOLDER.glob("*.py"))) - set(sys.stdlib_module_names)
    assert used == {*declared, "arena_client"}


def test_its_version_is_said_once() -> None:
    assert PROJECT["version"] == __version__


@pytest.mark.slow
def test_it_runs_where_there_is_no_platform(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "arena_client", ignore=shutil.ignore_patterns("__pycache__", "build"))
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
for name in {PLATFORM!r}:
    sys.modules[name] = None
import arena_client.__main__, arena_client.pretend
assert arena_client.__file__.startswith({str(tmp_path)!r})
sys.exit(arena_client.__main__.main(["rollout", "--address", "ws://127.0.0.1:1",
                                     "--station", "arena_client.pretend:PretendStation"]))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "arena-client: ConnectionRefusedError\n")


@pytest.mark.slow
def test_it_can_be_built_as_a_package(tmp_path: Path) -> None:
    """By setuptools alone, as pip does, without a network."""
    pytest.importorskip("setuptools")
    shutil.copytree(FOLDER, tmp_path / "arena_client", ignore=shutil.ignore_patterns("__pycache__", "build"))
    code = "from setuptools.build_meta import build_sdist; build_sdist('out')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "arena_client", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [built] = (tmp_path / "arena_client" / "out").iterdir()
    with tarfile.open(built) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.name for path in FOLDER.glob("*.py")} | {"py.typed"} <= inside
