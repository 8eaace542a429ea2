"""Every page says whom it is for and is in the index; its links and paths exist; its words are plain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gridflex.config import ROOT
from tests.support.doc_pages import pages

INDEX = ROOT / "docs" / "README.md"
DECISIONS = ROOT / "docs" / "adr"
GUIDES = [page for page in pages() if DECISIONS not in page.parents]
_LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[[^]]+\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"`((?:gridflex|ingestion|stream_processing|batch|database|docs|frontend|infra|schemas|tests|benchmarks)/[\w./-]+)`"
)
RIDDLES = (
    r"exactly once through kills",
    r"what is bad is kept",
    r"\bforgets it\b",
    r"says in its log what is wrong with which day",
    r"\bmake (truths|engines|ways|kills)\b",
    r"\b(sift|sifts|sifted|verdicts?|Teller|lacks|ascent|bakes? off|outlooks?|diar(y|ies)|weigh(s|ed)?)\b",
    r"\b(is|are|was|were|be|been) told\b",
    r"\bwhoever\b",
    r"\bas it pleases\b",
    r"\bmade anew\b",
    r"\bnot to be had\b",
)
"""What only its author understands. In code (a data source, a JSON field) such names are fine."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """A page without code."""
    return re.sub(r"`[^`]+`", "CODE", re.sub(r"^```.*?^```|^    [^\n]*$", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_page__opens_with_whom_it_is_for(page: Path) -> None:
    title, _, rest = text_of(page).partition("\n")
    opening = " ".join(rest.split("\n## ")[0].split())
    assert title.startswith("# ")
    found = re.search(r"[Tt]his page is for ([^.]+)\.", opening)
    assert found, "say above the first heading: 'This page is for WHOM.'"
    assert len(found[1].split()) >= 2
    assert len(re.sub(re.escape(found[0]), "", prose(rest.split("\n## ")[0])).split()) >= 8, (
        "say what the page is about"
    )


def test_page__is_listed_in_the_index() -> None:
    linked = {(INDEX.parent / target.split("#")[0]).resolve() for target in _LINK.findall(text_of(INDEX))}
    unlisted = [name_of(page) for page in GUIDES if page != INDEX and page.resolve() not in linked]
    assert unlisted == [], "list it in docs/README.md"
    assert "docs/README.md" in text_of(ROOT / "README.md")


@pytest.mark.parametrize("page", [*pages(), ROOT / "CHANGELOG.md"], ids=name_of)
def test_link__leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    dead = []
    for target in _LINK.findall(text_of(page)) + _IMAGE.findall(text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in anchors(text_of(path))):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_path__exists(page: Path) -> None:
    named = [path for path in _PATH.findall(text_of(page)) if not re.search(r"/[A-Z]+(/|$)", path)]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_page__has_no_riddle(page: Path) -> None:
    found = [match[0] for riddle in RIDDLES for match in re.finditer(riddle, prose(text_of(page)))]
    assert found == []
