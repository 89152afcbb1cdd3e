"""`modelc socs`: list the chips whose kernels are known, or the kernels of one."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelc.cli.output import table
from modelc.ir.types import ELEMENTS
from modelc.kernels import CORE, Kernel, KernelTable, kernel_table


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the chip to show, Ascend310P3 (list all)")
    parser.add_argument("--kernels", type=Path, metavar="FILE.json", help="kernels of another version of CANN")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List or show; returns the exit code."""
    known = kernel_table(options.kernels)
    if options.name:
        print(_kernels(known, options.name))
    else:
        print(f"{_chips(known)}\n\nkernels as of {known.vintage}, indicative; `modelc socs NAME` lists those of a chip")
    return 0


def _chips(known: KernelTable) -> str:
    rows = [("name", "on cores", "on CPU", "what it stands for")]
    for chip in known.chips.values():
        engines = [{kernel.engine for kernel in own} for own in _on(known, chip.name).values()]
        on_cores = sum(CORE in each for each in engines)
        rows.append((chip.name, str(on_cores), str(len(engines) - on_cores), chip.title))
    return table(rows, frozenset({1, 2}))


def _on(known: KernelTable, chip: str) -> dict[str, list[Kernel]]:
    """Return the kernels of a chip by op."""
    found = {op: [kernel for kernel in kernels if kernel.is_on(chip)] for op, kernels in known.kernels.items()}
    return {op: kernels for op, kernels in found.items() if kernels}


def _kernels(known: KernelTable, name: str) -> str:
    chip = known.chip(name)
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
