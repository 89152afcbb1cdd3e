"""What an artifact holds, for people: an overview, then the tables of ops, tasks and kernels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

from modelc.frontends.frontend import Json
from modelc.tables import format_bytes, table

_Row: TypeAlias = Mapping[str, Json]

_PARTITIONS: Final = {
    "MODEL_DEF": "the graph, its types and attributes",
    "WEIGHTS_DATA": "constants",
    "TASK_INFO": "what the device does, step by step",
    "TBE_KERNELS": "programs for the cores",
    "CUST_AICPU_KERNELS": "programs for the device's CPU",
    "SO_BINS": "libraries for the host",
    "MODEL_INOUT_INFO": "inputs and outputs, to be read without the graph",
    "TILING_DATA": "how kernels cut tensors of unknown size",
    "CUSTOM_OPS": "ops of the user's own",
}
_PLACES: Final = {
    "inside": "in the model description",
    "partition": "in their partition",
    "file": "in files beside it",
    "nowhere": "without a value",
}
# what numbers among a model's attributes mean; those of memory are bytes, or places in a device's memory
_MEANINGS: Final = {
    "memory_size": "for tensors, with those of inputs and outputs",
    "zero_copy_memory_size": "of it for inputs and outputs",
    "weight_size": "for constants",
    "p2p_memory_size": "shared with other devices",
    "session_scope_memory_size": "kept from run to run",
    "host_memory_size": "on the host",
    "host_svm_size": "shared with the host",
    "variable_size": "for variables",
    "task_gen_base_addr": "where tasks take tensors to begin",
    "task_gen_weight_addr": "where tasks take constants to begin",
    "task_gen_variable_addr": "where tasks take variables to begin",
    "task_gen_host_base_addr": "where tasks take memory of the host to begin",
    "task_gen_host_svm_base_addr": "where tasks take shared memory of the host to begin",
    "stream_num": "queues of tasks",
    "event_num": "signals between queues",
    "label_num": "targets of jumps",
    "notify_num": "signals between devices",
    "om_info_list": "bytes of constants, kernels of cores and CPU, tasks, libraries",
    "core_type": "0 for AI cores, 1 for vector cores",
}
_ARCHIVES: Final = {
    "tbe_kernels": "kernels for the cores",
    "cust_aicpu_kernels": "kernels for the device's CPU",
    "so_bins": "libraries for the host",
    "custom_ops": "ops of the user's own",
}
_LONGEST: Final = 1000  # characters of a text; command lines are worth reading


def listing(document: Mapping[str, Json]) -> str:
    """Return the text of a description."""
    known = {"file": document.get("file"), "format": document.get("format"), **_map(document, "details")}
    rows = [(key, _text(value)) for key, value in known.items() if value]
    lines = [table(rows)] if rows else []
    for section in (_interfaces, _notes, _counts, _weights, _header, _partitions):
        lines += section(document)
    for each in (document, *_rows(document, "models")):
        if each is not document:
            lines += ["", f"model {each['model']}"]
        for section in (_memory, _attributes, _described, _ops, _tasks, _archives):
            lines += section(each)
    return "\n".join(lines)


def _interfaces(document: _Row) -> Iterator[str]:
    for what in ("inputs", "outputs"):
        yield from _section(what, [(_text(row["name"]), _data_type(row)) for row in _rows(document, what)])


def _data_type(row: _Row) -> str:
    shape = row["shape"]
    dims = "*" if not isinstance(shape, Sequence) else ", ".join("?" if dim is None else str(dim) for dim in shape)
    return f"{row['dtype']}[{dims}]"


def _notes(document: _Row) -> Iterator[str]:
    notes = document.get("notes")
    yield from _section("notes", [(str(note),) for note in notes] if isinstance(notes, Sequence) else [])


def _counts(document: _Row) -> Iterator[str]:
    rows = [(str(count), kind) for kind, count in _map(document, "op_counts").items()]
    yield from _section("ops by kind", rows, right={0})


def _weights(document: _Row) -> Iterator[str]:
    weights = _map(document, "weights")
    count = weights.get("count")
    if not count:
        return
    places = ", ".join(f"{number} {_PLACES[place]}" for place, number in _map(weights, "places").items())
    rows = [(_size(row["nbytes"]), _text(row["name"])) for row in _rows(weights, "largest")]
    largest = f"; the {len(rows)} largest" if isinstance(count, int) and count > len(rows) else ""
    yield from _section(f"constants: {count}, {_size(weights['nbytes'])}, {places}{largest}", rows, right={0})


def _header(document: _Row) -> Iterator[str]:
    header = _map(document, "header")
    if not header:
        return
    yield from ("", "header")
    yield f"  name {header['name']}, version {header['version']}, {header['numbers']} table, {header['payload']} bytes"
    type_ = f" ({header['model_type_name']})" if header["model_type"] else ""  # 0 says nothing, compiled or not
    kind = f"  model type {header['model_type']}{type_}, {header['models']} executable"
    flags = [name for name in ("encrypted", "dynamic", "checks_host") if header[name]]
    yield ", ".join([kind, *flags])
    platform = f"{header['platform']} ({header['platform_name']})"
    yield f"  description version {header['ir_version']}, written by {header['platform_version']}, platform {platform}"


def _partitions(document: _Row) -> Iterator[str]:
    found = _rows(document, "partitions")
    fields = ["type", "name", "offset", "nbytes", *(["model"] if any(row["model"] for row in found) else [])]
    rows = [(*(_text(row[field]) for field in fields), _PARTITIONS.get(str(row["name"]), "")) for row in found]
    yield from _section("partitions", rows, [*fields, "what it holds"], right={0, 2, 3, 4} - {len(fields)})


def _memory(document: _Row) -> Iterator[str]:
    for title in ("memory", "resources"):
        values = _map(document, title).items()
        rows = [(name, _text(value), _MEANINGS.get(name, "")) for name, value in values if value not in ("", [])]
        yield from _section(title, rows, right={1})


def _attributes(document: _Row) -> Iterator[str]:
    values = _map(document, "attributes").items()
    yield from _section("attributes", [(name, _text(value)) for name, value in values if value not in ("", [])])


def _described(document: _Row) -> Iterator[str]:
    interface = _map(document, "interface")
    rows: list[Sequence[str]] = []
    for title, content in interface.items():
        if title in ("inputs", "outputs"):
            for row in cast(Sequence[_Row], content):
                type_ = f"{row['dtype']}{row['shape']} {row['layout']}, {row['nbytes']} bytes"
                rows.append((title[:-1], _text(row["name"]), type_))
        else:
            rows.append((title, _text(content), ""))
    yield from _section("interface", rows)


def _ops(document: _Row) -> Iterator[str]:
    graphs: dict[str, list[_Row]] = {}
    for row in _rows(document, "ops"):
        graphs.setdefault(str(row["graph"]), []).append(row)
    for graph, found in graphs.items():
        rows = [
            (_text(row["id"]), _text(row["type"]), _outputs(_rows(row, "outputs")), _text(row["name"])) for row in found
        ]
        title = f"ops of graph {graph}" if len(graphs) > 1 else "ops"
        yield from _section(title, rows, ["id", "type", "outputs", "name"], right={0})


def _outputs(rows: Iterable[_Row]) -> str:
    return ", ".join(f"{row['type']} {row['layout']}".rstrip() for row in rows)


def _tasks(document: _Row) -> Iterator[str]:
    listed = _map(document, "tasks")
    if not listed:
        return
    if "problem" in listed:
        yield from ("", f"tasks: {listed['problem']}")
        return
    counts = ", ".join(f"{count} {type_}" for type_, count in _map(listed, "types").items())
    rows = [
        (_text(row["stream"]), _text(row["type"]), _text(row.get("op") or ""), _text(row.get("kernel", "")))
        for row in _rows(listed, "list")
    ]
    title = f"tasks: {listed['count']}" + (f" ({counts})" if counts else "")
    yield from _section(title, rows, ["stream", "type", "op", "kernel"], right={0})


def _archives(document: _Row) -> Iterator[str]:
    for name, what in _ARCHIVES.items():
        archive = _map(document, name)
        if not archive:
            continue
        problem = f"; it {archive['problem']}" if "problem" in archive else ""
        rows = [(_text(row["nbytes"]), _text(row["name"])) for row in _rows(archive, "entries")]
        title = f"{what}: {archive['count']}, {_size(archive['nbytes'])}{problem}"
        yield from _section(title, rows, ["bytes", "name"], right={0})


def _section(
    title: str, rows: Sequence[Sequence[str]], head: Sequence[str] = (), right: Iterable[int] = ()
) -> Iterator[str]:
    """Yield an empty line, a title, and rows as aligned columns; nothing where there are no rows."""
    if rows:
        columns = table([head, *rows] if head else rows, frozenset(right))
        yield from ("", title, *(f"  {line}".rstrip() for line in columns.split("\n")))


def _text(value: Json) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    text = "\\n".join(text.splitlines())
    most = _LONGEST if isinstance(value, str) else 100
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _size(value: Json) -> str:
    return format_bytes(value) if isinstance(value, int) else str(value)


def _map(document: _Row, key: str) -> Mapping[str, Json]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def _rows(document: _Row, key: str) -> Sequence[_Row]:
    value = document.get(key)
    return cast(Sequence[_Row], value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
