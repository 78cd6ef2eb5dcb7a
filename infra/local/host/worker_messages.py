"""The messages between the Functions host and its Python worker, as far as the worker's library uses them.

The library takes the module with them as an argument. In Azure, protobuf generates it from
``FunctionRpc.proto`` (https://github.com/Azure/azure-functions-language-worker-protobuf). Here a message is
an object with the fields that it was made with; every other field is None.
"""

from __future__ import annotations

from typing import Any


class Message:
    """A message, or a part of one."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __getattr__(self, field: str) -> None:
        if not field[0].islower():  # no field has this name
            raise AttributeError(field)

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        """The field of a union that is set."""
        return next((name for name, value in vars(self).items() if value is not None), None)


class ParameterBinding(Message):
    """An argument of a function: ``name`` and ``data``."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802
        """Arguments are never passed in shared memory here."""
        return "data"


class BindingInfo(Message):
    """A binding of a function."""

    undefined = 0
    out = 1
    inout = 2


class StatusResult(Message):
    """How a request ended."""

    Failure = 0
    Success = 1


class SameSite:
    """Of a cookie."""

    Lax = 1
    Strict = 2
    ExplicitNone = 3


setattr(SameSite, "None", 0)


class RpcHttpCookie(Message):
    """A cookie of an HTTP response."""

    SameSite = SameSite


FunctionLoadResponse = FunctionMetadataResponse = InvocationResponse = WorkerInitResponse = Message
NullableBool = NullableDouble = NullableString = NullableTimestamp = Message
RpcException = RpcFunctionMetadata = RpcHttp = RpcRetryOptions = TypedData = WorkerMetadata = Message
