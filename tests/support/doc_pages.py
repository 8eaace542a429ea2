"""The pages of documentation."""

from __future__ import annotations

from pathlib import Path

from gridflex.config import ROOT


def pages() -> list[Path]:
    """README and every page below docs and infra."""
    folders = (ROOT / "docs", ROOT / "infra")
    return [ROOT / "README.md", *sorted(page for folder in folders for page in folder.rglob("*.md"))]
