"""JSON Lines: one thing a line; each line says what it is and stands without the others."""

from __future__ import annotations

import json

from hveadmin.report.document import Document
from hveadmin.report.safe_text import for_json
from hveadmin.report.style import Style


def write(document: Document, style: Style) -> str:
    """As many lines as there are things; none for none."""
    return "".join(for_json(json.dumps(each, ensure_ascii=False, allow_nan=False)) + "\n" for each in document.lines)
