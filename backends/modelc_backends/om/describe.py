"""Everything an artifact holds besides the numbers of its constants, as plain data.

The document holds what `atc --mode=1` prints of an `.om`, under the same keys: the fields of the model description
that are set, lists of pairs of `key` and `value` for attributes, names for numbers of element types. What is not in
there is under keys of its own: header, partitions, memory, tasks, kernels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from modelc.frontends.frontend import Json
from modelc_backends.om.archives import ARCHIVES, KERNELS, Archive, read_archive
from modelc_backends.om.attributes import decode, integer
from modelc_backends.om.container import Container, model_def, open_air, open_file, open_om
from modelc_backends.om.descriptors import is_skipped, type_of
from modelc_backends.om.header import Header, Table
from modelc_backends.om.interface import read_interface
from modelc_backends.om.numbers import DATA_TYPE_NAMES, LIST_TYPE_NAMES, ModelType, Partition, name_in
from modelc_backends.om.outside import names_a_file, outside_blob
from modelc_backends.om.tasks import Task, readable_tasks, tasks

MEMORY: Final = frozenset(
    "memory_size zero_copy_memory_size weight_size p2p_memory_size session_scope_memory_size host_memory_size "
    "host_svm_size sub_memory_info variable_size task_gen_base_addr task_gen_weight_addr task_gen_variable_addr "
    "task_gen_host_base_addr task_gen_host_svm_base_addr".split()
)
RESOURCES: Final = frozenset(
    "stream_num event_num label_num notify_num notify_types huge_stream_list core_type om_info_list".split()
)
TABLES: Final = frozenset({"attr_name_enum", "attr_value_enum", "attrs_use_string_value", "om_compress_version"})
_LARGEST: Final = 10  # constants named
_ENUMS: Final = {"dtype": DATA_TYPE_NAMES, "val_type": LIST_TYPE_NAMES}
_PLATFORMS: Final = ("LTTE", "MINI", "TINY")


def describe_om(path: Path) -> dict[str, Json]:
    """Return what an `.om` holds; raises ModelcError when it is not sound."""
    container = open_om(path)
    assert container.header is not None
    outer: dict[str, Json] = {
        "header": _header(container.header),
        "partitions": [row for number, table in enumerate(container.tables) for row in _partitions(number, table)],
    }
    return {**outer, **_models(container)}


def describe_air(path: Path) -> dict[str, Json]:
    """Return what an `.air` holds; raises ModelcError when it is not sound."""
    return _models(open_air(path))


def _models(container: Container) -> dict[str, Json]:
    first, *others = container.models()
    definition = model_def(first)
    document = _inside(first, definition)
    parts = [(each, model_def(each, definition)) for each in others]
    if parts:
        document["models"] = [{"model": part.name, **_inside(each, part), **_message(part)} for each, part in parts]
    return {**document, "notes": _notes(first, definition), **_message(definition)}


# -- the outer shape


def _header(header: Header) -> dict[str, Json]:
    return {
        "name": header.name,
        "version": f"{header.version:#x}",
        "numbers": "64-bit" if header.wide else "32-bit",
        "payload": header.payload,
        "model_type": header.model_type,
        "model_type_name": name_in(tuple(type_.name for type_ in ModelType), header.model_type),
        "models": header.model_count,
        "ir_version": header.ir_version,
        "platform_version": header.platform_version,
        "platform": header.platform,
        "platform_name": name_in(_PLATFORMS, header.platform),
        "encrypted": bool(header.encrypted),
        "dynamic": header.dynamic,
        "checks_host": header.check_cpu,
    }


def _partitions(number: int, table: Table) -> Iterator[dict[str, Json]]:
    position = table.end
    known = {each.value: each.name for each in Partition}
    for extent in table.extents:
        yield {
            "model": number,
            "type": extent.type,
            "name": known.get(extent.type, "unknown"),
            "offset": position,
            "nbytes": extent.size,
        }
        position += extent.size


# -- one model


def _inside(container: Container, definition: Any) -> dict[str, Json]:
    values = {name: _plain(value) for name, value in definition.attr.items()}
    document: dict[str, Json] = {
        "memory": {name: values[name] for name in sorted(MEMORY & values.keys())},
        "resources": {name: values[name] for name in sorted(RESOURCES & values.keys())},
        "attributes": {name: values[name] for name in sorted(values.keys() - MEMORY - RESOURCES - TABLES)},
        "weights": _weights(container, definition),
        "ops": [row for graph in definition.graph for row in _ops(graph)],
    }
    if container.header is not None:
        document |= _compiled(container, definition)
    return document


def _compiled(container: Container, definition: Any) -> dict[str, Json]:
    document: dict[str, Json] = {}
    with open_file(container.path) as file:
        extent = container.partition(Partition.MODEL_INOUT_INFO)
        if extent is not None:
            interface = read_interface(file, *extent)
            document["interface"] = interface.blocks | _problem(interface.problem)
        for partition in ARCHIVES:
            extent = container.partition(partition)
            if extent is not None:
                document[partition.name.lower()] = _archive(read_archive(file, partition, *extent))
    if container.partition(Partition.TASK_INFO) is not None:
        document["tasks"] = _tasks(container, definition)
    return document


def _archive(archive: Archive) -> dict[str, Json]:
    document: dict[str, Json] = {
        "count": len(archive.entries),
        "nbytes": sum(entry.nbytes for entry in archive.entries),
        "entries": [
            {"name": entry.name, "offset": entry.offset, "nbytes": entry.nbytes, "elf": entry.is_elf}
            for entry in archive.entries
        ],
    }
    return document | _problem(archive.problem)


def _problem(text: str) -> dict[str, Json]:
    return {"problem": text} if text else {}


def _tasks(container: Container, definition: Any) -> dict[str, Json]:
    listed, problem = readable_tasks(container)
    if listed is None:
        return {"problem": problem}
    names = {op.id: op.name for graph in definition.graph for op in graph.op}
    rows = [_task(task, names) for task in tasks(listed)]
    counts = Counter(str(row["type"]) for row in rows)
    fields = ("memory_size", "weight_size", "stream_num", "event_num", "batch_num", "base_addr", "weight_addr")
    return {
        "count": len(rows),
        "types": dict(sorted(counts.items())),
        **{field: getattr(listed, field) for field in fields},
        "list": rows,
    }


def _task(task: Task, names: Mapping[int, str]) -> dict[str, Json]:
    row: dict[str, Json] = {"type": task.type, "stream": task.stream}
    if task.op_index is not None:
        row |= {"op_index": task.op_index, "op": names.get(task.op_index)}
    optional: dict[str, Json] = {
        "kernel": task.kernel,
        "kernel_type": task.kernel_type,
        "library": task.library,
        "blocks": task.blocks or None,
        "event": task.event,
        "label": task.label,
    }
    return row | {key: value for key, value in optional.items() if value not in ("", None)}


def _weights(container: Container, definition: Any) -> dict[str, Json]:
    """Return where the constants are and how large."""
    sizes: list[tuple[int, str, str]] = []
    for graph in definition.graph:
        for op in graph.op:
            if op.type in ("Const", "Constant", "FileConstant"):
                place, nbytes = _place(container, op)
                sizes.append((nbytes, op.name, place))
    largest = sorted(sizes, key=lambda row: -row[0])[:_LARGEST]
    extent = container.partition(Partition.WEIGHTS_DATA) if container.header is not None else None
    return {
        "count": len(sizes),
        "nbytes": sum(nbytes for nbytes, _, _ in sizes),
        "places": dict(sorted(Counter(place for _, _, place in sizes).items())),
        "partition": 0 if extent is None else extent[1] - extent[0],
        "largest": [{"name": name, "nbytes": nbytes, "place": place} for nbytes, name, place in largest],
    }


def _place(container: Container, op: Any) -> tuple[str, int]:
    value = op.attr["value"].t if "value" in op.attr else None
    if value is not None and (value.data or value.file_range):
        return "inside", value.file_range[-1].length if value.file_range else len(value.data)
    if names_a_file(op.attr):
        return "file", integer(op.attr, "length") or outside_blob(container.path, op.attr, 0).nbytes
    nbytes = value.desc.weight_size if value is not None else 0
    return ("partition", nbytes) if nbytes else ("nowhere", 0)


def _ops(graph: Any) -> Iterator[dict[str, Json]]:
    for op in graph.op:
        count = sum(not text.endswith(":-1") for text in op.input)
        yield {
            "graph": graph.name,
            "id": op.id,
            "name": op.name,
            "type": op.type,
            "inputs": [
                {"from": text, **_tensor(desc)} for text, desc in zip(op.input[:count], op.input_desc, strict=False)
            ],
            "controls": [text.removesuffix(":-1") for text in op.input[count:]],
            "outputs": [_tensor(desc) for desc in op.output_desc],
            "stream": op.stream_id,
        }


def _tensor(desc: Any) -> dict[str, Json]:
    if is_skipped(desc):
        return {"type": "", "layout": ""}
    return {"type": str(type_of(desc)), "layout": desc.layout}


def _notes(container: Container, definition: Any) -> list[Json]:
    """Return what a reader may wonder about."""
    notes: list[Json] = []
    header = container.header
    if header is not None and not container.is_compiled:
        notes.append("holds a graph without kernels: viewers and compilers read it, a device refuses it")
    if header is not None and container.is_compiled:
        notes.append("compiled for a device: ops are in the order they run, their layouts are the device's")
        if not any(container.partition(each) for each in KERNELS) and container.partition(Partition.TASK_INFO) is None:
            notes.append("has neither kernels nor tasks: a device would compute nothing")
    if TABLES & definition.attr.keys():
        notes.append("names of attributes are numbers in the file; they are shown as what they stand for")
    if header is not None and header.version < 0x20000000:
        notes.append("has the header of tools before December 2020")
    return notes


# -- the model description, as `atc --mode=1` prints it


def _message(message: Any) -> dict[str, Json]:
    """Return the fields that are set, by name; of bytes that are no text only their number."""
    result: dict[str, Json] = {}
    for field, value in message.ListFields():
        if field.name == "file_range":
            result["nbytes"] = value[-1].length
        elif field.message_type is not None and field.message_type.GetOptions().map_entry:
            result[field.name] = [
                {"key": key, "value": _message(each)} for key, each in sorted(value.items()) if key not in TABLES
            ]
        elif field.is_repeated:
            result[field.name] = [_field(field, each) for each in value]
        elif field.name in ("data", "bt"):
            result["nbytes"] = len(value)
        else:
            result[field.name] = _field(field, value)
    return result


def _field(field: FieldDescriptor, value: Any) -> Json:
    if field.message_type is not None:
        return _message(value)
    if field.name in _ENUMS:
        return name_in(_ENUMS[field.name], value)
    if field.name == "bt":
        return f"{len(value)} bytes"
    return _json(value)


def _text(data: bytes) -> str:
    return data.decode(errors="backslashreplace")


def _plain(message: Any) -> Json:
    """Return the value of an attribute."""
    if message.WhichOneof("value") == "bt" or message.file_range:
        length = message.file_range[-1].length if message.file_range else len(message.bt)
        return f"{length} bytes"
    return _json(decode(message))


def _json(value: object) -> Json:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, Sequence):
        return [_json(item) for item in value]
    return value if isinstance(value, float) and isfinite(value) else str(value)
