"""JSON for programs: exact values, two blanks of indent, non-ASCII letters as they are unless a screen would obey."""

from __future__ import annotations

import json

from hveadmin.report.document import Document
from hveadmin.report.safe_text import for_json
from hveadmin.report.style import Style


def write(document: Document, style: Style) -> str:
    """One JSON value."""
    return for_json(json.dumps(document.data, ensure_ascii=False, indent=2, allow_nan=False)) + "\n"
