"""Budgets: how long a reduction may take, in candidates and in seconds."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Never


class TimeIsUp(BaseException):  # not an error: nothing that is being tried may take it for one
    """The seconds of a budget are spent."""


@dataclass(slots=True)
class Budget:
    """What a reduction may spend.

    Attributes:
        seconds: Wall time.
        steps: Candidates.
        taken: Candidates so far.
        started: When it began.
        is_up: Whether the time ran out.
    """

    seconds: float
    steps: int
    taken: int = 0
    started: float = field(default_factory=time.perf_counter)
    is_up: bool = False

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.is_up or self.taken >= self.steps or self.elapsed >= self.seconds

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self.started

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """End what is done within when the time is up, even if it would never end by itself.

        Only the main thread can be interrupted; elsewhere the time is looked at between candidates.
        """
        if threading.current_thread() is not threading.main_thread():
            try:
                yield
            except TimeIsUp:
                self.is_up = True
            return
        previous = signal.signal(signal.SIGALRM, _stop)
        signal.setitimer(signal.ITIMER_REAL, max(self.seconds - self.elapsed, 1e-3))
        try:
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except TimeIsUp:
            self.is_up = True
        finally:
            signal.signal(signal.SIGALRM, previous)


def _stop(number: int, frame: FrameType | None) -> Never:
    raise TimeIsUp
