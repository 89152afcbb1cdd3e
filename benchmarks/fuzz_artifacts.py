"""Damage artifacts and give them to the commands that read them: findings may come of it, nothing else.

Usage: python benchmarks/fuzz_artifacts.py [FILE...] [--count 5000] [--seed 0] [--seconds 10] [--mebibytes 1024]

Artifacts made of the bundled model, and the FILEs (of at most 1 MiB, for the sake of speed), are damaged in ways that
a seed determines. Every input goes through `inspect` (text, json, mir), `inspect --check` and `diff` with what it was
made from, in a process whose memory is limited. A command has to end with 0 or 1 within its seconds: an input for
which it does not is kept, with what was printed, and makes the script end with 1.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib.resources import files
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Final

from damage import damaged

from modelc.cli.main import main as modelc
from modelc.driver import Settings, compile_model

LARGEST: Final = 1 << 20
COMMANDS: Final = (
    ("inspect", "INPUT"),
    ("inspect", "INPUT", "--format", "json"),
    ("inspect", "INPUT", "--format", "mir"),
    ("inspect", "INPUT", "--check"),
    ("diff", "INPUT", "ORIGINAL"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may take."""

    seconds: float = 10.0
    mebibytes: int = 1024


@dataclass(slots=True)
class Report:
    """What came of all inputs.

    Attributes:
        outcomes: How often each command ended with each exit code.
        slowest: Seconds of the slowest input.
        problems: What went wrong, each with the number of its input.
    """

    outcomes: Counter[str] = field(default_factory=Counter[str])
    slowest: float = 0.0
    problems: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Inputs:
    """Numbered inputs: each is one of the originals, damaged."""

    originals: Sequence[Path]
    seed: int

    def make(self, number: int, folder: Path) -> tuple[Path, Path]:
        """Write an input; returns its path and that of its original."""
        dice = Random(f"{self.seed}-{number}")
        contents = [path.read_bytes() for path in self.originals]
        index = dice.randrange(len(contents))
        path = folder / f"input{self.originals[index].suffix}"
        path.write_bytes(damaged(contents[index], dice, contents))
        return path, self.originals[index]


def originals(folder: Path) -> list[Path]:
    """Write artifacts of the bundled model; returns their paths."""
    result = []
    for target in ("om", "air"):
        path = folder / f"digits.{target}"
        source = Path(str(files("modelc.data").joinpath("digits")))
        compile_model(source, path, Settings(target=target, batch_size=1)).require()
        result.append(path)
    return result


def exercise(path: Path, original: Path) -> Iterator[tuple[str, int, str]]:
    """Give an input to every command; yields the command, its exit code, and what it printed of errors."""
    for words in COMMANDS:
        names = {"INPUT": str(path), "ORIGINAL": str(original)}
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
            code = modelc([names.get(word, word) for word in words])
        yield " ".join(words), code, errors.getvalue()


def fuzz(inputs: Inputs, numbers: Sequence[int], limits: Limits, keep: Path) -> Report:
    """Try inputs in a process of their own, in a new one after it died; inputs with problems go to `keep`."""
    report, left = Report(), list(numbers)
    while left:
        done = _in_process(inputs, left, limits, keep, report)
        left = left[done:]
    return report


def _in_process(inputs: Inputs, numbers: Sequence[int], limits: Limits, keep: Path, report: Report) -> int:
    """Try inputs until one of them ends the process; returns how many were tried."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_worker, args=(theirs, inputs, numbers, limits, Path(folder)), daemon=True)
        process.start()
        theirs.close()
        assert ours.recv() == "ready"
        done = 0
        for number in numbers:
            done += 1
            started = time.perf_counter()
            problem = "takes longer than it may"
            if ours.poll(limits.seconds * len(COMMANDS)):
                try:
                    problem = _judge(ours.recv(), report)
                except EOFError:
                    process.join()
                    problem = f"ends the process with {process.exitcode}"
            report.slowest = max(report.slowest, time.perf_counter() - started)
            if problem:
                report.problems.append(f"input {number} {problem}")
                _keep(inputs, number, keep)
            if not process.is_alive() or problem.startswith("takes"):
                break
        process.kill()
        process.join()
    return done


def _judge(outcomes: Sequence[tuple[str, int, str]], report: Report) -> str:
    report.outcomes.update(f"{code} {command}" for command, code, _ in outcomes)
    wrong = [(command, code, text) for command, code, text in outcomes if code not in (0, 1)]
    return "".join(f"ends `{command}` with {code}: {text}" for command, code, text in wrong)


def _keep(inputs: Inputs, number: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, _ = inputs.make(number, folder)
    path.rename(folder / f"{inputs.seed}-{number}{path.suffix}")


def _worker(pipe: Connection, inputs: Inputs, numbers: Sequence[int], limits: Limits, folder: Path) -> None:
    os.environ["TMPDIR"] = str(folder)  # reproducers go there
    tempfile.tempdir = None
    list(exercise(*_sound(inputs, folder)))  # everything is imported, and its memory not counted
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + (limits.mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    pipe.send("ready")
    for number in numbers:
        pipe.send(list(exercise(*inputs.make(number, folder))))


def _sound(inputs: Inputs, folder: Path) -> tuple[Path, Path]:
    original = inputs.originals[0]
    path = folder / f"sound{original.suffix}"
    path.write_bytes(original.read_bytes())
    return path, original


def main() -> int:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("files", nargs="*", type=Path, help="further artifacts to damage")
    parser.add_argument("--count", type=int, default=5000, help="number of inputs (5000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (0)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other inputs (0)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for one command (10)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="of memory for one process, beyond its modules")
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"), help="folder for inputs with problems (fuzzed)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = [path for path in options.files if path.stat().st_size <= LARGEST]
        inputs = Inputs([*originals(Path(folder)), *given], options.seed)
        numbers = range(options.first, options.first + options.count)
        report = fuzz(inputs, numbers, Limits(options.seconds, options.mebibytes), options.keep)
    for outcome, count in sorted(report.outcomes.items()):
        print(f"{count:>6} x exit code {outcome}")
    print(f"{len(numbers)} inputs, the slowest took {report.slowest:.2f} s, {len(report.problems)} problems")
    print("\n".join(report.problems))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
