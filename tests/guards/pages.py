"""Reads runbooks: front matter, headings, and fenced blocks by language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.guards.repository import ROOT

FOLDER = ROOT / "runbooks"


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def front(self) -> dict[str, Any]:
        """The lines between the first two `---`."""
        loaded = yaml.safe_load(self.text.split("---\n")[1])
        assert isinstance(loaded, dict)
        return loaded

    @property
    def headings(self) -> list[str]:
        """Level two, in order."""
        return re.findall(r"^## (.+)$", self.text, re.MULTILINE)

    def blocks(self, language: str) -> list[str]:
        """The contents of fenced blocks of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    @property
    def commands(self) -> list[str]:
        """Every `hookdesk …` line of shell blocks and every `hookdesk …` in the prose."""
        fenced = [line for block in self.blocks("sh") for line in block.splitlines() if line.startswith("hookdesk")]
        prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        return fenced + re.findall(r"`(hookdesk [a-z][^`]*)`", prose)

    @property
    def links(self) -> list[str]:
        """Relative targets of links, without anchors."""
        targets = re.findall(r"\]\(([^)#]+)[^)]*\)", self.text)
        return [target for target in targets if "://" not in target]

    @property
    def anchors(self) -> list[tuple[str, str]]:
        """Links into a page: (relative path, anchor)."""
        return re.findall(r"\]\(([^):#]+)#([^)]+)\)", self.text)

    @property
    def own_anchors(self) -> set[str]:
        """What its headings are called in links."""
        titles = re.findall(r"^#+ (.+)$", self.text, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def words(self, pattern: str) -> set[str]:
        """All matches of a pattern anywhere on the page."""
        return set(re.findall(pattern, self.text))


def pages() -> list[Page]:
    """Every page in runbooks/."""
    return [Page(path) for path in sorted(FOLDER.glob("*.md"))]


def alert_pages() -> list[Page]:
    """The pages that belong to an alert."""
    return [page for page in pages() if page.text.startswith("---\n") and page.path.name != "TEMPLATE.md"]


def rules() -> list[dict[str, Any]]:
    """The alert rules."""
    loaded = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]
