"""Checks of what only compiled artifacts hold: tasks, kernels, offsets into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from modelc_backends.om.archives import ARCHIVES, KERNELS, read_archive
from modelc_backends.om.attributes import decode, integer
from modelc_backends.om.compression import number_of
from modelc_backends.om.container import open_file
from modelc_backends.om.graph_checks import Concern, GraphCheck, Graphs
from modelc_backends.om.header import Header
from modelc_backends.om.interface import read_interface
from modelc_backends.om.numbers import Partition
from modelc_backends.om.tasks import Task, readable_tasks, tasks

# tasks and kinds of kernels that run a program which the artifact has to bring along
_RUNS: Final = frozenset({"KERNEL", "ALL_KERNEL", "VECTOR_KERNEL", "VECTOR_ALL_KERNEL", "PREPROCESS_KERNEL"})
_BROUGHT: Final = frozenset({"TE", "TE_AI_CORE", "CUST_AI_CPU", "MIX_AICORE", "MIX_VECTOR_CORE"})
_COUNTS: Final = (("stream", "stream_num"), ("event", "event_num"), ("label", "label_num"))
_OTHERS: Final = frozenset({"Const", "Constant"})


def _compressed(graphs: Graphs) -> Iterator[str]:
    for op in graphs.all_ops():
        for holder in (op, *op.input_desc, *op.output_desc):
            numbers = [number for name in holder.attr if (number := number_of(name)) is not None]
            yield from (f"has an op `{op.name}` with attribute {number}, which no table names" for number in numbers)


def _task_list(graphs: Graphs) -> Iterator[str]:
    _, problem = readable_tasks(graphs.container)
    if problem:
        yield problem


def _archives(graphs: Graphs) -> Iterator[str]:
    for partition in ARCHIVES:
        extent = graphs.container.partition(partition)
        if extent is not None:
            with open_file(graphs.container.path) as file:
                archive = read_archive(file, partition, *extent)
            if archive.problem:
                yield f"has an archive {partition.name} that {archive.problem}"


def _interface(graphs: Graphs) -> Iterator[str]:
    extent = graphs.container.partition(Partition.MODEL_INOUT_INFO)
    if extent is None:
        return
    with open_file(graphs.container.path) as file:
        problem = read_interface(file, *extent).problem
    if problem:
        yield f"has a description of inputs and outputs that {problem}"


def _host(graphs: Graphs) -> Iterator[str]:
    header = graphs.container.header
    stores = graphs.container.partition(Partition.SO_BINS) is not None
    if header is not None and header.check_cpu and not stores:
        yield "asks for a check of the host and holds no library for one"


def _memory(graphs: Graphs) -> Iterator[str]:
    values = {name: integer(graphs.definition.attr, name) or 0 for name in _MEMORY}
    yield from (f"has {name} {value}" for name, value in values.items() if value < 0)
    if values["zero_copy_memory_size"] > values["memory_size"]:
        yield f"has {values['zero_copy_memory_size']} bytes for inputs and outputs of {values['memory_size']} in all"
    extent = graphs.container.partition(Partition.WEIGHTS_DATA)
    size = 0 if extent is None else extent[1] - extent[0]
    if values["weight_size"] > size:
        yield f"says its weights have {values['weight_size']} bytes, they have {size}"


_MEMORY: Final = ("memory_size", "zero_copy_memory_size", "weight_size")


def _offsets(graphs: Graphs) -> Iterator[str]:
    if not graphs.has_tasks:
        return
    for op in (op for graph in graphs.definition.graph[:1] for op in graph.op):
        if op.type == "Data" and len(op.output_i) != len(op.output_desc):
            yield f"has an input `{op.name}` with {len(op.output_desc)} outputs at {len(op.output_i)} places"
        count = sum(not text.endswith(":-1") for text in op.input)
        if op.type == "NetOutput" and len(op.input_i) != count:
            yield f"has {count} outputs at {len(op.input_i)} places"


def _numbers(graphs: Graphs) -> Iterator[str]:
    listed = _tasks(graphs)
    for field, name in _COUNTS:
        most = max(integer(graphs.definition.attr, name) or 0, field == "stream")
        used = {number for task in listed if (number := getattr(task, field)) is not None}
        yield from (f"uses {field} {number}, there are {most}" for number in sorted(used) if number >= most)


def _task_ops(graphs: Graphs) -> Iterator[str]:
    ids = {op.id for op in graphs.all_ops()}
    for index, task in enumerate(_tasks(graphs)):
        if task.op_index is not None and task.op_index not in ids:
            yield f"has a task {index} ({task.type}) of op {task.op_index}, which does not exist"


def _kernels(graphs: Graphs) -> Iterator[str]:
    needing = [task for task in _tasks(graphs) if task.type in _RUNS and task.kernel_type in _BROUGHT]
    if not needing:
        return
    present = set(_archived(graphs))
    ops = {op.id: op for op in graphs.all_ops()}
    for task in needing:
        op = ops.get(task.op_index if task.op_index is not None else -1)
        if op is not None and not present.intersection(_names(op, task)) and "_tbe_kernel_buffer" not in op.attr:
            yield f"has no kernel for `{op.name}`"


def _names(op: Any, task: Task) -> Iterable[str]:
    noted = (decode(op.attr[key]) for key in op.attr if key.endswith("_kernelname") or key == "_tbe_kernel_name")
    return [op.name, task.kernel, task.key, *(str(name) for name in noted)]


def _archived(graphs: Graphs) -> Iterator[str]:
    for partition in KERNELS:
        extent = graphs.container.partition(partition)
        if extent is not None:
            with open_file(graphs.container.path) as file:
                yield from (entry.name for entry in read_archive(file, partition, *extent).entries)


def _honest(graphs: Graphs) -> Iterator[str]:
    """An artifact with several partitions and no task loads, and computes nothing."""
    if graphs.container.header is None:
        return
    computes = any(op.type not in _OTHERS for op in graphs.all_ops())
    if graphs.compiled:
        if computes and not graphs.has_tasks and not _is_dynamic(graphs.container.header):
            yield "has the partitions of a compiled file and no tasks: a device would load it and compute nothing"
    elif any(op.output_i or op.input_i for op in graphs.all_ops()):
        yield "has offsets into a device's memory and no tasks"


def _is_dynamic(header: Header) -> bool:
    return header.dynamic or header.model_count > 1


def _tasks(graphs: Graphs) -> Sequence[Task]:
    if _TASKS not in graphs.kept:
        listed, _ = readable_tasks(graphs.container)
        graphs.kept[_TASKS] = [] if listed is None else list(tasks(listed))
    kept: Sequence[Task] = graphs.kept[_TASKS]
    return kept


_TASKS: Final = "tasks"


DEVICE_CHECKS: Final[Sequence[GraphCheck]] = (
    GraphCheck(
        "attribute-names",
        "every number that stands for an attribute's name leads to one",
        "loader",
        _compressed,
        Concern.ANY,
    ),
    GraphCheck("task-list", "the list of tasks parses", "loader", _task_list, Concern.DEVICE),
    GraphCheck(
        "archives", "archives of kernels and libraries end where their entries do", "loader", _archives, Concern.DEVICE
    ),
    GraphCheck("interface", "the description of inputs and outputs parses", "loader", _interface, Concern.DEVICE),
    GraphCheck("host", "a check of the host has something to check", "loader", _host, Concern.DEVICE),
    GraphCheck("memory", "sizes of memory fit each other and the weights", "loader", _memory, Concern.DEVICE),
    GraphCheck("places", "every input and output has a place in memory", "loader", _offsets, Concern.DEVICE),
    GraphCheck("streams", "streams, events and labels are as many as are used", "loader", _numbers, Concern.DEVICE),
    GraphCheck("task-ops", "every task belongs to an op that exists", "loader", _task_ops, Concern.DEVICE),
    GraphCheck("kernels", "every task finds its kernel", "loader", _kernels, Concern.DEVICE),
    GraphCheck("honest", "what a device would load is what it can run", "modelc", _honest, Concern.ANY),
)
