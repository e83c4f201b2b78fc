"""The files of the page, read once: what is not among them when the console starts cannot be asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "page"
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file with its type and the mark by which a browser knows that its copy is still the one."""

    data: bytes
    content_type: str
    etag: str


def read_page(directory: Path = DIRECTORY) -> Mapping[str, PageFile]:
    """Every file of the page by its path in the address; `/` is the index. Links and other types are left out."""
    found: dict[str, PageFile] = {}
    for path in sorted(directory.rglob("*")):
        if path.suffix in TYPES and path.is_file() and not path.is_symlink():
            found[f"/{path.relative_to(directory).as_posix()}"] = _read(path)
    if f"/{INDEX}" in found:
        found["/"] = found[f"/{INDEX}"]
    return found


def _read(path: Path) -> PageFile:
    data = path.read_bytes()
    return PageFile(data=data, content_type=TYPES[path.suffix], etag=f'"{hashlib.sha256(data).hexdigest()[:24]}"')
