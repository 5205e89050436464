"""Check the built site without a network: links, anchors, alternative texts, search.

    python docs/_ext/check_site.py docs/_build/html

Prints every fault with its page and exits with 1 if there is one.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes that name a file of the site.
LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """Links, anchors and images of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.without_text: list[str] = []
        self.ids: list[str] = []
        self._thumbnails = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element links to, is called and shows."""
        values = dict(attrs)
        if values.get("id"):
            self.anchors.add(str(values["id"]))
            self.ids.append(str(values["id"]))
        if tag == "a" and values.get("name"):
            self.anchors.add(str(values["name"]))
        if tag in LINKS and values.get(LINKS[tag]):
            self.links.append(str(values[LINKS[tag]]))
        # An empty text is right where an image stands beside its own title; none at all never is.
        if tag == "img" and (
            "alt" not in values or (not values["alt"] and "sphx_glr" not in str(values.get("src")))
        ):
            self.without_text.append(str(values.get("src")))


def read(file: Path) -> Page:
    """Parse a page."""
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> list[str]:
    """Everything wrong, a line each."""
    # The theme keeps a template of its own among the static files, which is no page.
    files = [file for file in sorted(site.rglob("*.html")) if site / "_static" not in file.parents]
    pages = {file.resolve(): read(file) for file in files}
    found = []
    for file, page in pages.items():
        name = file.relative_to(site.resolve())
        found += [f"{name}: image without alternative text: {src}" for src in page.without_text]
        twice = sorted({anchor for anchor in page.ids if page.ids.count(anchor) > 1})
        found += [f"{name}: the id {anchor!r} stands twice" for anchor in twice]
        for link in sorted(set(page.links)):
            fault = _fault(file, link, pages)
            if fault:
                found.append(f"{name}: {link}: {fault}")
    index = site / "searchindex.js"
    if not index.exists() or '"quickstart"' not in index.read_text(encoding="utf-8"):
        found.append("searchindex.js: the search finds nothing")
    return found


def _fault(file: Path, link: str, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme in ("mailto", "data"):
        return None
    if parts.scheme or parts.netloc:
        return None if parts.scheme == "https" else "not https"
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.exists():
        return "no such file"
    if parts.fragment and target in pages:
        anchors = pages[target].anchors
        if unquote(parts.fragment) not in anchors:
            return "no such anchor"
    return None


def main() -> int:
    """Check the site named on the command line."""
    site = Path(sys.argv[1])
    found = faults(site)
    print("\n".join(found) if found else f"{site}: links, anchors and alternative texts are fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
