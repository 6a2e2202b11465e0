"""
YAML that reads back the same with YAML 1.1 and YAML 1.2 loaders.

PyYAML quotes what YAML 1.1 would take for something else than text; numbers in the forms that only YAML 1.2 knows
(`1e3`, `0o17`) are quoted here. Lone surrogates are the one thing that YAML cannot say; they become visible escapes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from hveadmin.report.document import Document
from hveadmin.report.safe_text import for_yaml, needs_quotes, without_surrogates
from hveadmin.report.style import Style

if TYPE_CHECKING:
    import yaml

_NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0o[0-7]+|0x[0-9a-fA-F]+")
_UNFOLDED = 2**31 - 1  # a folded line would end where a tenant's text says


def write(document: Document, style: Style) -> str:
    """One YAML document."""
    import yaml

    text = yaml.dump(document.data, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=_UNFOLDED)
    return for_yaml(text)


@cache
def _dumper() -> type[yaml.SafeDumper]:
    """PyYAML's safe dumper (libyaml's, if there), which quotes what a screen or a loader would misread."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # known at run time only
        def ignore_aliases(self, data: object) -> bool:
            return True  # a value that occurs twice is written twice

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        writable = without_surrogates(text)
        quoted = needs_quotes(text) or _NUMBER.fullmatch(text)
        return dumper.represent_scalar("tag:yaml.org,2002:str", writable, style='"' if quoted else None)

    Dumper.add_representer(str, represent_text)
    return Dumper
