"""Where an output will be read: on a static page, whose build says so to its kernels, or beside a live kernel."""

from __future__ import annotations

import os

NAME, PAGE = "LEDGERBOOK_MEDIUM", "page"


def for_page() -> bool:
    """Whether this kernel writes a page."""
    return os.environ.get(NAME) == PAGE
