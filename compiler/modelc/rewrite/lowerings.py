"""Tables of lowerings: which function turns which op of one dialect into ops of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeAlias, TypeVar

from modelc.ir.op import Op, Value
from modelc.rewrite.rewriter import Rewriter

S = TypeVar("S")
Lowered: TypeAlias = Value | Sequence[Value | None]  # None stands for a result that nobody reads


class LoweringSite:
    """One op that is being lowered.

    Attributes:
        op: The op.
        rw: Inserts before it.
        inputs: Its data operands; already values of the dialect it is lowered to.
    """

    __slots__ = ("inputs", "op", "rw")

    def __init__(self, op: Op, rw: Rewriter) -> None:
        self.op = op
        self.rw = rw
        self.inputs = op.inputs

    @property
    def op_type(self) -> str:
        """The name of the operation in the dialect that it is lowered from."""
        return self.op.kind.partition(".")[2]

    def is_read(self, index: int) -> bool:
        """Whether anybody reads result `index`."""
        return index < len(self.op.results) and bool(self.op.results[index].readers)


class Lowerings(Generic[S]):
    """The lowerings from one dialect, registered by the modules of a package, one for each family of ops.

    A lowering is given the site, what it needs to build ops where the op is, and returns what stands for its results.
    """

    def __init__(self, package: str, families: Sequence[str] = ()) -> None:
        """Begin without any.

        Args:
            package: The package of the families.
            families: Its modules in the order in which they register, for a later registration wins; all by default.
        """
        self._package = package
        self._families = families
        self._functions: dict[str, Callable[[S], Lowered]] = {}
        self._is_complete = False

    def lowers(self, *op_types: str) -> Callable[[Callable[[S], Lowered]], Callable[[S], Lowered]]:
        """Register the lowering of `op_types`."""

        def register(function: Callable[[S], Lowered]) -> Callable[[S], Lowered]:
            self._functions.update(dict.fromkeys(op_types, function))
            return function

        return register

    def lowering(self, op_type: str) -> Callable[[S], Lowered] | None:
        """Return the function that lowers ops of this type, None where there is none."""
        self._complete()
        return self._functions.get(op_type)

    def op_types(self) -> list[str]:
        """Return the op types that are lowered by a function of their own, sorted."""
        self._complete()
        return sorted(self._functions)

    def _complete(self) -> None:
        if self._is_complete:
            return
        found = [module.name for module in iter_modules(import_module(self._package).__path__)]
        for family in self._families or found:
            import_module(f"{self._package}.{family}")
        self._is_complete = True
