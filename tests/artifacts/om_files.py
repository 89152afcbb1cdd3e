"""Artifacts put together from parts, for tests of what reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelc_backends.om.header import Header, pack_table
from modelc_backends.om.schema import message
from modelc_backends.om.tasks import SCHEMA as TASKS


def desc(*dims: int, dtype: int = 1, layout: str = "ND", **fields: Any) -> Any:
    return message("TensorDescriptor")(dtype=dtype, shape=message("ShapeDef")(dim=dims), layout=layout, **fields)


def op(type_: str, name: str, inputs: Sequence[str] = (), outputs: Sequence[Any] = (), **fields: Any) -> Any:
    node = message("OpDef")(name=name, type=type_, input=inputs, output_desc=outputs, has_out_attr=True, **fields)
    node.input_desc.extend(desc(2) for _ in inputs)
    return node


def simple(*ops: Any, **fields: Any) -> Any:
    graph = message("GraphDef")(name="g")
    graph.op.extend(ops)
    return message("ModelDef")(name="m", version=2, graph=[graph], **fields)


SOUND = (
    op("Data", "x", [""], [desc(2)]),
    op("Relu", "y", ["x:0"], [desc(2)]),
    op("NetOutput", "out", ["y:0"]),
)


def om(path: Path, definition: Any, others: Sequence[tuple[int, bytes]] = (), **header: Any) -> Path:
    """Write an .om with the given partitions."""
    parts = [(0, definition if isinstance(definition, bytes) else definition.SerializeToString()), *others]
    wide = header.get("wide", False)
    table = pack_table([(type_, len(data)) for type_, data in parts], wide)
    payload = table + b"".join(data for _, data in parts)
    path.write_bytes(Header("m", len(payload), **header).pack() + payload)
    return path


def archive(entries: Mapping[str, bytes], magic: int = 0x5D776EFD) -> bytes:
    """The bytes of an archive of kernels."""
    heads = (struct.pack("<III", magic, len(name), len(data)) + name.encode() for name, data in entries.items())
    return b"".join(head + data for head, data in zip(heads, entries.values(), strict=True))


def libraries(entries: Mapping[str, bytes]) -> bytes:
    """The bytes of an archive of libraries for the host."""
    parts = (
        struct.pack("<IHHII", 0x5D776EFD, len(name), 0, 4, len(data)) + name.encode() + b"acme" + data
        for name, data in entries.items()
    )
    return struct.pack("<I", len(entries)) + b"".join(parts)


def block(type_: int, content: bytes) -> bytes:
    """A block of the partition that describes inputs and outputs."""
    return struct.pack("<II", type_, len(content)) + content


def tensor_of(name: str, dims: Sequence[int], dtype: int, nbytes: int) -> bytes:
    """A tensor in such a block."""
    numbers = struct.pack(f"<{len(dims)}q", *dims)
    return (
        struct.pack("<Qii4I", nbytes, 2, dtype, len(name), len(numbers), len(numbers), 0) + name.encode() + numbers * 2
    )


INTERFACE = block(0, struct.pack("<I", 1) + tensor_of("_arg_0", [4], 3, 16)) + block(
    1, struct.pack("<I", 1) + tensor_of("output_0_out_0", [4], 3, 16)
)
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)


def task(type_: int, **fields: Any) -> Any:
    return TASKS.message("TaskDef")(type=type_, **fields)


def kernel(op_index: int, name: str, kernel_type: int = 2) -> Any:
    """A task that runs a kernel."""
    context = TASKS.message("KernelContext")(kernel_type=kernel_type, op_index=op_index)
    return task(0, kernel=TASKS.message("KernelDef")(context=context, kernel_name=name, stub_func=f"-1_0_{name}"))


def task_list(*tasks: Any, **fields: Any) -> bytes:
    data: bytes = TASKS.message("ModelTaskDef")(task=tasks, **fields).SerializeToString()
    return data


def compiled_graph() -> Any:
    """The description of a small compiled model: an input, a weight, a sum, an output."""
    data = op("Data", "x", [""], [desc(4)], output_i=[0], id=0)
    data.attr["index"].i = 0
    weight = op("Const", "w", [], [desc(4)], output_i=[512], id=1)
    weight.attr["value"].t.desc.CopyFrom(desc(4, data_offset=512, weight_size=16))
    add = op("Add", "y", ["x:0", "w:0"], [desc(4)], output_i=[1024], id=2, workspace=[64], workspace_bytes=[32])
    output = op("NetOutput", "Node_Output", ["y:0"], input_i=[1024], src_name=["y"], src_index=[0], id=3)
    for each in (add, output):
        for descriptor in each.input_desc:
            descriptor.CopyFrom(desc(4))
    definition = simple(data, weight, add, output, custom_version="1.11.z.0")
    for name, value in MEMORY.items():
        definition.attr[name].i = value
    definition.attr["atc_version"].s = b"1.2.3"
    definition.attr["tasks"].bt = b"copy"
    return definition


MEMORY = {"memory_size": 2048, "zero_copy_memory_size": 1024, "weight_size": 1024, "stream_num": 1, "event_num": 2}
WEIGHTS = bytes(512) + struct.pack("<4f", 1, 2, 3, 4) + bytes(496)


def compiled_parts(**changes: bytes) -> list[tuple[int, bytes]]:
    """The partitions of that model besides its description, in the order in which tools write them."""
    parts = {
        "interface": (8, INTERFACE),
        "weights": (1, WEIGHTS),
        "kernels": (3, archive({"y": ELF, "other": ELF * 3})),
        "tasks": (2, task_list(task(1, event_id=1), kernel(2, "te_add__kernel0"), task(19), memory_size=2048)),
    }
    return [(number, changes.get(name, data)) for name, (number, data) in parts.items()]


def compiled(path: Path, definition: Any = None, **changes: bytes) -> Path:
    """Write that model, with some partitions changed."""
    return om(path, definition or compiled_graph(), compiled_parts(**changes), model_count=1, platform=1)


def several(path: Path, *models: tuple[Any, Sequence[tuple[int, bytes]]], wide: bool = True) -> Path:
    """Write a file of several models, each with a table of its own."""
    payload = b""
    for definition, others in models:
        parts = [(0, definition.SerializeToString()), *others]
        payload += pack_table([(type_, len(data)) for type_, data in parts], wide) + b"".join(data for _, data in parts)
    header = Header("m", len(payload), wide=wide, model_count=len(models), dynamic=True)
    path.write_bytes(header.pack() + payload)
    return path


def compress(definition: Any, names: Sequence[str]) -> Any:
    """Put numbers in the place of attribute names of ops, as new tools do."""
    for graph in definition.graph:
        for each in graph.op:
            for index, name in enumerate(names):
                if name in each.attr:
                    each.attr[f"\0{chr(index % 127 + 1)}"].CopyFrom(each.attr[name])
                    del each.attr[name]
    definition.attr["om_compress_version"].i = 1
    definition.attr["attr_name_enum"].list.s.extend(name.encode() for name in names)
    definition.attr["attrs_use_string_value"].list.b.extend([False] * len(names))
    return definition
