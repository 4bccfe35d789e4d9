"""Lines in the host's log. What is logged while a plugin is built, when there is no host, goes nowhere.

The module `logging` of Python's own works, too: its records go here.
"""

from __future__ import annotations

import logging

from .host import ask, is_in_call


class Log:
    def _at(self, level: str, message: object) -> None:
        if is_in_call():
            ask("log", "log", level, str(message))

    def trace(self, message: object) -> None:
        self._at("trace", message)

    def debug(self, message: object) -> None:
        self._at("debug", message)

    def info(self, message: object) -> None:
        self._at("info", message)

    def warn(self, message: object) -> None:
        self._at("warn", message)

    def error(self, message: object) -> None:
        self._at("error", message)


log = Log()


class HostHandler(logging.Handler):
    """Hands the records of `logging` to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        levels = ((logging.ERROR, log.error), (logging.WARNING, log.warn), (logging.INFO, log.info))
        write = next((write for level, write in levels if record.levelno >= level), log.debug)
        write(self.format(record))
