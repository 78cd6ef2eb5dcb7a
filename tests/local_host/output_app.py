"""A function app with an output binding, which the trigger host does not support."""

from __future__ import annotations

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="in", connection="ONBOARDING_STORAGE")
@app.queue_output(arg_name="out", queue_name="out", connection="ONBOARDING_STORAGE")
def copy(message: func.QueueMessage, out: func.Out[str]) -> None:
    """Copy a message from queue to queue."""
    out.set(message.get_body().decode())
