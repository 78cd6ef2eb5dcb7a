"""The entry point: the triggers of the function app, and nothing else.

Importing this module does no I/O and reads no setting. The first invocation makes what it needs. The app
verifies its callers itself, so the HTTP triggers are anonymous for the host.
"""

from __future__ import annotations

import azure.functions as func

from onboarding.api.endpoint import Endpoint
from onboarding.parts.process import parts
from onboarding.service import ENDPOINTS, serve
from onboarding.storage import names
from onboarding.timers import timers

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def register(endpoint: Endpoint) -> None:
    """Adds the HTTP trigger of an endpoint. Each endpoint is one function, under the endpoint's name."""

    async def handle(req: func.HttpRequest) -> func.HttpResponse:
        return await serve(req, endpoint)

    handle.__doc__ = endpoint.summary
    trigger = app.route(endpoint.path.removeprefix("/"), methods=[endpoint.method])
    app.function_name(endpoint.name)(trigger(handle))


for declared in ENDPOINTS:
    register(declared)


@app.queue_trigger("msg", names.STEPS_QUEUE, "ONBOARDING_STORAGE")
async def run_step(msg: func.QueueMessage) -> None:
    """Runs a step of an onboarding, and the steps that follow from it."""
    await parts().engines[names.STEPS_QUEUE].handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.STEPS_POISON_QUEUE, "ONBOARDING_STORAGE")
async def fail_step(msg: func.QueueMessage) -> None:
    """Marks an onboarding as failed after its worker crashed repeatedly."""
    await parts().engines[names.STEPS_QUEUE].abandon(msg.get_body())


@app.queue_trigger("msg", names.OPERATIONS_QUEUE, "ONBOARDING_STORAGE")
async def run_operation(msg: func.QueueMessage) -> None:
    """Runs a step of a renewal or a removal, and the steps that follow from it."""
    await parts().engines[names.OPERATIONS_QUEUE].handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.OPERATIONS_POISON_QUEUE, "ONBOARDING_STORAGE")
async def fail_operation(msg: func.QueueMessage) -> None:
    """Marks an operation as failed after its worker crashed repeatedly."""
    await parts().engines[names.OPERATIONS_QUEUE].abandon(msg.get_body())


@app.queue_trigger("msg", names.NOTICES_QUEUE, "ONBOARDING_STORAGE")
async def send_notice(msg: func.QueueMessage) -> None:
    """Sends a notice to one channel."""
    await parts().engines[names.NOTICES_QUEUE].handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.NOTICES_POISON_QUEUE, "ONBOARDING_STORAGE")
async def fail_notice(msg: func.QueueMessage) -> None:
    """Marks a notice as failed after its worker crashed repeatedly."""
    await parts().engines[names.NOTICES_QUEUE].abandon(msg.get_body())


@app.queue_trigger("msg", names.INSPECTIONS_QUEUE, "ONBOARDING_STORAGE")
async def run_inspection(msg: func.QueueMessage) -> None:
    """Inspects connections of one tenant."""
    await parts().engines[names.INSPECTIONS_QUEUE].handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.INSPECTIONS_POISON_QUEUE, "ONBOARDING_STORAGE")
async def fail_inspection(msg: func.QueueMessage) -> None:
    """Marks an inspection as failed after its worker crashed repeatedly."""
    await parts().engines[names.INSPECTIONS_QUEUE].abandon(msg.get_body())


# The parameter of a timer trigger is part of the binding, even if the function does not use it.
@app.timer_trigger("timer", "%SWEEP_SCHEDULE%")
async def sweep_onboardings(timer: func.TimerRequest) -> None:
    """Continues runs and channels that failed, keeps poison messages, and advances the epoch."""
    await timers().sweep_onboardings()


@app.timer_trigger("timer", "%EXPIRY_SCHEDULE%")
async def sweep_expirations(timer: func.TimerRequest) -> None:
    """Sends the warnings and reminders that are due, and starts automatic renewals."""
    await timers().sweep_expirations()


@app.timer_trigger("timer", "%INSPECTION_SCHEDULE%")
async def sweep_directory(timer: func.TimerRequest) -> None:
    """Starts the inspections of the day, and removes secrets from the vault that nothing uses."""
    await timers().sweep_directory()
