"""
Keeps the libraries of this room quiet.

At DEBUG they write whole messages, with every parameter in clear: tokens among them. At WARNING some of it is left
(arguments of a host's calls), and at ERROR a traceback for each time-out, which is reported here in one sentence. So
nothing below CRITICAL gets through, whatever --debug says; what goes wrong is raised as well.
"""

from __future__ import annotations

import logging

LIBRARIES = ("pypsrp", "psrpcore", "spnego", "requests_credssp", "urllib3")


def quiet_libraries() -> None:
    """Do it. Whoever sets a level for one of their loggers afterwards has asked for it."""
    for name in LIBRARIES:
        for each in (name, *_below(name)):
            logging.getLogger(each).setLevel(logging.CRITICAL)


def _below(name: str) -> list[str]:
    """Loggers of its modules that exist by now and could have a level of their own."""
    return [each for each in logging.root.manager.loggerDict if each.startswith(f"{name}.")]
