"""The site: ``uv run --only-group docs sphinx-build -nW docs SITE``. It loads nothing from the network."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

HERE = Path(__file__).parent
# Captions and pages; a page that is not there yet is left out, and one that is missing here is a warning.
NAVIGATION = {
    "Start": ("getting-started", "your-model", "your-data", "protocols", "running", "reading-the-report"),
    "The gate": ("gate", "update", "history", "ci", "many-machines", "tutorial-load"),
    "Statistics": ("statistics-in-words", "statistics", "gate-power"),
    "More questions": ("all-pairs", "identification", "large-galleries", "groups", "quality", "calibration"),
    "Faces": ("embedded-faces", "validity", "eg3d"),
    "Reference": (
        "reference/options",
        "reference/commands",
        "reference/models",
        "reference/metrics",
        "reference/limits",
        "reference/corruptions",
    ),
    "What we measured": ("measured", "findings", "imagenet-c"),
}

project = "facecheck"
author = "the facecheck authors"
extensions = ["myst_parser", "sphinx_copybutton"]
myst_heading_anchors = 4  # links to headings are checked
smartquotes = False  # they make one dash of the two of an option
html_theme = "furo"
html_title = "facecheck"
html_static_path = ["_static"]
html_css_files = ["facecheck.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
copybutton_only_copy_prompt_lines = False

# What makes a browser load something: not a link that a person follows.
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^"'> ]*|url\(["']?https?:[^)]*"""
)
_log = logging.getLogger(__name__)


def navigation() -> str:
    """Return the tables of contents of the pages that are there."""
    tables = []
    for caption, names in NAVIGATION.items():
        pages = "\n".join(name for name in names if (HERE / f"{name}.md").is_file())
        tables.append(f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n")
    return "\n".join(tables)


def add_navigation(app: Sphinx, name: str, source: list[str]) -> None:  # noqa: ARG001 - Sphinx's form
    """Append the navigation to the first page, whose text is plain Markdown so that it reads well anywhere."""
    if name == "index":
        source[0] += f"\n{navigation()}"


def refuse_the_network(app: Sphinx, error: Exception | None) -> None:
    """Warn of every page or style that would load something from the network; warnings are errors."""
    if error:
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css"):
            for found in _LOADED.findall(path.read_text(encoding="utf-8")):
                _log.warning("%s loads from the network: %s", path.relative_to(app.outdir), found)


def setup(app: Sphinx) -> None:
    """Connect the two steps."""
    app.connect("source-read", add_navigation)
    app.connect("build-finished", refuse_the_network)
