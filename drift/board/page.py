"""The brief as one page of HTML, for a screen and for paper: no script, nothing from elsewhere.

Everything in it comes from the evidence, and names in there are a tenant's: they are escaped wherever they stand.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape

from drift.board.figures import CHECKED, MEANT, Evidence, figures
from drift.engine.wording import clean, count
from drift.model import Json
from drift.words import day, hundredths, percent, pp, signed

STYLE = """
@page{size:A4;margin:14mm}:root{color-scheme:light;--soft:#5b6577;--line:#d9dee7;--up:#1c7c46;--down:#b3372b;--ink:#1b2330}
*{box-sizing:border-box}body{margin:0 auto;max-width:62rem;padding:1.5rem;color:var(--ink);background:#fff;
font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .2rem}
h2{font-size:1.1rem;margin:1.4rem 0 .5rem;border-bottom:2px solid var(--ink);padding-bottom:.2rem}
p{margin:.2rem 0}.soft{color:var(--soft)}small{color:var(--soft)}
.six{display:grid;grid-template-columns:repeat(3,1fr);gap:.75rem;list-style:none;margin:.8rem 0 0;padding:0}
.six li{border:1px solid var(--line);border-radius:.5rem;padding:.7rem .9rem;break-inside:avoid}
.big{display:block;font-size:1.75rem;line-height:1.15;font-weight:650;font-variant-numeric:tabular-nums}
.up{color:var(--up)}.down{color:var(--down)}
table{border-collapse:collapse;width:100%;break-inside:avoid}
th,td{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;border-bottom:1px solid var(--line)}
td{overflow-wrap:anywhere}tbody th{font-weight:600;min-width:9rem}th:last-child,td:last-child{padding-right:0}
code{font-size:.9em}thead th{color:var(--soft);font-weight:600;font-size:.85rem}
.n{text-align:right;font-variant-numeric:tabular-nums}tfoot td{font-weight:650}
ol{margin:.4rem 0;padding-left:1.3rem}ol li{margin:.5rem 0;break-inside:avoid}svg{width:100%;height:9rem;display:block}
.score,.work{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}
.score{stroke:#1f5fbf}.work{stroke:#1c7c46;stroke-dasharray:3 3}
.axis{display:flex;justify-content:space-between;color:var(--soft);font-size:.8rem}
@media (max-width:40rem){.six{grid-template-columns:1fr 1fr}}
@media print{body{padding:0;font-size:12px}.six{gap:.5rem}.big{font-size:1.4rem}}
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
"""Of the page: nothing but its own style. A file says so itself, an answer also in its headers."""

MOST = 12
"""Owners that are listed, and controls by name."""
WIDE, HIGH = 720, 120

_TITLES = {
    "score": "Score movement",
    "highRisk": "Open high-risk controls",
    "overdue": "Overdue remediation",
    "exemptions": "Exemptions expired or without owner",
    "coverage": "Coverage",
    "completed": "Controls completed",
}


def page(evidence: Evidence) -> bytes:
    """The document, as UTF-8. Raises KeyError or TypeError for what is no evidence."""
    report, found = evidence["report.json"], figures(evidence)
    names = [part["name"] for part in report["parts"]]
    first = names[0]
    explained = evidence[f"{first}/explanation.json"]
    title = f"Secure score of {'all subscriptions' if report['scope'] == 'all' else _text(explained['name'])}"
    body = [
        f"<header><h1>{title}</h1><p class='soft'>{_period(report)}</p></header>",
        f"<main><p>{_sentence(found['parts'][first])}</p>",
        "<h2>Six figures</h2>",
        f"<ul class='six'>{''.join(_figures(found['parts'][first]))}</ul>",
        "<h2>Decisions to take</h2>",
        _decisions(found["decisions"]),
        *([f"<h2>{_text(' and '.join(names[1:]))} apart</h2>", _apart(found["parts"])] if len(names) > 1 else []),
        "<h2>The trend</h2>",
        _trend(explained["series"]),
        "<h2>By owner</h2>",
        _owners(found["parts"][first]),
        "<h2>What the figures say, and where to check them</h2>",
        _checked(first),
        "</main>",
    ]
    head = (
        f"<meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        f"<title>{title}</title><style>{STYLE}</style>"
    )
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>".encode()


def _text(words: object, longest: int = 200) -> str:
    return escape(clean(str(words), longest))


def _period(report: Json) -> str:
    return f"{_text(day(report['from']))} to {_text(day(report['to']))} UTC"


def _tone(value: float | None) -> str:
    return "up" if value and value >= 0.005 else "down" if value and value <= -0.005 else ""


def _sentence(own: Json) -> str:
    """The score in a sentence."""
    score = own["score"]
    ends = f"{percent({'percentage': score['before']})} to {percent({'percentage': score['after']})}"
    if score["movement"] is None:
        return f"There is no score at one end: from {ends}."
    earned, drift = hundredths([score["earned"], score["drift"]], score["movement"])
    return (
        f"From {ends}: <b>{pp(score['movement'])} percentage points</b>. People's own work is "
        f"{signed(earned, score['earned'])} of it; all else, which is drift, is {signed(drift, score['drift'])}."
    )


def _figures(own: Json) -> Iterator[str]:
    for name, title in _TITLES.items():
        big, tone, small = _shown(name, own[name])
        yield f"<li>{title}<span class='big {tone}'>{big}</span><small>{small}</small></li>"


def _shown(name: str, one: Json) -> tuple[str, str, str]:
    """A figure, its colour, and what stands under it."""
    if name == "score":
        if one["movement"] is None:
            return "no score", "", "at one end of the period"
        earned, drift = hundredths([one["earned"], one["drift"]], one["movement"])
        small = f"earned {signed(earned, one['earned'])}, drift {signed(drift, one['drift'])}"
        return f"{pp(one['movement'])} pp", _tone(one["movement"]), small
    if name == "coverage":
        machines = f"{one['assessed']:,} of {count(one['machines'], 'machine')} assessed"
        small = f"subscriptions scored; {machines}; {count(one['uncovered'], 'resource')} without a plan"
        return (
            f"{one['scored']:,} of {one['subscriptions']:,}",
            "down" if one["scored"] < one["subscriptions"] else "",
            small,
        )
    if one["count"] is None:
        needs = {"overdue": "governance assignments could not be read", "highRisk": "severities could not be read"}
        return "not known", "", needs[name]
    bad = "down" if one["count"] else ""
    if name == "highRisk":
        return f"{one['count']:,}", bad, _listed(one["controls"])
    if name == "overdue":
        more = f"; not known of {count(one['unread'], 'subscription')}" if one["unread"] else ""
        return (
            f"{one['count']:,}",
            bad,
            (f"the oldest since {_text(one['oldest'][:10])}" if one["oldest"] else "none") + more,
        )
    if name == "exemptions":
        worth = "" if one["worth"] is None else f"; all of them carry {pp(one['worth']).strip()} pp"
        return (
            f"{one['count']:,} of {one['total']:,}",
            bad,
            f"{one['expired']:,} expired, {one['noOwner']:,} without owner{worth}",
        )
    return f"{one['count']:,}", "up" if one["count"] else "", _listed(one["controls"])


def _listed(titles: Sequence[str], most: int = 3) -> str:
    if not titles:
        return "none"
    more = f" and {len(titles) - most} more" if len(titles) > most else ""
    return f"{', '.join(_text(one, 60) for one in titles[:most])}{more}"


def _decisions(decisions: Sequence[Json]) -> str:
    if not decisions:
        return "<p>Nothing stands out.</p>"
    rows = []
    for one in decisions:
        worth = "worth not known" if one["worth"] is None else f"worth {pp(one['worth']).strip()} pp"
        owners = f"; owner: {_listed(one['owners'])}" if one["owners"] else ""
        note = f"; {_text(one['note'])}" if one["note"] else ""
        rows.append(
            f"<li><b>{_text(one['verb'])}</b>: {_text(one['title'], 300)}<br><small>{worth}{owners}{note}; "
            f"evidence: {_text(one['file'])}.json</small></li>"
        )
    return f"<ol>{''.join(rows)}</ol>"


def _apart(parts: Json) -> str:
    """The figures of each part in a column of its own."""
    head = "".join(f"<th scope='col' class='n'>{_text(name, 40)}</th>" for name in parts)
    rows = []
    for name, title in _TITLES.items():
        cells = []
        for own in parts.values():
            big, tone, small = _shown(name, own[name])
            under = f"<br><small>{small}</small>" if name in ("score", "exemptions") else ""
            cells.append(f"<td class='n {tone}'>{big}{under}</td>")
        rows.append(f"<tr><th scope='row'>{title}</th>{''.join(cells)}</tr>")
    ends = "".join(f"<td class='n'>{percent({'percentage': own['score']['after']})}</td>" for own in parts.values())
    rows.insert(0, f"<tr><th scope='row'>Score at the end</th>{ends}</tr>")
    return f"<table><thead><tr><th scope='col'>Figure</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _trend(series: Sequence[Json]) -> str:
    """The score, and where it would stand by people's own work alone: as lines, and in words."""
    scored = [one for one in series if one["percentage"] is not None]
    if len(scored) < 2:
        return "<p>There are not two scores in the period.</p>"
    first, last = scored[0], scored[-1]
    lines = [
        [one["percentage"] for one in scored],
        [first["percentage"] + one["ownWork"] - first["ownWork"] for one in scored],
    ]
    at = [datetime.fromisoformat(one["takenAt"]).timestamp() for one in scored]
    low, high = min(map(min, lines)), max(map(max, lines))
    wide, tall = (at[-1] - at[0]) or 1.0, (high - low) or 1.0
    paths = []
    for kind, line in zip(("score", "work"), lines, strict=True):
        points = [
            (WIDE * (time - at[0]) / wide, HIGH - 4 - (HIGH - 8) * (value - low) / tall)
            for time, value in zip(at, line, strict=True)
        ]
        steps = "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
        paths.append(f"<path class='{kind}' d='M{points[0][0]:.1f} {points[0][1]:.1f}{steps}'/>")
    words = (
        f"From {percent(first)} to {percent(last)}; lowest {min(lines[0]):.2f} %, highest {max(lines[0]):.2f} %. "
        f"By people's own work alone it would be {lines[1][-1]:.2f} %."
    )
    drawn = (
        f"<svg viewBox='0 0 {WIDE} {HIGH}' preserveAspectRatio='none' role='img' aria-label='{escape(words)}'>"
        f"{''.join(paths)}</svg>"
    )
    axis = (
        f"<div class='axis'><span>{_text(first['takenAt'][:10])}</span><span>{_text(last['takenAt'][:10])}</span></div>"
    )
    return f"<p>{words} <small>Solid: the score. Dashed: own work alone.</small></p>{drawn}{axis}"


def _owners(own: Json) -> str:
    """The movement by owner of the resources; in all, the movement."""
    movement, owners = own["score"]["movement"], own["owners"]
    if movement is None or not owners:
        return "<p>There is no movement to divide.</p>"
    shown = [*owners[:MOST]]
    rest = owners[MOST:]
    if rest:
        shown.append({"owner": f"{len(rest)} more", "share": sum(one["share"] for one in rest)})
    parts = hundredths([one["share"] for one in shown], movement)
    rows = "".join(
        f"<tr><td>{_text(one['owner'], 80) if one['owner'] else 'no owner, or no resource'}</td>"
        f"<td class='n {_tone(one['share'])}'>{signed(part, one['share'])}</td></tr>"
        for one, part in zip(shown, parts, strict=True)
    )
    total = f"<tfoot><tr><td>in all</td><td class='n'>{pp(movement)}</td></tr></tfoot>"
    head = "<thead><tr><th scope='col'>Owner</th><th scope='col' class='n'>pp</th></tr></thead>"
    return f"<table>{head}<tbody>{rows}</tbody>{total}</table>"


def _checked(first: str) -> str:
    rows = ""
    for name, title in _TITLES.items():
        file, fields = CHECKED[name]
        inside = ", ".join(f"<code>{one}</code>" for one in fields)
        rows += f"<tr><th scope='row'>{title}</th><td>{_text(MEANT[name], 400)}</td>"
        rows += f"<td>{_text(first)}/{file}.json: {inside}</td></tr>"
    titles = ("Figure", "What it says", "In the evidence")
    head = f"<thead><tr>{''.join(f"<th scope='col'>{one}</th>" for one in titles)}</tr></thead>"
    how = "<p><code>drift verify EVIDENCE.zip</code> derives every figure again from the evidence and compares.</p>"
    return f"<table>{head}<tbody>{rows}</tbody></table>{how}"
