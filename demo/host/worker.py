"""Microsoft's own worker library, in process: it indexes function_app.py and runs functions exactly as Azure does.

The Functions host talks to its worker in protobuf messages. The library only reads and makes them by attribute, so
plain objects with the same names do, and no generated code is needed.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar


class IndexingError(Exception):
    """The functions can't be indexed: Azure's own message, with the traceback below it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended. `error` is None when it succeeded, else its message, with `trace` the traceback.

    `value` is what it returned and `outputs` what it put on its output bindings by name: str, bytes, a Message for an
    HTTP response, or what their JSON says.
    """

    error: str | None
    trace: str
    value: Any
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function. Bindings are as the host is told them: `type`, `name`, `direction` and their own."""

    name: str
    id: str
    bindings: tuple[Mapping[str, Any], ...]

    @property
    def trigger(self) -> Mapping[str, Any]:
        return next(binding for binding in self.bindings if binding["type"].lower().endswith("trigger"))


class Message:
    """A protobuf message as the library sees it: an attribute that was not set reads None."""

    _one_of: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        # The library asks protos.TypedData of a message to find out whether it is the module.
        if name.startswith("_") or name == "TypedData":
            raise AttributeError(name)
        return None

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        return next((name for name in self._one_of if name in self.__dict__), None)


class TypedData(Message):
    _one_of = (
        *("string", "json", "bytes", "stream", "http", "int", "double", "model_binding_data"),
        *("collection_bytes", "collection_string", "collection_double", "collection_sint64"),
    )


class _ParameterBinding(Message):
    _one_of = ("data", "rpc_shared_memory")


class _StatusResult(Message):
    Failure, Success, Cancelled = 0, 1, 2


class _RpcHttpCookie(Message):
    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


_PLAIN = (
    *("RpcHttp", "RpcException", "RpcRetryOptions", "RpcFunctionMetadata", "WorkerMetadata", "WorkerInitResponse"),
    *("FunctionMetadataResponse", "FunctionLoadResponse", "InvocationResponse", "FunctionEnvironmentReloadResponse"),
    *("NullableString", "NullableBool", "NullableDouble", "NullableTimestamp"),
)
_PROTOS = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=_ParameterBinding,
    StatusResult=_StatusResult,
    RpcHttpCookie=_RpcHttpCookie,
    BindingInfo=type("BindingInfo", (Message,), {"in": 0, "out": 1, "inout": 2, "undefined": 0}),
    **{name: type(name, (Message,), {}) for name in _PLAIN},
)


class Worker:
    """The functions of one app. The library keeps them for the whole process, so one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.functions: dict[str, Function] = {}

    async def start(self) -> None:
        """Indexes the app as Azure does at its start. Raises IndexingError with Azure's words."""
        import azure_functions_runtime as runtime  # type: ignore[import-untyped]
        from azure_functions_runtime import functions, handle_event

        handle_event._functions = functions.Registry()  # what another app left
        sys.modules.pop("function_app", None)
        sys.path.insert(0, str(self._folder))
        try:
            request = {"capabilities": {}, "function_app_directory": str(self._folder)}
            answer = await runtime.worker_init_request(_request(worker_init_request=SimpleNamespace(**request)))
            listed = await runtime.functions_metadata_request(_request())
        finally:
            sys.path.remove(str(self._folder))
            if str(self._folder) not in sys.path:  # what functions import when they run; behind what was there before
                sys.path.append(str(self._folder))
        if answer.result.status != _StatusResult.Success:
            error = answer.result.exception
            raise IndexingError(f"{error.message}\n{error.stack_trace or ''}".rstrip())
        if not listed.function_metadata_results:
            raise IndexingError(
                f"No job functions found: {self._folder} has no function_app.py, or it has no functions"
            )
        for found in listed.function_metadata_results:
            bindings = tuple(json.loads(text) for text in found.raw_bindings)
            self.functions[found.name] = Function(found.name, found.function_id, bindings)
        runtime.start_threadpool_executor()

    async def run(self, function: Function, payload: Payload) -> Outcome:
        """One run through the library's own decoding and encoding. What the function raises is the outcome's error."""
        import azure_functions_runtime as runtime

        data, metadata = payload
        trace = SimpleNamespace(trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01", trace_state="")
        trace.attributes = {}
        request = SimpleNamespace(
            invocation_id=str(uuid.uuid4()),
            function_id=function.id,
            input_data=[_ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=metadata,
            trace_context=trace,
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        answer = await runtime.invocation_request(_request(invocation_request=request))
        if answer.result.status != _StatusResult.Success:
            error = answer.result.exception
            return Outcome(error.message or "failed without a message", error.stack_trace or "", None, {})
        outputs = {output.name: plain(output.data) for output in answer.output_data or ()}
        return Outcome(None, "", plain(answer.return_value), outputs)

    def stop(self) -> None:
        """Gives up the threads; a synchronous function that still runs is not waited for."""
        import azure_functions_runtime as runtime

        pool = runtime.get_threadpool_executor()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def plain(data: TypedData | None) -> Any:
    """What a typed value holds: text, bytes, parsed JSON, the message of an HTTP response, or None."""
    kind = data.WhichOneof("data") if data is not None else None
    if kind is None:
        return None
    value = getattr(data, kind)
    return json.loads(value) if kind == "json" else value


type Payload = tuple[TypedData, Mapping[str, TypedData]]
"""What a trigger hands over: its data and the metadata beside it."""


def timer_payload(now: datetime, due: datetime) -> Payload:
    status = {"Last": now.isoformat(), "Next": due.isoformat(), "LastUpdated": now.isoformat()}
    return _json({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}), {}


def event_payload(event: Mapping[str, Any]) -> Payload:
    return _json(event), {"data": _json(event.get("data"))}


def queue_payload(
    body: bytes,
    *,
    now: datetime,
    message: str = "",
    tries: int = 1,
    receipt: str = "",
    inserted: datetime | None = None,
) -> Payload:
    """`body` is decoded already; it goes as text where it is text, as the host sends it."""
    metadata = {
        "Id": TypedData(string=message or str(uuid.uuid4())),
        "DequeueCount": TypedData(string=str(tries)),
        "PopReceipt": TypedData(string=receipt),
        "InsertionTime": _json((inserted or now).isoformat()),
        "ExpirationTime": _json(((inserted or now) + timedelta(days=7)).isoformat()),
        "NextVisibleTime": _json((now + timedelta(minutes=10)).isoformat()),
    }
    try:
        return TypedData(string=body.decode()), metadata
    except UnicodeDecodeError:
        return TypedData(bytes=body), metadata


def http_payload(
    method: str, url: str, headers: Mapping[str, str], route: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> Payload:
    parts = {"method": method, "url": url, "headers": headers, "params": route, "query": query}
    return TypedData(http=_PROTOS.RpcHttp(**parts, body=TypedData(bytes=body))), {}


def _json(value: object) -> TypedData:
    return TypedData(json=json.dumps(value))


def _request(**messages: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**messages), properties={"host": "127.0.0.1", "protos": _PROTOS})
