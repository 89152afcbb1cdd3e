"""Findings as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity
from modelc.diagnostics.explain import meaning
from modelc.diagnostics.renderers.pages import escaped, marked, page
from modelc.diagnostics.renderers.words import closing, lines, made_of, op_type


def render_html(
    findings: Sequence[Diagnostic],
    consequences: Sequence[Diagnostic],
    source: str,
    color: bool,
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the page: the verdict, `facts` about what was made, then a card for every finding."""
    rejected = any(diagnostic.severity is Severity.ERROR for diagnostic in findings)
    about = f'<article class="card ok">{_evidence(facts)}</article>' if facts else ""
    cards = (_card(number, diagnostic) for number, diagnostic in enumerate(findings, 1))
    return page(
        source,
        "cannot be compiled as it stands" if rejected else "can be compiled",
        closing(findings, consequences) if findings else "no findings",
        (about, _overview(findings), *cards),
        is_ok=not rejected,
    )


def _overview(findings: Sequence[Diagnostic]) -> str:
    if len(findings) < 2:
        return ""
    rows = (
        f'<li class="{each.severity.value}"><a href="#finding-{number}">'
        f"<b>{each.code}</b> <span>{marked(each.message)}</span></a></li>"
        for number, each in enumerate(findings, 1)
    )
    return f'<ol class="overview">{"".join(rows)}</ol>'


def _card(number: int, diagnostic: Diagnostic) -> str:
    severity = diagnostic.severity.value
    parts = [
        f'<article class="card {severity}" id="finding-{number}">',
        f'<header><span class="chip">{severity}</span><span class="code">{diagnostic.code}</span>'
        f'<span class="name">{escape(diagnostic.entry.name)}</span></header>',
        f"<h2>{marked(diagnostic.message)}</h2>",
        _where(diagnostic),
        _evidence(diagnostic.evidence),
        _list("notes", "Notes", [marked(note) for note in _notes(diagnostic)]),
        _list("fixes", "What to do", [_fix(fix) for fix in diagnostic.fixes]),
        f"<details><summary>What {diagnostic.code} means</summary><p>{marked(meaning(diagnostic.code))}</p>"
        f"<p><code>modelc explain {diagnostic.code}</code> tells more.</p></details>",
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _where(diagnostic: Diagnostic) -> str:
    parts = []
    if diagnostic.file:
        parts.append(f"<span>{escaped(diagnostic.file)}</span>")
    if diagnostic.op:
        parts.append(f'<code class="op">{escaped(diagnostic.op)}</code> <span>{escaped(op_type(diagnostic))}</span>')
    return f'<p class="where">{" ".join(parts)}</p>' if parts else ""


def _notes(diagnostic: Diagnostic) -> list[str]:
    parts = made_of(diagnostic)
    accepted = ", ".join(diagnostic.accepted_by)
    notes = [f"it stands for {parts}"] if parts else []
    return [*notes, *diagnostic.notes, *([f"accepted under {accepted}"] if accepted else [])]


def _evidence(evidence: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escaped(what)}</th><td>{_value(value)}</td></tr>" for what, value in evidence if value)
    return f'<div class="scroll"><table>{rows}</table></div>' if rows else ""


def _value(value: str) -> str:
    if "\n" in value:
        return f"<pre>{escape(chr(10).join(lines(value)))}</pre>"
    items = [f"<code>{escape(item)}</code>" for item in lines(value)]
    return items[0] if len(items) == 1 else f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _list(kind: str, title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return f'<section class="{kind}"><h3>{title}</h3><ul>{"".join(f"<li>{item}</li>" for item in items)}</ul></section>'


def _fix(fix: Fix) -> str:
    flag = f' <code class="flag">{escaped(fix.flag)}</code>' if fix.flag else ""
    return f"{marked(fix.text)}{flag}"
