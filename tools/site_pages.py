"""Pages of the site that are made when it is built, by MkDocs' hooks.

The front page is README.md, the changelog CHANGELOG.md, and the reference lists what ``fechner``
and its rooms export, each call once, where its docstring stands.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHIM = "assets/javascripts/iframe-worker.js"
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
ROOMS = sorted(
    ".".join(("fechner", *stub.parent.relative_to(ROOT / "fechner").parts))
    for stub in (ROOT / "fechner").rglob("__init__.pyi")
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that no file of docs/ holds."""
    from mkdocs.structure.files import File

    for name, text in {
        "index.md": seen_from_docs((ROOT / "README.md").read_text("utf-8")),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text("utf-8"),
        "reference.md": reference(),
    }.items():
        files.append(File.generated(config, name, content=text))
    return files


def seen_from_docs(text: str) -> str:
    """Return README's text with its links as a page of docs/ writes them.

    >>> seen_from_docs("[a](docs/a.md) ![b](docs/img/b.jpg)")
    '[a](a.md) ![b](img/b.jpg)'
    """
    return text.replace("](docs/", "](")


def reference() -> str:
    """Return the page of exported calls, each shown once and named again in further rooms."""
    lines = [
        "# Calls",
        "",
        "What `fechner` and its rooms export, by room.",
        "",
    ]
    shown: set[str] = set()
    for room in sorted(ROOMS, key=lambda room: (room != "fechner", room)):
        module = importlib.import_module(room)
        lines += [f"## {room}", ""]
        for name in module.__all__:
            path = _where(getattr(module, name))
            if path is None:
                lines += [f"`{name}`", ""]
            elif path in shown:
                lines += [f"`{name}`: [above][{path}]", ""]
            else:
                lines += [f"::: {path}", ""]
                shown.add(path)
    return "\n".join(lines)


def _where(value: Any) -> str | None:
    """Return where a function or class is written; constants have no place of their own."""
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return None
    return f"{value.__module__}.{value.__qualname__}"


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Take the theme's one script from elsewhere, which search in a folder needs, from the site."""
    from mkdocs.utils import get_relative_url

    return output.replace(SHIM_ELSEWHERE, get_relative_url(SHIM, page.url))


def on_post_build(config: Any) -> None:
    """Put that script into the site."""
    from mkdocs.utils import copy_file

    copy_file(str(ROOT / "tools" / "site" / "iframe-worker.js"), f"{config['site_dir']}/{SHIM}")


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """Do the same for the page that tells of a missing one."""
    return output.replace(SHIM_ELSEWHERE, f"/{SHIM}")
