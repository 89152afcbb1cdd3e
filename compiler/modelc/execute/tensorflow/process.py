"""The other end of the process that executes a model with TensorFlow."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.execute.arrays import map_array
from modelc.execute.own_oracle import FIX

MODULE = "modelc.execute.tensorflow.child"
_LONGEST = 400  # characters shown of what a framework says
_END = ""  # a line that says there is none


class TensorFlowProcess:
    """A process in which TensorFlow has loaded a model once, and executes it any number of times.

    Attributes:
        version: TensorFlow's.
    """

    def __init__(self, path: Path, signature: str, tags: Sequence[str], timeout: int) -> None:
        """Describe the process; entering it as a context starts it.

        Args:
            path: The model.
            signature: Key of the signature, empty for the default.
            tags: Tags of the meta graph, empty for the default.
            timeout: Seconds that each answer may take.
        """
        self.version = ""
        self._path = path
        self._job = {"path": str(path.resolve()), "signature": signature, "tags": list(tags)}
        self._timeout = timeout
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="modelc-oracle-")
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.version = self._ask(self._job)["version"]
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return the outputs of these public names.

        Raises:
            ModelcError: TensorFlow failed.
        """
        with tempfile.TemporaryDirectory(dir=self._folder.name) as name:
            files = self._request(inputs, {"outputs": list(outputs)}, Path(name))
            return {output: np.array(array) for output, array in zip(outputs, files, strict=True) if array is not None}

    def fetch(
        self, inputs: Mapping[str, NDArray[Any]], tensors: Sequence[Mapping[str, str | int]], folder: Path
    ) -> list[NDArray[Any] | None]:
        """Return tensors inside of the model, mapped from files in `folder`; None for each that cannot be had.

        Args:
            inputs: Arrays by public input name.
            tensors: What is wanted, as `tensors.Tensors.fetch` takes it.
            folder: Where the files go; whoever calls removes them.

        Raises:
            ModelcError: TensorFlow failed.
        """
        return self._request(inputs, {"tensors": list(tensors)}, folder)

    def _request(
        self, inputs: Mapping[str, NDArray[Any]], request: Mapping[str, Any], folder: Path
    ) -> list[NDArray[Any] | None]:
        feeds = Path(self._folder.name) / "feeds.npz"
        np.savez(feeds, *inputs.values())  # by position, for names may be anything
        answer = self._ask({**request, "feeds": str(feeds), "inputs": list(inputs), "folder": str(folder)})
        return [None if item is None else map_array(folder / item["file"], item["dtype"]) for item in answer["arrays"]]

    # -- talking

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(_END)

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=self._timeout)
        except queue.Empty:
            fix = Fix("give it more time", f"--timeout {2 * self._timeout}")
            text = f"TensorFlow did not finish within {self._timeout} seconds on the source"
            raise fail("MC605", text, file=str(self._path), fixes=[fix, FIX]) from None
        except OSError:  # it is gone
            line = _END
        if line == _END:
            raise self._failed(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise self._failed(answer["error"])
        return answer

    def _last_words(self) -> str:
        """Return why the process ended."""
        status = self._process.wait()
        if status < 0:
            name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
            return f"it crashed ({name})"
        self._errors.seek(0)
        said = self._errors.read().strip().splitlines()
        return said[-1] if said else f"it ended with status {status}"

    def _failed(self, reason: str) -> ModelcError:
        text = f"TensorFlow failed on the source: {reason[:_LONGEST]}"
        return fail("MC605", text, file=str(self._path), fixes=[FIX])

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(OSError):  # there may be a request left that nobody read
                stream.close()
        self._errors.close()
        self._folder.cleanup()
