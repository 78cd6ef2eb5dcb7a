"""The front door: the triggers of the function app, and nothing else.

Importing this module does no I/O and reads no setting: the first invocation makes the service
(``onboarding/service.py``). The app checks its callers, so the HTTP triggers are anonymous for the host.
"""

from __future__ import annotations

import azure.functions as func

from onboarding.api.callers import OPERATE_ROLE
from onboarding.service import serve, service
from onboarding.storage import names

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("onboardings", methods=["POST"])
async def create_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Accepts an onboarding."""
    return await serve(req, lambda service: service.onboardings.create)


@app.route("onboardings", methods=["GET"])
async def list_onboardings(req: func.HttpRequest) -> func.HttpResponse:
    """Lists onboardings, newest first."""
    return await serve(req, lambda service: service.onboardings.runs.list)


@app.route("onboardings/{id}", methods=["GET"])
async def get_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Shows an onboarding with its steps."""
    return await serve(req, lambda service: service.onboardings.get)


@app.route("onboardings/{id}/events", methods=["GET"])
async def list_onboarding_events(req: func.HttpRequest) -> func.HttpResponse:
    """Shows the audit trail of an onboarding."""
    return await serve(req, lambda service: service.onboardings.runs.events)


@app.route("onboardings/{id}/retry", methods=["POST"])
async def retry_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Lets a failed onboarding go on."""
    return await serve(req, lambda service: service.onboardings.runs.retry, roles=(OPERATE_ROLE,))


@app.route("onboardings/{id}/cancel", methods=["POST"])
async def cancel_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Stops an onboarding, and removes what it has made."""
    return await serve(req, lambda service: service.onboardings.cancel, roles=(OPERATE_ROLE,))


@app.route("onboardings/{id}/rollback", methods=["POST"])
async def roll_back_onboarding(req: func.HttpRequest) -> func.HttpResponse:
    """Removes what a failed onboarding has made."""
    return await serve(req, lambda service: service.onboardings.roll_back, roles=(OPERATE_ROLE,))


@app.route("connections", methods=["GET"])
async def list_connections(req: func.HttpRequest) -> func.HttpResponse:
    """Lists service connections."""
    return await serve(req, lambda service: service.connections.list)


@app.route("connections/{id}", methods=["GET"])
async def get_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Shows a service connection."""
    return await serve(req, lambda service: service.connections.get)


@app.route("connections/{id}", methods=["DELETE"])
async def remove_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Off-boards a connection."""
    return await serve(req, lambda service: service.connections.remove, roles=(OPERATE_ROLE,))


@app.route("connections/{id}/renewals", methods=["POST"])
async def renew_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Begins to renew the client secret of a connection."""
    return await serve(req, lambda service: service.connections.renew, roles=(OPERATE_ROLE,))


@app.route("connections/{id}/renewals/{renewal}/confirm", methods=["POST"])
async def confirm_renewal(req: func.HttpRequest) -> func.HttpResponse:
    """Says that the site has the new client secret."""
    return await serve(req, lambda service: service.operations.confirm, roles=(OPERATE_ROLE,))


@app.route("operations", methods=["GET"])
async def list_operations(req: func.HttpRequest) -> func.HttpResponse:
    """Lists renewals and removals, newest first."""
    return await serve(req, lambda service: service.operations.runs.list, roles=(OPERATE_ROLE,))


@app.route("operations/{id}", methods=["GET"])
async def get_operation(req: func.HttpRequest) -> func.HttpResponse:
    """Shows a renewal or a removal with its steps."""
    return await serve(req, lambda service: service.operations.get, roles=(OPERATE_ROLE,))


@app.route("operations/{id}/events", methods=["GET"])
async def list_operation_events(req: func.HttpRequest) -> func.HttpResponse:
    """Shows the audit trail of an operation."""
    return await serve(req, lambda service: service.operations.runs.events, roles=(OPERATE_ROLE,))


@app.route("operations/{id}/handover", methods=["GET"])
async def get_operation_handover(req: func.HttpRequest) -> func.HttpResponse:
    """Gives the PowerShell script for what an operation leaves to do at the site."""
    return await serve(req, lambda service: service.operations.handover, roles=(OPERATE_ROLE,))


@app.route("operations/{id}/retry", methods=["POST"])
async def retry_operation(req: func.HttpRequest) -> func.HttpResponse:
    """Lets a failed operation go on."""
    return await serve(req, lambda service: service.operations.runs.retry, roles=(OPERATE_ROLE,))


@app.route("connections/{id}/handover", methods=["GET"])
async def get_handover(req: func.HttpRequest) -> func.HttpResponse:
    """Gives the PowerShell script that brings a connection to its site."""
    return await serve(req, lambda service: service.connections.handover)


@app.route("connections/{id}/acknowledge", methods=["POST"])
async def acknowledge_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Notes that somebody has seen that a connection ends."""
    return await serve(req, lambda service: service.acknowledgements.acknowledge)


@app.route("connections/{id}/snooze", methods=["POST"])
async def snooze_connection(req: func.HttpRequest) -> func.HttpResponse:
    """Notes that somebody wants to hear of a connection's end later."""
    return await serve(req, lambda service: service.acknowledgements.snooze)


@app.route("links", methods=["GET"])
async def show_link(req: func.HttpRequest) -> func.HttpResponse:
    """Says what a link in a message will do."""
    return await serve(req, lambda service: service.link_pages.show, roles=())


@app.route("links", methods=["POST"])
async def follow_link(req: func.HttpRequest) -> func.HttpResponse:
    """Does what a link in a message is for."""
    return await serve(req, lambda service: service.link_pages.follow, roles=())


@app.route("connections/{id}/conformance", methods=["GET"])
async def get_connection_conformance(req: func.HttpRequest) -> func.HttpResponse:
    """Tells what of a connection is in the directory as it has to be."""
    return await serve(req, lambda service: service.conformance.of_connection, roles=(OPERATE_ROLE,))


@app.route("tenants/{id}/conformance", methods=["GET"])
async def get_tenant_conformance(req: func.HttpRequest) -> func.HttpResponse:
    """Tells the same of two applications that belong to no connection."""
    return await serve(req, lambda service: service.conformance.of_tenant, roles=(OPERATE_ROLE,))


@app.route("overview", methods=["GET"])
async def get_overview(req: func.HttpRequest) -> func.HttpResponse:
    """Tells how the deployment is."""
    return await serve(req, lambda service: service.overview.get, roles=(OPERATE_ROLE,))


@app.route("poison", methods=["GET"])
async def list_poison(req: func.HttpRequest) -> func.HttpResponse:
    """Lists the messages that were given up."""
    return await serve(req, lambda service: service.poison.list, roles=(OPERATE_ROLE,))


@app.route("poison/{id}/redrive", methods=["POST"])
async def redrive_poison(req: func.HttpRequest) -> func.HttpResponse:
    """Lets a message that was given up be carried out after all."""
    return await serve(req, lambda service: service.poison.redrive, roles=(OPERATE_ROLE,))


@app.route("expirations", methods=["GET"])
async def list_expirations(req: func.HttpRequest) -> func.HttpResponse:
    """Lists what ends, the soonest first."""
    return await serve(req, lambda service: service.expiring.list)


@app.route("expirations/feed", methods=["POST"])
async def create_feed(req: func.HttpRequest) -> func.HttpResponse:
    """Gives an address to which a calendar program can subscribe."""
    return await serve(req, lambda service: service.feeds.create)


@app.route("expirations/feed", methods=["GET"])
async def read_feed(req: func.HttpRequest) -> func.HttpResponse:
    """Gives the calendar behind such an address."""
    return await serve(req, lambda service: service.feeds.read, roles=())


@app.route("tenants/{id}/setup", methods=["GET"])
async def get_tenant_setup(req: func.HttpRequest) -> func.HttpResponse:
    """Tells a customer's administrator how to let the service in."""
    return await serve(req, lambda service: service.tenants.setup, roles=(OPERATE_ROLE,))


@app.route("health", methods=["GET"])
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Tells whether everything that is needed answers."""
    return await serve(req, lambda service: service.health.get, roles=())


@app.route("openapi.json", methods=["GET"])
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describes the API for tools."""
    return await serve(req, lambda service: service.describe, roles=())


@app.queue_trigger("msg", names.STEPS_QUEUE, "STORAGE")
async def run_step(msg: func.QueueMessage) -> None:
    """Runs a step of an onboarding, and what follows from it."""
    await service().engine.handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.STEPS_POISON_QUEUE, "STORAGE")
async def fail_step(msg: func.QueueMessage) -> None:
    """Marks an onboarding failed whose worker has crashed again and again."""
    await service().engine.abandon(msg.get_body())


@app.queue_trigger("msg", names.OPERATIONS_QUEUE, "STORAGE")
async def run_operation(msg: func.QueueMessage) -> None:
    """Runs a step of a renewal or a removal, and what follows from it."""
    await service().operation_engine.handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.OPERATIONS_POISON_QUEUE, "STORAGE")
async def fail_operation(msg: func.QueueMessage) -> None:
    """Marks an operation failed whose worker has crashed again and again."""
    await service().operation_engine.abandon(msg.get_body())


@app.queue_trigger("msg", names.NOTICES_QUEUE, "STORAGE")
async def send_notice(msg: func.QueueMessage) -> None:
    """Sends a warning."""
    await service().deliveries.handle(msg.get_body(), msg.id or "")


@app.queue_trigger("msg", names.NOTICES_POISON_QUEUE, "STORAGE")
async def fail_notice(msg: func.QueueMessage) -> None:
    """Marks a warning failed whose worker has crashed again and again."""
    await service().deliveries.abandon(msg.get_body())


# The parameter of a timer trigger is part of the binding, whether the function looks at it or not.
@app.timer_trigger("timer", "%SWEEP_SCHEDULE%")
async def sweep_onboardings(timer: func.TimerRequest) -> None:
    """Drives on what has made no progress."""
    await service().engine.sweep()
    await service().operation_engine.sweep()
    await service().deliveries.sweep()


@app.timer_trigger("timer", "%EXPIRY_SCHEDULE%")
async def sweep_expirations(timer: func.TimerRequest) -> None:
    """Sends the warnings whose time has come, and renews what is to be renewed unasked."""
    await service().expiry.run()
    await service().automatic_renewals.run()


@app.timer_trigger("timer", "%INSPECTION_SCHEDULE%")
async def sweep_directory(timer: func.TimerRequest) -> None:
    """Begins the day's looks at the directory."""
    await service().inspection_sweep.run()
