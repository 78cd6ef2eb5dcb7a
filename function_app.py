"""The front door: the triggers of the function app, and nothing else.

Importing this module does no I/O and reads no setting; the parts are put together by the first invocation
(see ``onboarding/app.py``). Callers are checked in the app, so the HTTP triggers are anonymous for the host.
"""

from __future__ import annotations

import azure.functions as func

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE
from onboarding.app import application
from onboarding.storage import names

EVERYBODY = (REQUEST_ROLE, OPERATE_ROLE)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("onboardings", methods=["POST"])
async def create_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Accepts an onboarding."""
    return await application().front.serve(req, application().onboardings.create, EVERYBODY)


@app.route("onboardings", methods=["GET"])
async def list_onboardings(req: func.HttpRequest) -> func.HttpResponse:
    """Lists onboardings, newest first."""
    return await application().front.serve(req, application().onboardings.list, EVERYBODY)


@app.route("onboardings/{id}", methods=["GET"])
async def get_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Shows an onboarding with its steps."""
    return await application().front.serve(req, application().onboardings.get, EVERYBODY)


@app.route("onboardings/{id}/events", methods=["GET"])
async def list_onboarding_events(req: func.HttpRequest) -> func.HttpResponse:
    """Shows the audit trail of an onboarding."""
    return await application().front.serve(req, application().onboardings.events, EVERYBODY)


@app.route("connections", methods=["GET"])
async def list_connections(req: func.HttpRequest) -> func.HttpResponse:
    """Lists service connections."""
    return await application().front.serve(req, application().connections.list, EVERYBODY)


@app.route("connections/{id}", methods=["GET"])
async def get_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Shows a service connection."""
    return await application().front.serve(req, application().connections.get, EVERYBODY)


@app.route("health", methods=["GET"])
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Tells whether everything that is needed answers."""
    return await application().health.get(req)


@app.queue_trigger("msg", names.STEPS_QUEUE, "STORAGE")
async def run_step(msg: func.QueueMessage) -> None:
    """Runs a step of an onboarding, and what follows from it."""
    await application().engine.handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.STEPS_POISON_QUEUE, "STORAGE")
async def fail_step(msg: func.QueueMessage) -> None:
    """Marks an onboarding failed whose worker has crashed again and again."""
    await application().engine.abandon(msg.get_body())


@app.queue_trigger("msg", names.NOTICES_QUEUE, "STORAGE")
async def send_notice(msg: func.QueueMessage) -> None:
    """Sends a warning."""
    await application().notices.handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.NOTICES_POISON_QUEUE, "STORAGE")
async def fail_notice(msg: func.QueueMessage) -> None:
    """Marks a warning failed whose worker has crashed again and again."""
    await application().notices.abandon(msg.get_body())


# The parameter of a timer trigger is part of the binding, whether the function looks at it or not.
@app.timer_trigger("timer", "%SWEEP_SCHEDULE%")
async def sweep_onboardings(timer: func.TimerRequest) -> None:
    """Drives on what has made no progress."""
    await application().engine.sweep()
    await application().notices.sweep()


@app.timer_trigger("timer", "%EXPIRY_SCHEDULE%")
async def sweep_expirations(timer: func.TimerRequest) -> None:
    """Sends the warnings whose time has come."""
    await application().expiry.run()
