"""The site names every page, and every link within the documentation leads somewhere."""

import importlib.util
import re

import pytest
import yaml
from documented_commands import PAGES, ROOT, named

DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Pages that the site makes itself, from README.md, CHANGELOG.md and the package.
MADE = {"index.md", "changelog.md", "reference.md"}


def nav_pages(entries):
    for entry in entries:
        for value in entry.values():
            yield from [value] if isinstance(value, str) else nav_pages(value)


def anchors(page):
    """Return the anchors of a page's headings as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    plain = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"[\s]+", "-", heading) for heading in plain}


def test_the_navigation_names_every_page_once():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    named_there = list(nav_pages(nav))
    assert sorted(named_there) == sorted({page.name for page in DOCS.glob("*.md")} | MADE)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M)
    for link in LINK.findall(text):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{named(page)} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{named(page)} links to {link}"


def test_the_gallery_shows_every_figure_and_its_script():
    text = (DOCS / "gallery.md").read_text("utf-8")
    scripts = sorted((DOCS / "gallery").glob("*.py"))
    assert len(scripts) >= 6
    for script in scripts:
        assert f'--8<-- "gallery/{script.name}"' in text
        assert f"gallery/{script.stem}.jpg" in text


def test_the_reference_lists_each_exported_call_once():
    path = ROOT / "tools" / "site_pages.py"
    spec = importlib.util.spec_from_file_location("site_pages", path)
    site_pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site_pages)
    shown = re.findall(r"^::: (\S+)$", site_pages.reference(), re.M)
    assert len(shown) == len(set(shown)) > 80
    assert "fechner.study.heatmaps.heatmap.heatmap" in shown
