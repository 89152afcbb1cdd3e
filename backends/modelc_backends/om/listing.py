"""What an artifact holds, for people: an overview, then the tables of ops, tasks and kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from modelc.frontends.frontend import Json

_Row: TypeAlias = Mapping[str, Json]


def listing(document: Mapping[str, Json]) -> str:
    """Return the text of a description."""
    lines = [f"{key:<10}{document[key]}" for key in ("file", "format") if document.get(key)]
    lines += [f"{key:<10}{value}" for key, value in _map(document, "details").items()]
    for section in (_header, _partitions, _values, _weights, _notes):
        lines += section(document)
    for each in (document, *_rows(document, "models")):
        if each is not document:
            lines += ["", f"model {each['model']}"]
        for section in (_memory, _attributes, _interface, _ops, _tasks, _archives):
            lines += section(each)
    return "\n".join(lines)


def _header(document: _Row) -> Iterator[str]:
    header = _map(document, "header")
    if not header:
        return
    yield "header"
    yield f"  name {header['name']}, version {header['version']}, {header['numbers']} table, {header['payload']} bytes"
    kind = f"  model type {header['model_type']} ({header['model_type_name']}), {header['models']} executable"
    flags = [name for name in ("encrypted", "dynamic", "checks_host") if header[name]]
    yield ", ".join([kind, *flags])
    platform = f"{header['platform']} ({header['platform_name']})"
    yield f"  description version {header['ir_version']}, written by {header['platform_version']}, platform {platform}"


def _partitions(document: _Row) -> Iterator[str]:
    rows = _rows(document, "partitions")
    fields = ["type", "name", "offset", "nbytes", *(["model"] if any(row["model"] for row in rows) else [])]
    yield from _table("partitions", fields, ([row[field] for field in fields] for row in rows))


def _values(document: _Row) -> Iterator[str]:
    for what in ("inputs", "outputs"):
        rows = _rows(document, what)
        if rows:
            yield what
        yield from (f"  {row['name']}: {_data_type(row)}" for row in rows)
    counts = _map(document, "op_counts")
    if counts:
        yield "ops by kind"
        width = max(len(str(count)) for count in counts.values())
        yield from (f"  {count!s:>{width}} {kind}" for kind, count in counts.items())


def _data_type(row: _Row) -> str:
    shape = row["shape"]
    dims = "*" if not isinstance(shape, Sequence) else ", ".join("?" if dim is None else str(dim) for dim in shape)
    return f"{row['dtype']}[{dims}]"


def _weights(document: _Row) -> Iterator[str]:
    weights = _map(document, "weights")
    if not weights:
        return
    places = ", ".join(f"{count} {_PLACES[place]}" for place, count in _map(weights, "places").items())
    yield "weights"
    yield f"  {weights['count']} constants, {weights['nbytes']} bytes" + (f": {places}" if places else "")
    yield from (f"  {row['nbytes']:>12} {row['name']}" for row in _rows(weights, "largest"))


_PLACES = {
    "inside": "in the model description",
    "partition": "in their partition",
    "file": "in files beside it",
    "nowhere": "without a value",
}


def _notes(document: _Row) -> Iterator[str]:
    notes = document.get("notes")
    if isinstance(notes, Sequence) and notes:
        yield "notes"
        yield from (f"  {note}" for note in notes)


def _memory(document: _Row) -> Iterator[str]:
    for title in ("memory", "resources"):
        values = _map(document, title)
        if values:
            yield title
            width = max(map(len, values))
            yield from (f"  {name:<{width}} {_short(value)}" for name, value in values.items())


def _attributes(document: _Row) -> Iterator[str]:
    values = _map(document, "attributes")
    if values:
        yield "attributes"
        yield from (f"  {name}: {_short(value)}" for name, value in values.items())


def _interface(document: _Row) -> Iterator[str]:
    interface = _map(document, "interface")
    if not interface:
        return
    yield "interface"
    for title, rows in interface.items():
        if title in ("inputs", "outputs"):
            for row in cast(Sequence[_Row], rows):
                type_ = f"{row['dtype']}{row['shape']} {row['layout']}"
                yield f"  {title[:-1]} {row['name']}: {type_}, {row['nbytes']} bytes"
        else:
            yield f"  {title}: {_short(rows)}"


def _archives(document: _Row) -> Iterator[str]:
    for name in ("tbe_kernels", "cust_aicpu_kernels", "so_bins", "custom_ops"):
        archive = _map(document, name)
        if not archive:
            continue
        problem = f", {archive['problem']}" if "problem" in archive else ""
        title = f"{name}: {archive['count']} entries, {archive['nbytes']} bytes{problem}"
        yield from _table(title, ["bytes", "name"], ([row["nbytes"], row["name"]] for row in _rows(archive, "entries")))


def _tasks(document: _Row) -> Iterator[str]:
    listed = _map(document, "tasks")
    if not listed:
        return
    if "problem" in listed:
        yield f"tasks: {listed['problem']}"
        return
    counts = ", ".join(f"{count} {type_}" for type_, count in _map(listed, "types").items())
    yield from _table(
        f"tasks: {listed['count']}" + (f" ({counts})" if counts else ""),
        ["stream", "type", "op", "kernel"],
        ([row["stream"], row["type"], row.get("op") or "", row.get("kernel", "")] for row in _rows(listed, "list")),
    )


def _ops(document: _Row) -> Iterator[str]:
    rows = _rows(document, "ops")
    graphs = dict.fromkeys(str(row["graph"]) for row in rows)
    for graph in graphs:
        yield from _table(
            f"ops of graph {graph}" if len(graphs) > 1 else "ops",
            ["id", "type", "name", "outputs"],
            (
                [row["id"], row["type"], row["name"], ", ".join(map(_type, _rows(row, "outputs")))]
                for row in rows
                if row["graph"] == graph
            ),
        )


def _type(row: _Row) -> str:
    return f"{row['type']} {row['layout']}"


def _table(title: str, head: Sequence[str], rows: Iterator[Sequence[Json]]) -> Iterator[str]:
    """Yield a title and aligned columns, nothing where there are no rows; numbers stand to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [all(cell.isdecimal() for cell in column) for column in zip(*cells, strict=True)]
    yield title
    for row in (head, *cells):
        fields = zip(row, widths, right, strict=True)
        yield "  " + "  ".join(f"{cell:>{w}}" if is_right else f"{cell:<{w}}" for cell, w, is_right in fields).rstrip()


def _short(value: Json) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _map(document: _Row, key: str) -> Mapping[str, Json]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _rows(document: _Row, key: str) -> Sequence[_Row]:
    value = document.get(key)
    return cast(Sequence[_Row], value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
