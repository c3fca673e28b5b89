"""A small app that says what a host did with it: GET /api/seen tells what each function got, in order."""

import json
import threading
import time
from collections import Counter
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
_lock = threading.Lock()
_seen: list[dict[str, Any]] = []
_now: Counter[str] = Counter()
_most: Counter[str] = Counter()


class Noted:
    """Notes a run, and how many of its function ran at once."""

    def __init__(self, function: str, **what: Any) -> None:
        self.function, self.what = function, what

    def __enter__(self) -> None:
        with _lock:
            _seen.append({"function": self.function, **self.what})
            _now[self.function] += 1
            _most[self.function] = max(_most[self.function], _now[self.function])

    def __exit__(self, *_: object) -> None:
        with _lock:
            _now[self.function] -= 1


@app.route("seen", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def seen(req: func.HttpRequest) -> func.HttpResponse:
    with _lock:
        return func.HttpResponse(json.dumps({"seen": _seen, "most": _most}), mimetype="application/json")


@app.route("echo/{name}/{more?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    answer = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "x-test": req.headers.get("X-Test"),
        "body": req.get_body().decode(),
    }
    headers = {"X-Answer": "yes"}
    return func.HttpResponse(json.dumps(answer), status_code=201, headers=headers, mimetype="application/json")


@app.route("echo/fixed", methods=["GET"])
def fixed(req: func.HttpRequest) -> str:
    return "fixed, ünchanged"


@app.route("files/{number:int}/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(dict(req.route_params)).encode() + b"\x00\xff")


@app.route("fixed", methods=["DELETE"], auth_level=func.AuthLevel.ADMIN)
def remove(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route("fails", methods=["GET"])
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("the secret of the function")


@app.route("slow", methods=["GET"])
def slow(req: func.HttpRequest) -> func.HttpResponse:
    with Noted("slow"):
        time.sleep(float(req.params["seconds"]))
    return func.HttpResponse("slept")


@app.queue_trigger("message", "%SAMPLE_QUEUE%", "SAMPLE_STORAGE")
@app.queue_output("out", "results", "SAMPLE_STORAGE")
def work(message: func.QueueMessage, out: func.Out[str]) -> None:
    body = message.get_body().decode()
    with Noted("work", body=body, tries=message.dequeue_count, id=message.id):
        if body.startswith("sleep "):
            time.sleep(float(body.split()[1]))
        if body.startswith("fail") and (body == "fail" or (message.dequeue_count or 0) <= int(body.split()[1])):
            raise ValueError("as told")
        out.set(f"done {body}")


@app.timer_trigger("timer", "%SAMPLE_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    with Noted("tick", past_due=timer.past_due):
        time.sleep(0.3)


@app.timer_trigger("timer", "0 0 0 29 FEB *", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    with Noted("at_start"):
        pass


@app.timer_trigger("timer", "0 0 0 29 FEB *")
def broken_timer(timer: func.TimerRequest) -> None:
    raise ValueError("out of order")


@app.event_grid_trigger("event")
def on_event(event: func.EventGridEvent) -> None:
    with Noted("on_event", id=event.id, type=event.event_type, subject=event.subject, data=event.get_json()):
        if event.event_type == "Fail":
            raise ValueError("not this one")


@app.event_grid_trigger("event")
def on_cloud_event(event: func.CloudEvent) -> None:
    with Noted("on_cloud_event", id=event.id, type=event.type, source=event.source, data=event.get_json()):
        pass
