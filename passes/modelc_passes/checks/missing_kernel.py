"""Ops for which the chip has no kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity, Sink, finding
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import ELEMENTS, F16, F32, F64, I32, I64
from modelc.kernels import CPU, KernelTable, kernel_table
from modelc.pipeline.passes import Check, PassContext, option
from modelc_passes.checks.rule import Offence, conjoined, cut_before, places, subjects
from modelc_passes.shared.kernel_fit import Fit, Fitter, Misfit, Signature, operands_of, results_of, signature
from modelc_passes.shared.ranges import INT32, Range, Ranges, union, within

# Types to cast to without a loss of numbers, nearest first.
_WIDER: dict[str, tuple[str, ...]] = {
    "bool": ("u8", "i8", "i32", "f16", "f32"),
    "u8": ("i32", "f16", "f32"),
    "i8": ("i32", "f16", "f32"),
    "i16": ("i32", "f32"),
    "u16": ("i32", "f32"),
    "f16": ("f32",),
    "bf16": ("f32",),
}
# Up to where a type holds every whole number.
_EXACT = {"i32": (1 << 31) - 1, "f32": 1 << 24, "f16": 1 << 11}
_INDICATIVE = "the table is indicative: it holds what was published in {}"


@dataclass(slots=True)
class _Group:
    """Ops of one signature.

    Attributes:
        sign: The signature.
        fit: How they fit the chip.
        ops: The ops.
    """

    sign: Signature
    fit: Fit
    ops: list[Op] = field(default_factory=list[Op])


@dataclass(frozen=True)
class MissingKernel(Check):
    """The chip has a kernel for every op with its element types; where no chip is named, nothing is asked.

    The table of kernels is of one version of CANN and indicative. An op for which it has kernels, none of them for this
    chip and these types, is an error; one that it does not have at all is a warning; one that only the CPU of the chip
    can execute is a note. Where nothing lacks, a note says which other chips would take the model.
    """

    name: ClassVar[str] = "missing-kernel"
    code: ClassVar[str] = "MC220"
    kernels: str = option("", "a file with kernels to lay over the built-in table", flag="kernels")

    def run(self, model: Model, context: PassContext) -> None:
        """Report every kind of op without a kernel once, then what runs on the CPU."""
        if context.soc:
            table = kernel_table(Path(self.kernels) if self.kernels else None)
            _Lint(table, table.chip(context.soc).name, context.sink).run(model)


class _Lint:
    def __init__(self, table: KernelTable, chip: str, sink: Sink) -> None:
        self._table = table
        self._chip = chip
        self._sink = sink
        self._fitter = Fitter(table)
        self._ranges = Ranges()

    def run(self, model: Model) -> None:
        """Fit every op of the model."""
        groups: dict[Signature, _Group] = {}
        is_whole = True
        for op in model.ops():
            if op.dialect and (op.dialect != "ge" or op_def(op.kind) is None):
                is_whole = False
            elif op.dialect:
                sign = signature(op)
                fit = self._fitter.fit_signature(sign, self._chip)
                groups.setdefault(sign, _Group(sign, fit)).ops.append(op)
        lacking = _joined(group for group in groups.values() if not group.fit.engine)
        takers = self._chips_for(groups.values())
        for group in lacking:
            self._sink.add(self._report(group, takers))
        slow = [op for group in groups.values() if group.fit.engine == CPU for op in group.ops]
        if slow:
            self._sink.add(self._report_slow(slow))
        if groups and is_whole and not lacking:
            self._sink.add(self._report_fit(takers))

    def _chips_for(self, groups: Collection[_Group]) -> list[str]:
        """Return the chips that have a kernel for all of `groups`, the repairs reckoned with."""
        return [chip for chip in self._table.chips if all(self._is_taken(group, chip) for group in groups)]

    def _is_taken(self, group: _Group, chip: str) -> bool:
        fit = self._fitter.fit_signature(group.sign, chip)
        if fit.engine or not fit.is_listed:
            return True
        return fit.is_about_int64 and all(within(self._range(group, misfit), INT32) for misfit in fit.misfits)

    def _report(self, group: _Group, takers: Sequence[str]) -> Diagnostic:
        fit, op = group.fit, group.ops[0]
        offences = [Offence(each, group.sign, _types(each, fit.misfits)) for each in group.ops]
        others = [chip for chip in self._chips_for([group]) if chip != self._chip] if fit.is_listed else []
        evidence = [("ops", places(offences)), *_taken(fit.misfits), ("on chips", ", ".join(others))]
        notes = [_INDICATIVE.format(self._table.vintage)]
        if takers and fit.is_listed:
            notes.insert(0, f"{conjoined(takers)} {'has' if len(takers) == 1 else 'have'} kernels for the whole model")
        return finding(
            MissingKernel.code,
            f"{subjects(offences, 'has', 'have')} {self._reason(fit)}",
            op,
            severity=Severity.ERROR if fit.is_listed else Severity.WARNING,
            evidence=evidence,
            notes=notes,
            fixes=[*self._casts(group), *_ways_out(op, [chip for chip in takers if chip in others] or others)],
        )

    def _report_fit(self, takers: Sequence[str]) -> Diagnostic:
        others = [chip for chip in takers if chip != self._chip]
        too = f", as {'has' if len(others) == 1 else 'have'} {conjoined(others)}" if others else ""
        return finding(
            "MC225",
            f"{self._chip} has kernels for the whole model{too}",
            notes=[_INDICATIVE.format(self._table.vintage)],
        )

    def _reason(self, fit: Fit) -> str:
        if fit.misfits:
            return f"no kernel on {self._chip} for {_asked(fit.misfits)}"
        return f"no kernel on {self._chip if fit.is_listed else 'any chip'} in the table of {self._table.vintage}"

    def _casts(self, group: _Group) -> list[Fix]:
        """Return the casts that would make the ops fit, with why each loses nothing or when it would."""
        name = group.ops[0].origin.name or group.ops[0].name
        alike: dict[tuple[str, frozenset[str]], list[Misfit]] = {}
        for misfit in group.fit.misfits:
            alike.setdefault((misfit.use.element, misfit.takes), []).append(misfit)
        fixes = []
        for (given, takes), misfits in alike.items():
            text = _cast(given, takes, union([self._range(group, misfit) for misfit in misfits]))
            slots = conjoined(list(dict.fromkeys(f"`{misfit.slot}`" for misfit in misfits)))
            fixes += [Fix(f"cast {slots} of `{name}` to {text}")] if text else []
        return fixes

    def _range(self, group: _Group, misfit: Misfit) -> Range | None:
        return union([self._ranges.of(value) for op in group.ops for value in _values(op, misfit)])

    def _report_slow(self, ops: Sequence[Op]) -> Diagnostic:
        offences = [Offence(op, "", op.kind.partition(".")[2]) for op in ops]
        return finding(
            MissingKernel.code,
            f"{subjects(offences, 'runs', 'run')} on the CPU of {self._chip}, which is slow; its cores have no kernel",
            ops[0],
            severity=Severity.NOTE,
            evidence=[("ops", places(offences))],
        )


def _joined(groups: Iterable[_Group]) -> list[_Group]:
    """Join groups that lack the same, whatever else differs in how they use their slots."""
    found: dict[tuple[str, Fit], _Group] = {}
    for group in groups:
        first = found.setdefault((group.sign[0], group.fit), _Group(group.sign, group.fit))
        first.ops.extend(group.ops)
    return list(found.values())


def _ways_out(op: Op, chips: Sequence[str]) -> list[Fix]:
    fixes = [Fix("compile for a chip that has it", f"--soc {chips[0]}")] if chips else []
    return [*fixes, Fix("say what your version of CANN has", "--kernels FILE.json"), *cut_before(op)]


def _cast(given: str, takes: frozenset[str], range_: Range | None) -> str:
    """Return the type that would fit, and why or when it holds the numbers; empty where there is none."""
    if given == I64.name and I32.name in takes:
        if range_ is None or not within(range_, INT32):
            return "int32, if its numbers stay below 2147483648, which cannot be proved here"
        return f"int32, as the repairs do: the numbers lie between {range_[0]} and {range_[1]}"
    if given == F64.name:
        lossy = next((name for name in (F32.name, F16.name) if name in takes), "")
        return f"{_title(lossy)}, with fewer digits" if lossy else ""
    wider = next((name for name in _WIDER.get(given, ()) if name in takes), "")
    if wider:
        return f"{_title(wider)}, which holds every {_title(given)}"
    exact = next((name for name, most in _EXACT.items() if name in takes and within(range_, (-most, most))), "")
    return f"{_title(exact)}: the numbers lie between {range_[0]} and {range_[1]}" if exact and range_ else ""


def _values(op: Op, misfit: Misfit) -> list[Value]:
    definition = op_def(op.kind)
    if definition is None:
        return []
    pairs = results_of(op, definition) if misfit.use.is_result else operands_of(op, definition)
    return [value for value, slot in pairs if slot.name == misfit.slot]


def _types(op: Op, misfits: Sequence[Misfit]) -> str:
    values = [value for misfit in misfits for value in _values(op, misfit)]
    return ", ".join(dict.fromkeys(str(value.type) for value in values))


def _asked(misfits: Sequence[Misfit]) -> str:
    """Return what is asked of a kernel in vain: "int64 as `x1` and `x2`, bool as `y`"."""
    slots: dict[str, list[str]] = {}
    for misfit in misfits:
        slots.setdefault(_title(misfit.use.element), []).append(f"`{misfit.slot}`")
    return ", ".join(f"{element} as {conjoined(list(dict.fromkeys(names)))}" for element, names in slots.items())


def _taken(misfits: Sequence[Misfit]) -> list[tuple[str, str]]:
    slots: dict[str, list[str]] = {}
    for misfit in misfits:
        slots.setdefault(_listed(misfit.takes), []).append(misfit.slot)
    return [(f"takes as {', '.join(dict.fromkeys(names))}", types) for types, names in slots.items()]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(_title, names)))


def _title(name: str) -> str:
    return ELEMENTS[name].numpy if name in ELEMENTS else name
