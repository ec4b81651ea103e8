"""What we did not write ourselves is exactly what its publisher published."""

import base64
import hashlib
import json
import re

from django.conf import settings

VENDOR = settings.BASE_DIR / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))["packages"]
PINNED: dict[str, str] = {path: pin for package in PACKAGES for path, pin in package["files"].items()}


def _integrity(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def test_vendored_files_are_those_of_the_manifest() -> None:
    kept = {
        path.relative_to(VENDOR).as_posix(): _integrity(path.read_bytes())
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert kept == PINNED


def test_each_package_brings_its_licence() -> None:
    for package in PACKAGES:
        assert any(path.endswith("LICENSE") for path in package["files"]), package["name"]


def test_pages_load_vendored_scripts_only_with_their_hash() -> None:
    base = (settings.BASE_DIR / "templates" / "base.html").read_text(encoding="utf-8")
    tags = re.findall(r"<script[^>]*'vendor/([^']+)'[^>]*integrity=\"([^\"]+)\"", base)
    assert tags
    assert len(tags) == base.count("vendor/")
    assert all(PINNED[path] == integrity for path, integrity in tags)


def test_scripts_that_load_others_name_their_hash() -> None:
    script = (settings.BASE_DIR / "static" / "js" / "uploads" / "transfer.js").read_text(encoding="utf-8")
    assert "vendor/tus/tus.min.js" in script
    assert re.findall(r'"(sha384-[^"]+)"', script) == [PINNED["tus/tus.min.js"]]
