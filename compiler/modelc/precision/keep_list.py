"""Lists of ops that keep their types, as atc's `--keep_dtype` takes them.

One op a line: a name, of the source model or of the artifact, or `OpType::Softmax` for all ops of one type. Names that
the model does not have are no error, neither here nor for atc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import Diagnostic, Fix, fail, finding
from modelc.diagnostics.renderers.words import safe
from modelc.files import write_text
from modelc.ir.graph import Graph
from modelc.ir.op import Op

OP_TYPE: Final = "OpType::"
_LARGEST: Final = 16 << 20  # bytes of a file that is taken for a list
_SHOWN: Final = 8


def read_keep_list(path: Path) -> tuple[str, ...]:
    """Return the lines of a list that say something.

    Raises:
        ModelcError: The file cannot be read or is no text.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise fail("MC118", f"`{path.name}` is larger than any list of ops", file=str(path))
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        fixes = [Fix("give one op a line, by name or as `OpType::SoftmaxV2`")]
        raise fail("MC406", "the list of ops to keep is no text", file=str(path), fixes=fixes) from error
    return tuple(stripped for line in lines if (stripped := line.strip()))


def write_keep_list(path: Path, ops: Iterable[Op]) -> None:
    """Write a list of `ops`, as a whole or not at all; raises ModelcError where it cannot be written."""
    write_text(path, "".join(f"{line}\n" for line in lines_of(ops)))


def lines_of(ops: Iterable[Op]) -> list[str]:
    """Return the lines that name `ops`, each once: the source node that an op stands for, else its own name."""
    return list(dict.fromkeys(safe(op.origin.name or op.name) for op in ops))


def matching(graph: Graph, lines: Sequence[str]) -> tuple[frozenset[Op], tuple[str, ...]]:
    """Return the ops that lines of a list name, in nested graphs as well, and the lines that name none."""
    wanted: dict[str, list[Op]] = {line: [] for line in lines}
    for nested in graph.walk():
        for op in nested:
            names = {op.name, f"{OP_TYPE}{op.kind.removeprefix('ge.')}", *(node.name for node in op.origin.nodes)}
            for name in {*names, *map(safe, names)} & wanted.keys():
                wanted[name].append(op)
    found = frozenset(op for ops in wanted.values() for op in ops)
    return found, tuple(line for line, ops in wanted.items() if not ops)


def unmatched(lines: Sequence[str], path: Path) -> Diagnostic:
    """Return the finding about lines that name no op."""
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    listed = ", ".join(f"`{safe(line)}`" for line in lines[:_SHOWN])
    return finding(
        "MC624",
        f"the model has no op {listed}{more}, which was to keep its types",
        file=str(path),
        fixes=[Fix("take names from the source model, or types as `OpType::SoftmaxV2`")],
    )
