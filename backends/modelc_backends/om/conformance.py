"""Is an artifact sound? The sequence of checks a loader makes, and those that viewers and good sense add."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import ModelcError
from modelc.frontends.soundness import CheckResult, Outcome
from modelc.frontends.wire import WireFile
from modelc_backends.om import header as heads
from modelc_backends.om.container import Container, model_def, open_air, open_file, refuse_foreign
from modelc_backends.om.device_checks import DEVICE_CHECKS
from modelc_backends.om.graph_checks import GRAPH_CHECKS, Graphs
from modelc_backends.om.header import Header, Table
from modelc_backends.om.numbers import Partition

MOST_PROBLEMS: Final = 20  # told of one check
LOADER_PARTITIONS: Final = range(1, 9)
LEAST_PAYLOAD: Final = 8
VIEWER_PARTITIONS: Final = frozenset(range(13)) - {Partition.SO_BINS} | frozenset(range(20, 25))


@dataclass(slots=True)
class _Outer:
    """The outer shape of a file as far as it is known yet."""

    file: WireFile
    header: Header | None = None
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class _OuterCheck:
    name: str
    title: str
    by: str
    run: Callable[[_Outer], Iterator[str]]


def check(path: Path) -> list[CheckResult]:
    """Return the result of every check of an `.om`, or of an `.air`, which is told by its not having a header.

    Checks are made, and results given, in the order in which a loader makes its own; what it does not check comes last.

    Raises:
        ModelcError: The file cannot be opened, or is an `.om` of a family that is not read.
    """
    with open_file(path) as file:
        head = file.read(0, min(heads.SIZE, file.size))
        is_om = head.startswith(b"IMOD") or path.suffix == ".om"
        if is_om:
            refuse_foreign(path, head)
        outer = _Outer(file)
        results = list(_run_outer(outer)) if is_om else []
    sound = all(result.outcome is Outcome.PASSED for result in results if result.by == "loader")
    container = Container(path, file.size, outer.header, outer.tables) if is_om else open_air(path)
    models, problems = _definitions(container) if sound else ([], ())
    results.append(_result("model-definition", "the model description is there and parses", "loader", problems, sound))
    return [*results, *_run_graphs(models)]


def _run_outer(outer: _Outer) -> Iterator[CheckResult]:
    sound = True
    for each in _OUTER_CHECKS:
        problems = tuple(islice(each.run(outer), MOST_PROBLEMS)) if sound else ()
        yield _result(each.name, each.title, each.by, problems, sound)
        sound = sound and not (problems and each.by == "loader")


def _run_graphs(models: Sequence[Graphs]) -> Iterator[CheckResult]:
    for each in (*GRAPH_CHECKS, *DEVICE_CHECKS):
        concerned = [graphs for graphs in models if not each.concern.skips(graphs)]
        problems = tuple(islice((problem for graphs in concerned for problem in each.run(graphs)), MOST_PROBLEMS))
        reason = each.concern.reason if models else _BEHIND_A_FAILURE
        yield _result(each.name, each.title, each.by, problems, bool(concerned), reason)


_BEHIND_A_FAILURE: Final = "an earlier failure leaves nothing to look at"


def _result(
    name: str, title: str, by: str, problems: tuple[str, ...], is_made: bool, reason: str = _BEHIND_A_FAILURE
) -> CheckResult:
    if not is_made:
        return CheckResult(name, title, by, Outcome.SKIPPED, reason=reason)
    return CheckResult(name, title, by, Outcome.FAILED if problems else Outcome.PASSED, problems)


def _definitions(container: Container) -> tuple[list[Graphs], tuple[str, ...]]:
    """Return every model of a file with its description, and what stands against that."""
    try:
        first, *others = container.models()
        definition = model_def(first)
        definitions = [definition, *(model_def(each, definition) for each in others)]
    except ModelcError as error:
        return [], tuple(d.message for d in error.diagnostics)
    models = zip((first, *others), definitions, strict=True)
    return [Graphs(model, each, container.is_compiled) for model, each in models], ()


# -- the outer shape, in the order in which a loader looks at it


def _has_header(outer: _Outer) -> Iterator[str]:
    data = outer.file.read(0, min(heads.SIZE, outer.file.size))
    if len(data) < heads.SIZE:
        yield f"has {len(data)} bytes, a header has {heads.SIZE}"
        return
    outer.header = heads.parse(data)


def _magic(outer: _Outer) -> Iterator[str]:
    if _header(outer).magic != heads.MAGIC:
        yield "does not begin with IMOD"


def _not_empty(outer: _Outer) -> Iterator[str]:
    if not outer.file.size:
        yield "is empty"


def _payload(outer: _Outer) -> Iterator[str]:
    promised, present = _header(outer).payload, outer.file.size - heads.SIZE
    if promised != present:
        yield f"has {present} bytes behind its header, which promises {promised}"


def _room(outer: _Outer) -> Iterator[str]:
    if _header(outer).payload <= LEAST_PAYLOAD:
        yield f"has {_header(outer).payload} bytes behind its header, too few for a table"


def _model_count(outer: _Outer) -> Iterator[str]:
    promised, found = _header(outer).model_count, len(outer.tables)
    if found != max(1, promised):
        yield f"promises {promised} models, and holds {found}"


def _tables(outer: _Outer) -> Iterator[str]:
    position, tables, size = heads.SIZE, list[Table](), outer.file.size
    wide = _header(outer).wide
    for _ in range(max(1, _header(outer).model_count)):
        head = position + heads.table_head(wide)
        if head > size:
            yield f"ends where the partition table at byte {position} should be"
            return
        count = int.from_bytes(outer.file.read(position, position + 4), "little")
        end = position + heads.table_size(count, wide)
        if count not in LOADER_PARTITIONS or end >= size:
            yield f"announces {count} partitions at byte {position}"
            return
        tables.append(heads.parse_table(outer.file.read(position, end), position, wide))
        position = tables[-1].stop
    outer.tables = tuple(tables)
    if position != size:
        yield f"has partitions up to byte {position} and {size} bytes"


def _offsets(outer: _Outer) -> Iterator[str]:
    for table in outer.tables:
        position = 0
        for extent in table.extents:
            if extent.offset != position:
                yield f"says partition {extent.type} begins at {extent.offset}, it does at {position}"
            position += extent.size


def _unique_types(outer: _Outer) -> Iterator[str]:
    for table in outer.tables:
        types = [extent.type for extent in table.extents]
        yield from (f"has partition {type_} twice" for type_ in dict.fromkeys(types) if types.count(type_) > 1)


def _known_types(outer: _Outer) -> Iterator[str]:
    known = frozenset(Partition)
    for table in outer.tables:
        yield from (f"has a partition of type {each.type}" for each in table.extents if each.type not in known)


def _viewable(outer: _Outer) -> Iterator[str]:
    known = frozenset(Partition)
    for table in outer.tables if len(outer.tables) == 1 else ():
        yield from (
            f"has a partition {Partition(each.type).name}"
            for each in table.extents
            if each.type in known - VIEWER_PARTITIONS
        )


def _reserved(outer: _Outer) -> Iterator[str]:
    if _header(outer).reserved:
        yield "has bytes that are not zero among those without a meaning"


def _header(outer: _Outer) -> Header:
    assert outer.header is not None  # the first check of the sequence
    return outer.header


_OUTER_CHECKS: Final[Sequence[_OuterCheck]] = (
    _OuterCheck("not-empty", "the file has bytes", "loader", _not_empty),
    _OuterCheck("header", "the file holds a whole header", "loader", _has_header),
    _OuterCheck("payload", "the header knows how many bytes follow it", "loader", _payload),
    _OuterCheck("magic", "the file begins with the bytes IMOD", "loader", _magic),
    _OuterCheck("room", "there is room for a table of partitions", "loader", _room),
    _OuterCheck("partitions", "1 to 8 partitions fill the file to its end", "loader", _tables),
    _OuterCheck("model-count", "there are as many models as the header says", "loader", _model_count),
    _OuterCheck("offsets", "each partition begins where the one before it ends", "viewer", _offsets),
    _OuterCheck("partition-types", "no partition is there twice", "viewer", _unique_types),
    _OuterCheck("known-partitions", "every partition is of a known type", "modelc", _known_types),
    _OuterCheck("viewable", "no partition is of a type on which viewers stop", "viewer", _viewable),
    _OuterCheck("reserved", "bytes without a meaning are zero", "modelc", _reserved),
)
