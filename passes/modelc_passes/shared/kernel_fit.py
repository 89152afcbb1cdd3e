"""Which kernel of a chip an op would run on, and what stands in the way where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from modelc.dialects.ge.attribute_forms import FORMS
from modelc.dialects.ge.dtypes import takes
from modelc.dialects.lookup import op_def
from modelc.ir.op import Op, Value
from modelc.ir.opdef import Mode, OpDef, Slot
from modelc.ir.types import CONTROL, ELEMENTS, I32, I64, TensorType
from modelc.kernels import CORE, Kernel, KernelTable

NEEDLESS = "none"  # the engine of an op that needs no kernel


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which an op uses a slot of its prototype.

    Attributes:
        slot: The slot's name.
        element: Name of the element type, empty where it is unknown or none.
        is_constant: Whether a constant is given.
        is_result: Whether it is a result.
    """

    slot: str
    element: str
    is_constant: bool = False
    is_result: bool = False


Signature: TypeAlias = tuple[str, tuple[Use, ...]]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One slot with an element type that no kernel takes there.

    Attributes:
        use: How the op uses the slot.
        takes: Names of the element types that the nearest kernel takes there.
    """

    use: Use
    takes: frozenset[str]

    @property
    def slot(self) -> str:
        """The slot's name in the prototype of the op."""
        return self.use.slot


@dataclass(frozen=True, slots=True)
class Fit:
    """How an op fits a chip.

    Attributes:
        engine: What would execute it: `core`, `cpu`, `none` where no kernel is needed, empty where there is none.
        misfits: What the nearest kernel of the chip does not take; empty where the chip has none for the op.
        is_listed: Whether the table knows a kernel for such an op on any chip.
    """

    engine: str = ""
    misfits: tuple[Misfit, ...] = ()
    is_listed: bool = True

    @property
    def is_about_int64(self) -> bool:
        """Whether nothing stands in the way but 64-bit integers where a kernel takes 32 bits."""
        return bool(self.misfits) and all(m.use.element == I64.name and I32.name in m.takes for m in self.misfits)


@dataclass(slots=True)
class Fitter:
    """Fits ops to chips; like ops are looked up once.

    Attributes:
        table: The kernels.
    """

    table: KernelTable
    _known: dict[tuple[Signature, str], Fit] = field(default_factory=dict[tuple[Signature, str], Fit])

    def fit(self, op: Op, chip: str) -> Fit:
        """Return how `op` fits the chip of that name."""
        return self.fit_signature(signature(op), chip)

    def fit_signature(self, sign: Signature, chip: str) -> Fit:
        """Return how ops with this signature fit the chip of that name."""
        found = self._known.get((sign, chip))
        if found is None:
            found = self._known[sign, chip] = self._fit(sign, chip)
        return found

    def _fit(self, sign: Signature, chip: str) -> Fit:
        kind, uses = sign
        if kind in self.table.without or self._is_computed_early(kind, uses):
            return Fit(NEEDLESS)
        candidates = list(self._candidates(kind, uses))
        on_chip = [(kernel, form) for kernel, form in candidates if kernel.is_on(chip)]
        if not on_chip:
            return Fit(is_listed=bool(candidates))
        tried = [(kernel.engine, tuple(_misfits(kernel, form))) for kernel, form in on_chip]
        engine, misfits = min(tried, key=lambda item: (len(item[1]), item[0] != CORE))
        return Fit("" if misfits else engine, misfits)

    def _is_computed_early(self, kind: str, uses: Iterable[Use]) -> bool:
        return kind in self.table.early and all(use.is_constant for use in uses if not use.is_result)

    def _candidates(self, kind: str, uses: Sequence[Use]) -> Iterator[tuple[Kernel, list[tuple[str, Use]]]]:
        """Yield the kernels of an op and of its form with constants as attributes, with the uses of their slots."""
        for kernel in self.table.kernels.get(kind, ()):
            yield kernel, [(use.slot, use) for use in uses]
        constants = {use.slot for use in uses if use.is_constant}
        for form, moved in _FORMS_OF.get(kind, ()):
            if constants.issuperset(moved):
                renamed = _renamed(kind, form, moved)
                uses_of_form = [(renamed.get(use.slot, use.slot), use) for use in uses if use.slot not in moved]
                for kernel in self.table.kernels.get(form, ()):
                    yield kernel, uses_of_form


def _forms_of() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for name, form in FORMS.items():
        found.setdefault(form.base, []).append((name, form.moved))
    return found


_FORMS_OF = _forms_of()


def _renamed(kind: str, form: str, moved: Sequence[str]) -> dict[str, str]:
    """Return how a form calls the slots of the canonical op."""
    base, other = op_def(f"ge.{kind}"), op_def(f"ge.{form}")
    if base is None or other is None:
        return {}
    kept = [slot.name for slot in base.operands if slot.name not in moved]
    names = dict(zip(kept, (slot.name for slot in other.operands), strict=False))
    return names | dict(zip((s.name for s in base.results), (s.name for s in other.results), strict=False))


def _misfits(kernel: Kernel, uses: Iterable[tuple[str, Use]]) -> Iterator[Misfit]:
    for name, use in uses:
        slot = kernel.slots.get(name)
        if slot is not None and use.element and not takes(slot, TensorType(ELEMENTS[use.element])):
            yield Misfit(use, slot.elements)


def signature(op: Op) -> Signature:
    """Return what decides on the kernel of `op`: its type, and how it uses each slot."""
    definition = op_def(op.kind)
    uses: dict[Use, None] = {}
    if definition is not None:
        uses.update((_use(value, slot, False), None) for value, slot in operands_of(op, definition))
        uses.update((_use(value, slot, True), None) for value, slot in results_of(op, definition))
    return op.kind.partition(".")[2], tuple(uses)


def _use(value: Value, slot: Slot, is_result: bool) -> Use:
    element = value.type.element if isinstance(value.type, TensorType) else None
    is_constant = not is_result and value.producer.kind == "const"
    return Use(slot.name, "" if element is None else element.name, is_constant, is_result)


def operands_of(op: Op, definition: OpDef) -> Iterator[tuple[Value, Slot]]:
    """Yield the operands of `op` with their slots."""
    return _spread(op.inputs, definition.operands)


def results_of(op: Op, definition: OpDef) -> Iterator[tuple[Value, Slot]]:
    """Yield the results of `op` with their slots."""
    return _spread([value for value in op.results if value.type is not CONTROL], definition.results)


def _spread(values: Sequence[Value], slots: Sequence[Slot]) -> Iterator[tuple[Value, Slot]]:
    lists = sum(slot.mode is Mode.DYNAMIC for slot in slots)
    each = max(0, len(values) - len(slots) + lists) // lists if lists else 1
    spread = [slot for slot in slots for _ in range(each if slot.mode is Mode.DYNAMIC else 1)]
    return zip(values, spread, strict=False)
