"""Progress on a terminal: one line that says what is going on, once it takes longer than a moment."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self, TextIO

from modelc.ir.model import Model
from modelc.pipeline.instruments import Instrument, dump_to
from modelc.pipeline.passes import Pass

PATIENCE = 1.0  # seconds before anything is shown
_PACE = 0.1  # seconds between two looks
_WIPE = "\r\x1b[K"


class Progress(Instrument):
    """Shows what is going on, with the seconds it has taken; nothing where nobody watches a terminal.

    Attributes:
        round: Goes before whatever is shown, where the same is done several times: `round 2 of 5, `.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.round = ""
        self._stream = stream or sys.stderr
        self._started = time.perf_counter()
        self._text = ""
        self._passes = 0
        self._is_shown = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        if self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._is_shown:
            self._stream.write(_WIPE)
            self._stream.flush()

    def tell(self, text: str) -> None:
        """Say what begins now."""
        self._text = f"{self.round}{text}"

    def begin(self, stage: str) -> None:
        """Show the stage."""
        self.tell(stage)

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Show the pass; those that it runs itself are too many to read."""
        if depth == 0:
            self._passes += 1
            self.tell(f"pass {self._passes}: {work.name}")

    def _watch(self) -> None:
        while not self._over.wait(_PACE):
            seconds = time.perf_counter() - self._started
            if seconds > PATIENCE and self._text:
                self._is_shown = True
                line = f"{seconds:.0f} s  {self._text}"
                self._stream.write(_WIPE + line[: shutil.get_terminal_size().columns - 1])
                self._stream.flush()


def instruments(options: argparse.Namespace, progress: Progress) -> list[Instrument]:
    """Return the instruments that options of passes ask for, and the progress."""
    return [progress, *([dump_to(options.dump_ir)] if options.dump_ir else [])]
