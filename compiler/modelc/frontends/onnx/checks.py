"""Whether an ONNX file is sound, as ONNX's own checker judges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.onnx.reading import load
from modelc.frontends.soundness import CheckResult, Outcome

_MARK: Final = re.compile(r"^\[[^\]]*\]\s*")  # what the library puts in front of some messages


def check(path: Path) -> list[CheckResult]:
    """Return every check of an ONNX file, in the order in which a loader makes them."""
    results: list[CheckResult] = []
    for name, title, by, run in _CHECKS:
        if any(each.outcome is Outcome.FAILED for each in results):
            results.append(CheckResult(name, title, by, Outcome.SKIPPED, reason="what comes before it failed"))
            continue
        problems = tuple(run(path))
        results.append(CheckResult(name, title, by, Outcome.FAILED if problems else Outcome.PASSED, problems))
    return results


def _structure(path: Path) -> Iterator[str]:
    from onnx import checker

    try:
        checker.check_model(str(path))
    except Exception as error:  # native code raises types of its own, with no common base
        yield f"is not sound: {_first_line(error)}"


def _types(path: Path) -> Iterator[str]:
    from onnx import checker

    try:
        checker.check_model(str(path), full_check=True)
    except Exception as error:  # as above
        yield f"has types that do not fit: {_first_line(error)}"


def _readable(path: Path) -> Iterator[str]:
    try:
        load(path, LoadOptions(), Sink())
    except ModelcError as error:
        yield from (each.message.removeprefix(f"`{path.name}` ") for each in error.diagnostics)


def _first_line(error: Exception) -> str:
    return _MARK.sub("", next(iter(str(error).strip().splitlines()), type(error).__name__))


_CHECKS: Final[tuple[tuple[str, str, str, Callable[[Path], Iterator[str]]], ...]] = (
    ("structure", "nodes, names and attributes are as the opset declares them", "loader", _structure),
    ("types", "inferred types agree with those that the file states", "loader", _types),
    ("readable", "the graph and all constants can be read", "modelc", _readable),
)
