"""A request to its answer: every parameter checked, one question to History, every error a problem document."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from drift import answers
from drift.errors import ServiceError, SettingsError
from drift.history import History, NothingKnownError, UnknownDeltaError, UnknownScopeError, WindowTooLongError
from drift.model import Json, ticks
from drift.web import parameters
from drift.web.entry import Entry
from drift.web.problems import Response, answer, content, problem

log = logging.getLogger("drift")

_KEYS = Entry()
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_ROW = "d[0-9]{19}"
_TICK = "[0-9]{1,18}"
_EVENT = "[0-9]{19}-[!-~]{1,120}"
_FORECAST = "[0-9]{19}-[0-9a-f]{16}"


@dataclass(frozen=True, slots=True)
class Route:
    """One way in: its path, the parameters of its query, and what it asks of History.

    `ask` takes the history, the arguments that were read, and the clock.
    """

    path: str
    ask: Callable[[History, Json, int], Json]
    query: Mapping[str, str] = field(default_factory=dict)
    """Names; a continuation with the pattern of what it holds."""
    show: Callable[[Json], Response] = answer
    """What is answered of what was found: JSON, unless it is something else."""


def _evidence(history: History, asked: Json, _: int) -> Json:
    from drift.board.evidence import of_history

    return of_history(history, **asked)


def _brief(evidence: Json) -> Response:
    from drift.board.page import POLICY, page

    return content(page(evidence), "text/html; charset=utf-8", POLICY)


def _archive(evidence: Json) -> Response:
    from drift.board.archive import packed

    named = {"Content-Disposition": 'attachment; filename="evidence.zip"'}
    return content(packed(evidence), "application/zip", "default-src 'none'", named)


def _window(*more: str, continuation: str | None = None) -> dict[str, str]:
    lists = {} if continuation is None else {"limit": "", "continuation": continuation}
    return dict.fromkeys(("scope", "from", "to", *more), "") | lists


ROUTES = {
    "scopes": Route("/scopes", lambda h, _, __: h.scopes()),
    "deltas": Route("/deltas", lambda h, a, _: h.deltas(**a), _window("kind", "min", continuation=_ROW)),
    "delta": Route("/deltas/{id}", lambda h, a, _: h.delta(**a)),
    "explain": Route("/explain", lambda h, a, _: h.explain(**a), _window("by")),
    "scores": Route("/scores", lambda h, a, _: h.scores(**a), _window(continuation=_TICK)),
    "changes": Route("/changes", lambda h, a, _: h.changes(**a), _window(continuation=_EVENT)),
    "pending": Route("/pending", lambda h, a, _: h.pending(**a), {"scope": ""}),
    "forecasts": Route("/forecasts", lambda h, a, _: h.forecasts(**a), _window("state", continuation=_FORECAST)),
    "calendar": Route("/calendar", lambda h, a, _: h.calendar(**a), {"scope": "", "to": ""}),
    "diagnosis": Route(
        "/diagnosis",
        lambda h, a, _: answers.diagnosis(h, **a),
        dict.fromkeys(("scope", "recommendation", "resource", "figure", "from"), ""),
    ),
    "plan": Route(
        "/plan",
        lambda h, a, _: answers.plan(h, **a),
        dict.fromkeys(("scope", "target", "effort", "by"), ""),
    ),
    "exemptions": Route("/exemptions", lambda h, a, _: answers.exemptions(h, **a), {"scope": ""}),
    "coverage": Route("/coverage", lambda h, a, _: answers.coverage(h, **a), {"scope": ""}),
    "controls": Route("/controls", lambda h, a, _: answers.controls(h, **a), {"scope": ""}),
    "report": Route("/report", _evidence, _window("groups"), _brief),
    "evidence": Route("/report/evidence", _evidence, _window("groups"), _archive),
    "status": Route("/status", lambda h, _, now: h.status(now)),
}
"""What asks History, by name. `health`, `openapi`, `page` and its parts ask nobody."""


def respond(
    history: Callable[[], History],
    route: str,
    path: Mapping[str, str],
    query: Mapping[str, str],
    clock: Callable[[], int] = lambda: ticks(datetime.now(UTC)),
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    entry: Entry = _KEYS,
) -> Response:
    """The answer to a request: `path` and `query` hold its parameters, `history` is made when it is needed.

    `entry` says who may read, and is asked before anything else is looked at; `/health` is for anyone. `headers` are
    asked by a name in lower case.

    A defect raises; what a caller or storage can do wrong is a problem document.
    """
    if route == "health":
        return answer({"status": "ok"})
    refused = entry.refusal(headers)
    if refused is not None:
        return problem(refused.problem, refused.detail)
    if route in ("page", "asset"):
        from drift.web import page

        return page.shell() if route == "page" else page.asset(path.get("asset", ""), headers)
    known = ROUTES.get(route)
    try:
        asked = parameters.read(route, known.query if known else {}, query)
        if route == "openapi":
            from drift.web.openapi import document

            return answer(document(entry.role))
        if known is None:
            return problem("unknown-route", "there is no such route")
        if "{id}" in known.path:
            asked["identity"] = path.get("id", "")
        found = known.ask(history(), asked, clock())
    except parameters.ParameterError as error:
        return problem("bad-parameter", str(error), error.parameter)
    except UnknownScopeError as error:
        return problem("unknown-scope", str(error), "scope")
    except UnknownDeltaError as error:
        return problem("unknown-delta", str(error))
    except WindowTooLongError as error:
        return problem("bad-parameter", str(error), "from")
    except NothingKnownError as error:
        return problem("nothing-known", str(error))
    except SettingsError as error:
        log.error("%s: %s", route, error)
        return problem("unavailable", "a setting of the app can't be used: its log names it")
    except ServiceError as error:
        log.error("%s: %s", route, error)
        return problem("unavailable", "storage does not answer as it should; ask again later")
    if "continuation" in found:
        found["continuation"] = parameters.sealed(route, query, found["continuation"])
    return known.show(found)
