"""HTML that cannot do anything: escaped text in a few elements, and no script, link or picture from elsewhere.

What is `Html` has been escaped; nothing else is put into a page, which the type checker sees to.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import NewType

from api.render import visible

Html = NewType("Html", str)


def text(value: str) -> Html:
    """Text as it is, isolated from the direction of what stands around it; what would be obeyed, not
    shown, is written as escapes.
    """
    return Html(f"<bdi>{escape(visible(value))}</bdi>")


def element(name: str, *inner: Html, css: str | None = None) -> Html:
    """An element around these."""
    of_class = f' class="{css}"' if css else ""
    return Html(f"<{name}{of_class}>{''.join(inner)}</{name}>")


def link(page: str, label: str) -> Html:
    """A link to another page of the archive."""
    return Html(f'<a href="{escape(page)}">{escape(label)}</a>')


def table(header: Sequence[str], rows: Iterable[Sequence[Html]]) -> Html:
    """A table with a line of headings."""
    head = element("tr", *(element("th", text(name)) for name in header))
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    return element("table", element("thead", head), element("tbody", *body))


def pairs(named: Iterable[tuple[str, Html]]) -> Html:
    """Names with their values, one below the other; nothing for none."""
    listed = [element("dt", text(name)) + element("dd", value) for name, value in named]
    return Html(f"<dl>{''.join(listed)}</dl>") if listed else Html("")


def together(*parts: Html) -> Html:
    """One after the other."""
    return Html("\n".join(parts))


def page(language: str, title: str, navigation: Iterable[Html], body: Html) -> bytes:
    """A whole page. Its policy lets it show itself and its own style, and nothing else happen."""
    whole = _template().substitute(
        language=escape(language),
        title=escape(visible(title)),
        style=_style(),
        digest=_digest(),
        navigation=element("nav", *navigation),
        body=body,
    )
    return whole.encode()


@cache
def _template() -> Template:
    return Template(_file("page.html"))


@cache
def _style() -> str:
    return _file("page.css").strip()


@cache
def _digest() -> str:
    """The style by its hash: CSP level 3, § 6.7.3.3."""
    digest = hashlib.sha256(_style().encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _file(name: str) -> str:
    return files("api.archive").joinpath(name).read_text(encoding="utf-8")
