"""Running atc: where it is, its command line, and a child process that cannot outlive us or run forever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelc.atc.options import bad_value, options, unknown_option
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding

HOME: Final = "ASCEND_TOOLKIT_HOME"
_PLACES: Final = ("bin/atc", "compiler/bin/atc", "atc/bin/atc")
_GRACE: Final = 5.0  # seconds between asking atc to end and ending it
_TICK: Final = 0.1  # seconds between two looks at atc
_TAIL: Final = 4096  # bytes looked at for the line that atc wrote last

Watch = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of atc ended.

    Attributes:
        status: Its exit status, negative for a signal; None when it was ended because it took too long.
        seconds: How long it ran.
    """

    status: int | None
    seconds: float


def find_atc(named: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the program atc, None where there is none.

    Args:
        named: A path to it or to the folder it is in, or its name; empty to look in PATH and ASCEND_TOOLKIT_HOME.
        environment: Where PATH and ASCEND_TOOLKIT_HOME are read from.
    """
    search = environment.get("PATH", "")
    if named:
        folder = Path(named)
        inside = [folder / place for place in ("atc", *_PLACES)] if folder.is_dir() else []
        candidates = [*map(str, inside), named]
    else:
        home = environment.get(HOME, "")
        candidates = ["atc", *(str(Path(home) / place) for place in _PLACES if home)]
    found = (shutil.which(candidate, path=search) for candidate in candidates)
    return next((Path(path).absolute() for path in found if path), None)


def handed_on(given: Mapping[str, str]) -> list[str]:
    """Return options of atc as words, names of files absolute, for atc runs in a folder of its own.

    Raises:
        ModelcError: An option does not exist, has a bad value, or has no effect on an `.air`.
    """
    problems = [problem for name, value in given.items() if (problem := _problem(name, value)) is not None]
    if problems:
        raise ModelcError(*problems)
    return [
        f"--{name}={Path(value).absolute() if options()[name].is_path and value else value}"
        for name, value in given.items()
    ]


def _problem(name: str, value: str) -> Diagnostic | None:
    option = options().get(name)
    if option is None:
        return unknown_option(name)
    if not option.handed_on and name != "insert_op_conf":
        return finding(
            "MC712",
            f"`--{name}` is not handed to atc: {option.note}",
            fixes=[Fix("use the option of modelc for it, or leave it out")],
        )
    return bad_value(option, value)


def run_atc(command: Sequence[str], folder: Path, log: Path, timeout: float, watch: Watch | None = None) -> Ended:
    """Run atc in `folder`, with all it prints in the file `log`.

    Args:
        command: The program and its options.
        folder: Where it runs, and leaves what it needs only meanwhile.
        log: Receives its output.
        timeout: Seconds it may take.
        watch: Called now and then with the seconds gone by and the line that was written last.

    Raises:
        OSError: It could not be started, or the log could not be written.
    """
    started = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that whatever it starts can be ended with it
        )
        try:
            status = _wait(process, log, started, timeout, watch)
        finally:
            _end(process)
    return Ended(status, time.monotonic() - started)


def _wait(
    process: subprocess.Popen[bytes], log: Path, started: float, timeout: float, watch: Watch | None
) -> int | None:
    while True:
        try:
            return process.wait(_TICK)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - started
        if watch is not None:
            watch(seconds, _last_line(log))
        if seconds > timeout:
            return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started and that is still there."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            break
        if process.poll() is not None and number is signal.SIGTERM:
            time.sleep(_TICK)  # its children get a moment; then they are ended
            continue
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read(_TAIL).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
