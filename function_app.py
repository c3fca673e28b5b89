"""Every way in: a timer, an event, a message or a request is parsed, makes one call, and is answered.

What is needed is imported on first use: a cold worker that answers `/health` loads nothing of Azure's SDKs.
"""

from __future__ import annotations

import logging
import os

import azure.functions as func

from drift import bootstrap, schedules

# Where people sign in, App Service and `_answer` refuse everyone else; a key would be asked for on top.
SIGN_IN = bool(bootstrap.entry().role)
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS if SIGN_IN else func.AuthLevel.FUNCTION)
CONNECTION = bootstrap.connection_name(os.environ)
SCHEDULES = schedules.read(os.environ)

# The SDKs tell of every request at INFO; with webhooks and tokens in reach that is neither wanted nor safe.
for sdk in ("azure", "httpx"):
    logging.getLogger(sdk).setLevel(logging.WARNING)


@app.timer_trigger("timer", SCHEDULES["DRIFT_SNAPSHOT_SCHEDULE"])
def snapshot_timer(timer: func.TimerRequest) -> None:
    """One message for every subscription that is watched."""
    bootstrap.monitor().start_pass()


@app.queue_trigger("message", "snapshots", CONNECTION)
def snapshot_subscription(message: func.QueueMessage) -> None:
    """Collects one subscription whole, and explains what moved."""
    bootstrap.monitor().snapshot(message.get_body())


@app.event_grid_trigger("event")
def change_event(event: func.EventGridEvent) -> None:
    """Puts an event on a queue: Event Grid waits 30 seconds, and keeps no poison."""
    bootstrap.accept(event)


@app.queue_trigger("message", "changes", CONNECTION)
def record_change(message: func.QueueMessage) -> None:
    """Stores what an event tells, and has its subscription looked at soon."""
    bootstrap.record(message.get_body())


@app.timer_trigger("timer", SCHEDULES["DRIFT_ROLLUP_SCHEDULE"])
def rollup_timer(timer: func.TimerRequest) -> None:
    """Moves the tenant, management groups and tags on to where their subscriptions stand."""
    bootstrap.report_vitals()
    bootstrap.monitor().roll_up()


@app.timer_trigger("timer", SCHEDULES["DRIFT_ANNOUNCE_SCHEDULE"])
def announce_timer(timer: func.TimerRequest) -> None:
    """Tells what is due."""
    bootstrap.teller().announce()


@app.timer_trigger("timer", SCHEDULES["DRIFT_CALENDAR_SCHEDULE"])
def calendar_timer(timer: func.TimerRequest) -> None:
    """Removes what is older than is kept."""
    bootstrap.retention().expire()


@app.timer_trigger("timer", SCHEDULES["DRIFT_DIGEST_SCHEDULE"])
def digest_timer(timer: func.TimerRequest) -> None:
    """Tells what stayed below the threshold."""
    bootstrap.teller().digest()


@app.route("deltas", methods=["GET"])
def deltas(req: func.HttpRequest) -> func.HttpResponse:
    """Recent movements."""
    return _answer("deltas", req)


@app.route("deltas/{id}", methods=["GET"])
def delta(req: func.HttpRequest) -> func.HttpResponse:
    """One movement whole."""
    return _answer("delta", req)


@app.route("explain", methods=["GET"])
def explain(req: func.HttpRequest) -> func.HttpResponse:
    """One explanation for a window."""
    return _answer("explain", req)


@app.route("scores", methods=["GET"])
def scores(req: func.HttpRequest) -> func.HttpResponse:
    """The score and people's own work over time."""
    return _answer("scores", req)


@app.route("changes", methods=["GET"])
def changes(req: func.HttpRequest) -> func.HttpResponse:
    """The events seen."""
    return _answer("changes", req)


@app.route("pending", methods=["GET"])
def pending(req: func.HttpRequest) -> func.HttpResponse:
    """What is still to come."""
    return _answer("pending", req)


@app.route("forecasts", methods=["GET"])
def forecasts(req: func.HttpRequest) -> func.HttpResponse:
    """What was said to come, and what came."""
    return _answer("forecasts", req)


@app.route("calendar", methods=["GET"])
def calendar(req: func.HttpRequest) -> func.HttpResponse:
    """What is due."""
    return _answer("calendar", req)


@app.route("diagnosis", methods=["GET"])
def diagnosis(req: func.HttpRequest) -> func.HttpResponse:
    """Why a score stands still."""
    return _answer("diagnosis", req)


@app.route("plan", methods=["GET"])
def plan(req: func.HttpRequest) -> func.HttpResponse:
    """What fixes are worth, and a way to a target."""
    return _answer("plan", req)


@app.route("exemptions", methods=["GET"])
def exemptions(req: func.HttpRequest) -> func.HttpResponse:
    """What exemptions hide, and the points they carry."""
    return _answer("exemptions", req)


@app.route("coverage", methods=["GET"])
def coverage(req: func.HttpRequest) -> func.HttpResponse:
    """What is assessed, and what is not."""
    return _answer("coverage", req)


@app.route("scopes", methods=["GET"])
def scopes(req: func.HttpRequest) -> func.HttpResponse:
    """What can be asked about."""
    return _answer("scopes", req)


# The page and its parts hold nothing of a tenant: what they show, they ask the routes above for.
@app.route("page", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def page(req: func.HttpRequest) -> func.HttpResponse:
    """The page for people."""
    return _answer("page", req)


@app.route("page/{asset}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def asset(req: func.HttpRequest) -> func.HttpResponse:
    """A part of the page."""
    return _answer("asset", req)


@app.route("report", methods=["GET"])
def report(req: func.HttpRequest) -> func.HttpResponse:
    """The brief for a board."""
    return _answer("report", req)


@app.route("report/evidence", methods=["GET"])
def evidence(req: func.HttpRequest) -> func.HttpResponse:
    """The evidence behind it."""
    return _answer("evidence", req)


@app.route("controls", methods=["GET"])
def controls(req: func.HttpRequest) -> func.HttpResponse:
    """Where each control stands."""
    return _answer("controls", req)


@app.route("status", methods=["GET"])
def status(req: func.HttpRequest) -> func.HttpResponse:
    """How old each chain is, what waits, what failed."""
    return _answer("status", req)


@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Alive."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse(b'{"status":"ok"}', mimetype="application/json", headers=headers)


@app.route("openapi.json", methods=["GET"])
def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """What these routes take and answer."""
    return _answer("openapi", req)


def _answer(route: str, req: func.HttpRequest) -> func.HttpResponse:
    answer = bootstrap.respond(route, dict(req.route_params), dict(req.params), req.headers)
    return func.HttpResponse(
        answer.body, status_code=answer.status, headers=answer.headers, mimetype=answer.content_type
    )
