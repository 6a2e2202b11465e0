"""
Log lines: on stderr, our own only.

Libraries are kept at warnings even with --debug: at DEBUG some of them write parameters, and a parameter may be a
secret.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from hveadmin.cli.options import LogFormat, Options
from hveadmin.report.safe_text import for_console


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return for_console(f"{record.levelname.lower()}: {record.getMessage()}")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat()
        return json.dumps({"time": time, "level": record.levelname.lower(), "message": record.getMessage()})


def configure(options: Options) -> None:
    """Send our log lines to stderr, as many as the options ask for."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if options.log_format is LogFormat.JSON else _Text())
    log = logging.getLogger("hveadmin")
    log.handlers = [handler]
    log.propagate = False
    log.setLevel(_level(options))


def _level(options: Options) -> int:
    if options.debug:
        return logging.DEBUG
    if options.verbose:
        return logging.INFO
    return logging.ERROR if options.quiet else logging.WARNING
