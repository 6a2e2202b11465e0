"""Names that somebody else chose, to hurt whoever prints them."""

from __future__ import annotations

from hypothesis import strategies as st

HOSTILE = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["\x1b[31m", "\n", "\r", "\u202e", "\u2028", "::", "##vso[", "##[", " ", ": ", "- ", "#", '"', "'"]
        )
        | st.sampled_from(
            ["=", "|", "no", "1e3", "0o7", "2026-11-23", "~", "null", "🦊", "\U000e0041", "\x85", "\ufffe"]
        ),
        max_size=6,
    ).map("".join),
)
