"""`modelc socs`: list the chips whose kernels are known, or the kernels of one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from modelc.cli.output import emit_json
from modelc.frontends.frontend import Json
from modelc.ir.types import ELEMENTS
from modelc.kernels import CORE, Chip, Kernel, KernelTable, kernel_table
from modelc.tables import table


def run(options: argparse.Namespace) -> int:
    """List or show; returns the exit code."""
    known = kernel_table(options.kernels)
    chip = known.chip(options.name) if options.name else None
    if options.format == "json":
        emit_json(_document(known) if chip is None else _kernel_document(known, chip))
    elif chip is None:
        print(f"{_chips(known)}\n\nkernels as of {known.vintage}, indicative; `modelc socs NAME` lists those of a chip")
    else:
        print(_kernels(known, chip))
    return 0


def _document(known: KernelTable) -> dict[str, Json]:
    chips: list[Json] = [
        {"name": chip.name, "title": chip.title, "on_cores": on_cores, "on_cpu": on_cpu}
        for chip, on_cores, on_cpu in _counted(known)
    ]
    return {"vintage": known.vintage, "chips": chips}


def _kernel_document(known: KernelTable, chip: Chip) -> dict[str, Json]:
    kernels: dict[str, Json] = {
        op: [
            {"engine": kernel.engine, "types": {s.name: sorted(map(_title, s.elements)) for s in kernel.slots.values()}}
            for kernel in own
        ]
        for op, own in sorted(_on(known, chip.name).items())
    }
    return {"name": chip.name, "title": chip.title, "vintage": known.vintage, "kernels": kernels}


def _chips(known: KernelTable) -> str:
    rows = [("name", "on cores", "on CPU", "what it stands for")]
    rows += [(chip.name, str(cores), str(cpu), chip.title) for chip, cores, cpu in _counted(known)]
    return table(rows, frozenset({1, 2}))


def _counted(known: KernelTable) -> Iterator[tuple[Chip, int, int]]:
    """Yield each chip with how many ops its cores can execute, and how many more its CPU."""
    for chip in known.chips.values():
        engines = [{kernel.engine for kernel in own} for own in _on(known, chip.name).values()]
        on_cores = sum(CORE in each for each in engines)
        yield chip, on_cores, len(engines) - on_cores


def _on(known: KernelTable, chip: str) -> dict[str, list[Kernel]]:
    """Return the kernels of a chip by op."""
    found = {op: [kernel for kernel in kernels if kernel.is_on(chip)] for op, kernels in known.kernels.items()}
    return {op: kernels for op, kernels in found.items() if kernels}


def _kernels(known: KernelTable, chip: Chip) -> str:
    rows = [("op", "runs on", "takes")]
    rows += [
        (op, "cores" if kernel.engine == CORE else "CPU", _types(kernel))
        for op, kernels in sorted(_on(known, chip.name).items())
        for kernel in kernels
    ]
    return f"{chip.name}: {chip.title}; kernels as of {known.vintage}, indicative\n\n{table(rows)}"


def _types(kernel: Kernel) -> str:
    """Return what a kernel takes, slots of the same types together; what is not listed takes every type."""
    slots: dict[frozenset[str], list[str]] = {}
    for slot in kernel.slots.values():
        slots.setdefault(slot.elements, []).append(slot.name)
    parts = (f"{', '.join(names)}: {' '.join(sorted(map(_title, types)))}" for types, names in slots.items())
    return "; ".join(parts) or "every type"


def _title(name: str) -> str:
    return ELEMENTS[name].numpy if name in ELEMENTS else name
