"""The messages of atc: read from its log, sorted by what is at fault, and told in the names of the user's own model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op

MOST: Final = 8 << 20  # bytes of a log that are read, from its end
_LINES: Final = 12  # lines of one message
_LONGEST: Final = 2000  # characters of one message
_MESSAGES: Final = 1000
_FINDINGS: Final = 100
_SHOWN: Final = 8  # names of ops in one finding

_HEAD = re.compile(
    r"^\s*(?:\[(?:ERROR|WARNING)\].*?\s)?(?:ErrorNo:\s*)?\b(?P<code>[EW][0-9A-Z]\d{4})\b\s*[:\]]?\s*"
    r"(?:\[PID:\s*\d+\]\s*)?(?:\d{4}-\d{2}-\d{2}-[\d:.]+\s*)?(?P<text>.*)$"
)
_NAMED = re.compile(r"\[([^\[\]]+)\]|'([^']+)'|\"([^\"]+)\"|`([^`]+)`|([\w./:-]+)")
_TYPED = re.compile(r"\bop\s*_?type\s*:?\s*[\[<('\"]*\s*(?P<type>\w[\w:.]*)", re.IGNORECASE)
_NOISE = re.compile(r"^\s*(?:TraceBack|Traceback)\b")
_SOLUTION = re.compile(r"^\s*(?:Solution|Possible Cause|Suggestion)\s*:\s*(?P<text>.+)$", re.IGNORECASE)
_BROKEN_INSTALL: Final = (
    re.compile(r"ModuleNotFoundError: No module named '(?:te|tbe|te_fusion|topi|opc_tool|auto_search|schedule_search)"),
    re.compile(r"ImportError: .*te_fusion"),
    re.compile(r"error while loading shared libraries: \S+"),
    re.compile(r"GLIBC(?:XX)?_[\d.]+' not found"),
)

# What is at fault, by the longest beginning of a code.
_FAMILIES: Final = {
    "E10": "MC702",
    "E104": "MC703",
    "E105": "MC703",
    "E10041": "MC704",
    "E11": "MC704",
    "E12": "MC704",
    "E13": "MC704",
    "E14": "MC704",
    "E16": "MC704",
    "E19": "MC704",
    "E19010": "MC703",
    "E2": "MC704",
    "E4": "MC705",
    "E8": "MC704",
    "EZ": "MC703",
    "E": "MC704",
    "W": "MC708",
}
_FIXES: Final = {
    "E10001": (Fix("give every input a full shape", '--input-shape "NAME:1,224,224,3"'),),
    "E10011": (Fix("give every input a full shape", '--input-shape "NAME:1,224,224,3"'),),
    "E10016": (Fix("`modelc inspect` lists the inputs by name"),),
    "E10041": (Fix("check that the disk is not full and the `.air` can be read"),),
    "E13023": (Fix("the model is larger than 2 GiB: write its weights beside it"),),
    "E19010": (Fix("`modelc ops NAME` shows what the Graph Engine knows of a type; a vendor's package may add it"),),
    "EZ3002": (Fix("put a cast before the op where it is an element type that its kernel does not take"),),
    "EZ3003": (Fix("another chip may have a kernel for it; else replace the op by others"),),
    "E40021": (
        Fix("check that Python and the package of operators for this chip belong to this CANN: source its set_env.sh"),
        Fix("if single ops fail, try another precision", "--precision-mode force_fp32"),
    ),
}
_PRECOMPILE: Final = "kernels are built by Python programs of CANN: most such failures come from the installation"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of atc.

    Attributes:
        code: Its code, `E19010`.
        text: What it says, on one line.
        solution: What it advises, empty where it does not.
    """

    code: str
    text: str
    solution: str = ""


def read_log(path: Path) -> str:
    """Return the end of a log, as much as is looked at; raises OSError when it cannot be read."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - MOST))
        return file.read(MOST).decode("utf-8", "replace")


def messages(text: str) -> list[Message]:
    """Return the first messages in a log, each once, in order."""
    found: dict[Message, None] = {}
    for code, lines in _blocks(text.splitlines()):
        advice = [match["text"].strip() for line in lines if (match := _SOLUTION.match(line))]
        words = [line.strip() for line in lines if line.strip() and not _SOLUTION.match(line)]
        found[Message(code, " ".join(words)[:_LONGEST], " ".join(advice)[:_LONGEST])] = None
        if len(found) == _MESSAGES:
            break
    return list(found)


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the code and the lines of every message; what follows a traceback is not told."""
    code, block, is_open = "", list[str](), False
    for line in lines:
        match = _HEAD.match(line)
        if match:
            if code:
                yield code, block
            code, block, is_open = match["code"], [match["text"]], True
        elif _NOISE.match(line) or not line.strip() or not line[0].isspace():
            is_open = False
        elif is_open and len(block) < _LINES:
            block.append(line)
    if code:
        yield code, block


def broken_install(text: str) -> str:
    """Return the line of a log that shows a broken installation, empty where none does."""
    for line in text.splitlines():
        if any(pattern.search(line) for pattern in _BROKEN_INSTALL):
            return line.strip()
    return ""


# -- names


@dataclass(slots=True)
class Names:
    """The ops of an artifact by the names and types that atc knows them by."""

    ops: dict[str, Op]
    types: dict[str, list[Op]]

    @classmethod
    def of(cls, model: Model) -> Names:
        """Return the names of all ops of a model that was read from an artifact."""
        ops: dict[str, Op] = {}
        types: dict[str, list[Op]] = {}
        for op in model.ops():
            if op.kind not in ("input", "return", "absent"):
                ops.setdefault(op.name, op)
                types.setdefault(op.kind.rpartition(".")[2], []).append(op)
            elif op.kind == "input":
                ops.update((value.name, op) for value in op.results if value.name not in ops)
        return cls(ops, types)

    def in_text(self, text: str) -> dict[str, Op]:
        """Return the ops that a message names, by the name it uses."""
        found: dict[str, Op] = {}
        for match in _NAMED.finditer(text):
            whole = next(group for group in match.groups() if group is not None)
            for name in (whole, *re.split(r"[,\s]+", whole)):
                op = self._op(name.strip(), is_named=match[5] is None)
                if op is not None:
                    found[name.strip()] = op
        return found

    def _op(self, name: str, is_named: bool) -> Op | None:
        """Return the op called `name`, or the one that the Graph Engine made an op of that name from."""
        name = name.removesuffix(":0")
        op = self.ops.get(name)
        while op is None and is_named and "_" in name:
            name = name.rpartition("_")[0]
            op = self.ops.get(name)
        return op

    def of_type(self, text: str) -> list[Op]:
        """Return the ops of the types that a message names."""
        found: dict[Op, None] = {}
        for match in _TYPED.finditer(text):
            found.update(dict.fromkeys(self.types.get(match["type"].rpartition(":")[2], ())))
        return list(found)


def findings(log: Iterable[Message], names: Names | None, file: str) -> list[Diagnostic]:
    """Return what messages of atc come to, alike ones about several ops as one finding.

    Args:
        log: The messages.
        names: The ops of the artifact that atc was given; None where it could not be read.
        file: The log, for the findings.
    """
    groups: dict[tuple[str, str], list[tuple[Message, list[Op]]]] = {}
    for message in log:
        ops = _ops(message, names)
        kind = ops[0].kind if ops else ""
        key = (message.code, kind) if kind and message.code not in ("E19999",) else (message.code, message.text)
        groups.setdefault(key, []).append((message, ops))
    return [_finding(group, file) for group in list(groups.values())[:_FINDINGS]]


def _ops(message: Message, names: Names | None) -> list[Op]:
    if names is None:
        return []
    named = list(dict.fromkeys(names.in_text(message.text).values()))
    return named or names.of_type(message.text)


def _finding(group: list[tuple[Message, list[Op]]], file: str) -> Diagnostic:
    message = group[0][0]
    ops = list(dict.fromkeys(op for _, each in group for op in each))
    code = family(message.code)
    subject = ops[0] if ops and ops[0].kind != "input" else None
    fixes = [Fix(message.solution)] if message.solution else []
    evidence = [("atc's own code", message.code), ("atc says", message.text)]
    if ops:
        evidence.append(("in your model", _listed(ops)))
    return finding(
        code,
        _headline(code, message, ops),
        subject,
        file=file,
        evidence=evidence,
        notes=[_PRECOMPILE] if code == "MC705" else [],
        fixes=[*fixes, *_FIXES.get(message.code, ())],
    )


def _headline(code: str, message: Message, ops: list[Op]) -> str:
    if not ops:
        return f"atc: {message.text or message.code}"
    more = f" and {len(ops) - 1} more" if len(ops) > 1 else ""
    what = {"MC703": "cannot be built by atc", "MC705": "could not be compiled by atc", "MC708": "is warned of by atc"}
    return f"`{_source(ops[0])}` ({ops[0].kind}){more} {what.get(code, 'is refused by atc')}"


def _listed(ops: list[Op]) -> str:
    names = [_source(op) for op in ops[:_SHOWN]]
    return ", ".join(names) + (f" and {len(ops) - _SHOWN} more" if len(ops) > _SHOWN else "")


def _source(op: Op) -> str:
    return op.origin.name or op.name


def family(code: str) -> str:
    """Return the code of the finding that a code of atc belongs to."""
    known: Mapping[str, str] = _FAMILIES
    return next(known[code[:length]] for length in range(len(code), 0, -1) if code[:length] in known)
