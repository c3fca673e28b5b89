"""The page for people: where a scope stands, what moved it, what is to come; one HTML document without scripts.

Everything on it comes from the answers of the other routes. Names are a tenant's: they are escaped wherever they
stand.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from urllib.parse import urlencode

from drift import answers
from drift.adapters import dates
from drift.engine.auditing.audit import FLAGS
from drift.engine.wording import clean, count
from drift.history import History
from drift.model import Json
from drift.people import People, done_at
from drift.web.problems import Response
from drift.words import day, hundredths, percent, pp, signed

MOVEMENTS, CAUSES, POINTS = 50, 4, 1000
LOOKED = 10
"""Subscriptions of a group that the sections on where it stands look at: a page comes at once."""
WIDE, HIGH = 720, 160
"""The size of the drawing, in its own units."""

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{margin:auto;max-width:72rem;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:1.5rem 0 .5rem}nav a{margin-right:1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;
border-bottom:1px solid #8886}table{min-width:48rem}td:first-child{white-space:nowrap}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
ul{margin:0;padding:0;list-style:none}svg{width:100%;max-height:14rem}.score{stroke:#2563eb}.work{stroke:#16a34a}
.score,.work{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}.s{color:#2563eb}.w{color:#16a34a}
.wide{overflow-x:auto}small{opacity:.75}
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; base-uri 'none'"
)


def page(history: History, scope: str, key: str | None) -> Response:
    """The page of a scope. `key` is the function key that came in the query, if one did: the page's links carry it.

    Raises what History raises.
    """
    moved = history.deltas(scope, limit=MOVEMENTS)["value"]
    since = dates.one(moved[-1]["from"]) if moved else None
    steps = history.scores(scope, since, limit=POINTS)["value"]
    coming = history.pending(scope)["value"]
    pending = [one for one in coming if one.get("stage") != "assessment"]
    foretold = [one for one in coming if one.get("stage") == "assessment"]
    people = People([*moved, {"pending": coming}], lambda words: _text(words, 100))
    scopes = history.scopes()
    name = next((name for one, name in scopes if one == scope.lower()), scope)
    body = [
        f"<h1>Secure score of {_text('all subscriptions' if name == 'all' else name)}</h1>",
        f"<nav aria-label='Scopes'>{''.join(_scope(one, shown, scope, key) for one, shown in scopes)}</nav>",
        _standing(steps),
        "<h2>What moved it</h2>",
        _movements(moved, people, key) if moved else "<p>Nothing moved since it is watched.</p>",
        "<h2>Still to come</h2>",
        _coming(pending, people) if pending else "<p>Nothing is waiting for Azure's counts.</p>",
        f"<h2>Expected</h2>{_coming(foretold, people)}" if foretold else "",
        "<h2>Why it stands still</h2>",
        _still(answers.diagnosis(history, scope, most=LOOKED)),
        "<h2>Exemptions and coverage</h2>",
        _exempted(answers.exemptions(history, scope, LOOKED)),
        _covered(answers.coverage(history, scope, LOOKED)),
        f"<p><small>{_link('explain', {'scope': scope}, key, 'This week as JSON')} · "
        f"{_more(scope, key)} · {_link('openapi.json', {}, key, 'All that can be asked')}</small></p>",
    ]
    head = f"<title>Secure score of {_text(name)}</title><style>{STYLE}</style>"
    viewport = "<meta name='viewport' content='width=device-width,initial-scale=1'>"
    whole = f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{viewport}{head}</head><body>{''.join(body)}"
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, f"{whole}</body></html>".encode(), "text/html; charset=utf-8", headers)


def _text(words: str, longest: int = 200) -> str:
    return escape(clean(words, longest))


def _link(path: str, query: Json, key: str | None, words: str) -> str:
    """A link to a route beside the page's, with the key that the page was asked with."""
    asked = urlencode(query | ({"code": key} if key else {}))
    return f'<a href="{escape(f"{path}?{asked}" if asked else path)}">{_text(words)}</a>'


def _scope(scope: str, name: str, chosen: str, key: str | None) -> str:
    return f"<b>{_text(name)}</b> " if scope == chosen.lower() else _link("page", {"scope": scope}, key, name)


def _standing(steps: Sequence[Json]) -> str:
    """Where it stands, and how it came there: the score, and people's own work from the same beginning."""
    first, last = steps[0], steps[-1]
    words = f"<p>{percent(last)} since {_text(day(last['takenAt']))} UTC"
    scored = [one for one in steps if one["percentage"] is not None]
    if len(scored) < 2 or last["percentage"] is None:
        return f"{words}, and nothing moved it in the last week.</p>" if len(steps) == 1 else f"{words}.</p>"
    moved = scored[-1]["percentage"] - scored[0]["percentage"]
    work = scored[-1]["ownWork"] - scored[0]["ownWork"]
    words += (
        f"; since {_text(day(first['takenAt']))} UTC it moved by <b>{pp(moved)} pp</b>: people's own work is "
        f"{pp(work)} pp of it, drift {pp(moved - work)} pp.</p>"
    )
    lines = [[one["percentage"] for one in scored], [_worked(one, scored[0]) for one in scored]]
    title = f"The score from {percent(scored[0])} to {percent(scored[-1])}, and own work alone"
    drawn = _drawing([one["takenAt"] for one in scored], lines, title)
    return f"{words}{drawn}<p><small><span class='s'>━ score</span> <span class='w'>━ own work alone</span></small></p>"


def _worked(one: Json, first: Json) -> float:
    """What the score would be if only people's own work had moved it."""
    worked: float = first["percentage"] + one["ownWork"] - first["ownWork"]
    return worked


def _drawing(times: Sequence[str], lines: Sequence[Sequence[float]], title: str) -> str:
    from datetime import datetime

    at = [datetime.fromisoformat(time).timestamp() for time in times]
    low, high = min(map(min, lines)), max(map(max, lines))
    wide, tall = (at[-1] - at[0]) or 1.0, (high - low) or 1.0
    drawn = []
    for kind, line in zip(("score", "work"), lines, strict=True):
        points = [
            (WIDE * (time - at[0]) / wide, HIGH - 4 - (HIGH - 8) * (value - low) / tall)
            for time, value in zip(at, line, strict=True)
        ]
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in points[1:])
        drawn.append(f"<path class='{kind}' d='{path}'/>")
    box = f"viewBox='0 0 {WIDE} {HIGH}' preserveAspectRatio='none' role='img'"
    return f"<svg {box} aria-label='{_text(title)}'>{''.join(drawn)}</svg>"


def _movements(moved: Sequence[Json], people: People, key: str | None) -> str:
    rows = []
    for one in moved:
        own = one["classes"].get("earned", 0.0) + one["classes"].get("lost", 0.0)
        ends = [percent({"percentage": one[end]}) for end in ("before", "after")]
        figures = ["–"] * 3 if one["movement"] is None else _figures(one["movement"], own)
        causes = "".join(
            f"<li>{pp(cause['share'])} {_text(cause['title'])}{_done(cause, people)}</li>"
            for cause in one["causes"][:CAUSES]
        )
        more = len(one["causes"]) - CAUSES + one["moreCauses"]
        if more > 0:
            causes += f"<li><small>and {more} more</small></li>"
        when = _link(f"deltas/{one['id']}", {}, key, f"{day(one['to'])}")
        cells = [*ends, *figures]
        rows.append(
            f"<tr><td>{when}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}<td><ul>{causes}</ul></td></tr>"
        )
    titles = ["Before", "After", "pp", "Own work", "Drift"]
    head = f"<th>Until (UTC)</th>{''.join(f'<th class=n>{one}</th>' for one in titles)}<th>Causes</th>"
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _figures(movement: float, own: float) -> list[str]:
    """Movement, own work and drift, rounded so that the latter two add up to the first."""
    parts = own, movement - own
    return [pp(movement), *map(signed, hundredths(parts, movement), parts)]


def _done(cause: Json, people: People) -> str:
    """When and by whom, behind a title."""
    at, who = done_at(cause), people.did(cause)
    words = [_text(f"{day(at)} UTC"), who] if at else [who]
    return f" <small>{', '.join(filter(None, words))}</small>" if any(words) else ""


def _coming(coming: Sequence[Json], people: People) -> str:
    rows = "".join(
        f"<tr><td class=n>{'?' if one['share'] is None else pp(one['share'])}</td>"
        f"<td>{_text(one['title'])}, in {_text(one['subscription'])}{_assumed(one)}</td>"
        f"<td>{people.did(one)}</td><td>{_text(day(one['due']))}</td></tr>"
        for one in coming[:MOVEMENTS]
    )
    head = "<th class=n>pp</th><th>What</th><th>Who</th><th>In the score by (UTC)</th>"
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _assumed(one: Json) -> str:
    """Of what is foretold, what is assumed, or why its share is not known."""
    if one.get("stage") != "assessment" or not one["reason"]:
        return ""
    words = "share not known: " if one["share"] is None else ""
    return f" <small>{words}{_text(one['reason'])}</small>"


# Why, and what is hidden


def _still(found: Json) -> str:
    """The first reasons of a diagnosis."""
    rows = []
    for one in found["reasons"][: answers.FIRST]:
        facts = [f"moves by {day(one['movesBy']['latest'])} UTC"] if one["movesBy"] else []
        facts += [f"{pp(one['effect'])} pp once that is done"] if one["effect"] else []
        facts += ["inferred"] if one["confidence"] == "inferred" else []
        words = f"<b>{_text(one['title'], 400)}</b>. {_text(one['action'], 400)}"
        rows.append(f"<li>{words} <small>{_text('; '.join(facts))}</small></li>")
    return f"{f'<ul>{"".join(rows)}</ul>' if rows else '<p>No reason was found in what is at hand.</p>'}{_notes(found)}"


def _exempted(found: Json) -> str:
    """What exemptions are worth together, and how many want to be looked at."""
    number = count(len(found["value"]), "exemption")
    if found["difference"] is None:
        return f"<p>{number}.</p>"
    without = f"{found['scoreWithout']:.2f} %"
    flags = [f"{of:,} {_text(FLAGS[name])}" for name, of in found["flags"].items() if of]
    more = f" <small>Of them {', '.join(flags)}.</small>" if flags else ""
    return f"<p>{number}, worth {pp(found['difference'])} pp: without them it would be {without}.{more}</p>"


def _covered(found: Json) -> str:
    """What is not looked at: no finding there is not a clean estate."""
    total, machines = found["total"], found["total"]["machines"]
    off = sum(plan["off"] > 0 for plan in total["plans"])
    every = count(machines["assessed"] + machines["notAssessed"], "machine")
    words = [
        f"{total['scored']:,} of {count(total['subscriptions'], 'subscription')} scored",
        f"{count(off, 'plan')} off somewhere",
        f"{machines['notAssessed']:,} of {every} not assessed",
        f"{count(len(found['absent']), 'recommendation')} absent because of it",
    ]
    return f"<p>{', '.join(words)}.</p>"


def _notes(found: Json) -> str:
    return "".join(f"<p><small>{_text(note)}</small></p>" for note in found["notes"])


def _more(scope: str, key: str | None) -> str:
    """Links to what these sections are taken from."""
    named = {"diagnosis": "Why, as JSON", "exemptions": "Exemptions", "coverage": "Coverage"}
    return " · ".join(_link(path, {"scope": scope}, key, words) for path, words in named.items())
