"""What a compiled artifact has a device do: its tasks, decoded as far as they say which op and which kernel run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from google.protobuf.message import DecodeError

from modelc.diagnostics.diagnostic import ModelcError
from modelc.frontends.protobuf import Schema
from modelc_backends.om.container import Container, broken, open_file, read_metadata, require_memory
from modelc_backends.om.numbers import KERNEL_TYPES, TASK_TYPES, Partition, name_in
from modelc_backends.om.weigh import Scale

SCHEMA: Final = Schema(
    "modelc.tasks",
    """
    ModelTaskDef: version=1 string, attr=9 map string string, task=10 rep TaskDef, memory_size=11 uint64,
      stream_num=12 uint32, event_num=13 uint32, weight_size=14 uint64, base_addr=16 uint64, weight_addr=17 uint64,
      batch_num=18 uint32
    TaskDef: id=1 uint32, type=2 uint32, stream_id=10 uint32, event_id=11 uint32, notify_id=12 uint32,
      kernel=20 KernelDef, kernel_ex=21 OpTask4, kernel_hccl=25 OpTask8, event_ex=26 OpTask1, label_id=30 uint32,
      memcpy_async=31 OpTask6, stream_switch=32 OpTask1, stream_active=33 OpTask1, stream_switch_n=36 OpTask1,
      label_set=37 LabelTask, label_goto_ex=38 LabelTask, label_switch_by_index=39 OpTask1,
      kernel_with_handle=40 KernelDefWithHandle
    KernelDef: context=1 KernelContext, stub_func=10 string, block_dim=11 uint32, args_size=12 uint32,
      so_name=16 string, kernel_name=17 string
    KernelDefWithHandle: context=1 KernelContext, dev_func=11 string, block_dim=12 uint32, args_size=13 uint32,
      original_kernel_key=16 string
    KernelContext: kernel_type=1 uint32, op_id=2 uint32, op_index=4 uint32
    OpTask1: op_index=1 uint32
    OpTask4: op_index=4 uint32
    OpTask6: op_index=6 uint32
    OpTask8: op_index=8 uint32
    LabelTask: op_index=1 uint32, label_id=2 uint32
    """,
)
_WITH_OP: Final = (
    "kernel_ex",
    "kernel_hccl",
    "event_ex",
    "memcpy_async",
    "stream_switch",
    "stream_active",
    "stream_switch_n",
    "label_set",
    "label_goto_ex",
    "label_switch_by_index",
)
_EVENTS: Final = frozenset({"EVENT_RECORD", "EVENT_WAIT", "EVENT_RESET"})
_LABELS: Final = frozenset({"LABEL_SET", "LABEL_SWITCH", "LABEL_GOTO"})


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        type: What kind of task it is, `KERNEL`.
        stream: The stream it runs on.
        op_index: The id of the op it belongs to, None where it says none.
        kernel: The name of the kernel, empty where none runs.
        kernel_type: The kind of kernel, `TE`.
        library: The library the kernel is in, for those of a processor.
        blocks: How many cores run it.
        event: The event that it records or waits for.
        label: The label that it sets or jumps to.
        key: The name under which archives may hold the kernel.
    """

    type: str
    stream: int
    op_index: int | None = None
    kernel: str = ""
    kernel_type: str = ""
    library: str = ""
    blocks: int = 0
    event: int | None = None
    label: int | None = None
    key: str = ""


@cache
def _scale() -> Scale:
    return Scale(SCHEMA.descriptor("ModelTaskDef"))


def task_list(container: Container) -> Any | None:
    """Return the task list of a model, a `ModelTaskDef`; None where it has none.

    Raises:
        ModelcError: It does not parse, or would take more memory than there should be for it.
    """
    extent = container.partition(Partition.TASK_INFO)
    if extent is None or container.header is None:
        return None
    with open_file(container.path) as file:
        data = read_metadata(file, *extent)
    require_memory(container.path, data, _scale())
    try:
        return SCHEMA.message("ModelTaskDef").FromString(data)
    except DecodeError as error:
        raise broken(container.path, "has a task list that does not parse") from error


def tasks(listed: Any) -> Iterator[Task]:
    """Yield the tasks of a task list."""
    for each in listed.task:
        yield _task(each)


def _task(message: Any) -> Task:
    type_ = name_in(TASK_TYPES, message.type)
    event = message.event_id if type_ in _EVENTS else None
    if message.HasField("kernel"):
        kernel, context = message.kernel, message.kernel.context
        name, library, key = kernel.kernel_name or kernel.stub_func, kernel.so_name, kernel.stub_func
    elif message.HasField("kernel_with_handle"):
        kernel, context = message.kernel_with_handle, message.kernel_with_handle.context
        name, library, key = kernel.dev_func or kernel.original_kernel_key, "", kernel.original_kernel_key
    else:
        found = next((getattr(message, field) for field in _WITH_OP if message.HasField(field)), None)
        label = getattr(found, "label_id", message.label_id) if type_ in _LABELS else None
        return Task(type_, message.stream_id, None if found is None else found.op_index, event=event, label=label)
    kernel_type = name_in(KERNEL_TYPES, context.kernel_type)
    return Task(
        type_, message.stream_id, context.op_index, name, kernel_type, library, kernel.block_dim, event, None, key
    )


def readable_tasks(container: Container) -> tuple[Any | None, str]:
    """Return the task list of a model, or what is wrong with it."""
    try:
        return task_list(container), ""
    except ModelcError as error:
        return None, "; ".join(d.message for d in error.diagnostics)
