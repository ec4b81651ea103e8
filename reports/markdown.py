"""A report as Markdown: the same tables and claims as on its page. What people or models wrote is escaped. Pure."""

import re
from collections.abc import Iterator, Sequence

from reports import pages
from reports.pages import Figure, ShownClaim, Table
from reports.told import Told

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()|~&]|^[#+=-]")
_NUMBERED = re.compile(r"^(\d+)([.)])")


def markdown(found: Told, *, site: str) -> str:
    """site: the address of the platform, which links of sessions begin with."""
    report = found.report
    about = report.version.shown_label + (f" against {report.other.shown_label}" if report.other else "")
    head = f"Report {report.number}, {report.made_at:%Y-%m-%d %H:%M} UTC, {report.sessions} sessions counted"
    lines = [
        f"# Report on {plain(about)}",
        "",
        f"{head}, {plain(found.written_by)}.",
        "",
        *_changes(found),
        "## Evidence",
        "",
    ]
    for table in pages.tables(found):
        lines += [*_table(table), ""]
    for _, title, claims in pages.sections(found):
        lines += [f"## {title}", "", *(line for claim in claims for line in _claim(claim, site)), ""]
    return "\n".join([*lines, *_checked(found), ""])


def _changes(found: Told) -> Iterator[str]:
    told = pages.changes(found)
    if told:
        yield from ("## What changed since the last report", "")
        for one in told:
            before = "new" if one.before is None else f"{one.before} % before"
            yield f"- {plain(one.words)}: {one.figure} {one.now} % now, {before}"
        yield ""


def _table(table: Table) -> Iterator[str]:
    yield from (f"### {table.title}", "")
    yield _cells(["", "what", "sessions", "won", "tied", "lost", "win share", "mean progress", "verdict"])
    yield _cells(["---"] * 9)
    for row in table.rows:
        seen = f"{row.n} of {row.of}" if table.is_told else str(row.n)
        figures = [str(one) for one in (row.won, row.tied, row.lost)]
        progress = _interval(row.progress) if row.progress else ""
        yield _cells([row.id, plain(row.words), seen, *figures, _interval(row.win_share), progress, row.verdict])
    quotes = [(row, quote) for row in table.rows for quote in row.quotes]
    if quotes:
        yield ""
        for row, quote in quotes:
            yield f"- {row.id}: “{plain(quote['text'])}”"


def _interval(figure: Figure) -> str:
    return f"{figure.value} % ({figure.low} to {figure.high} %)"


def _claim(claim: ShownClaim, site: str) -> Iterator[str]:
    mark = f" *{claim.mark}*" if claim.mark else ""
    yield f"- {plain(claim.text)}{mark} ({', '.join(claim.evidence)})"
    for one in claim.citations:
        against = f" against {plain(one.opponent)}" if one.opponent else ""
        at = "" if one.start_s is None else f", at {one.start_s:.1f} s"
        excluded = ", excluded since" if one.excluded else ""
        yield f"  - [{plain(one.shows)}{against}]({site}/sessions/{one.session}){at}{excluded}"


def _checked(found: Told) -> Iterator[str]:
    yield from ("## What was checked", "")
    if not found.dropped:
        yield "Every claim that was written held against the records that it cites."
    for count, why in found.dropped:
        yield f"- {count} not published: {'it' if count == 1 else 'they'} {why}."


def _cells(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"


def plain(text: str) -> str:
    """On one line, and nothing in it is markup."""
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))
