from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import azure.functions as func
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import function_app
from onboarding.parts.process import parts
from onboarding.service import ENDPOINTS, serve, service
from onboarding.storage import names
from onboarding.workflow.runtime import Limits

ROOT = Path(__file__).resolve().parents[1]

HTTP = {
    "create_onboarding": ("onboardings", ["POST"]),
    "list_onboardings": ("onboardings", ["GET"]),
    "get_onboarding": ("onboardings/{id}", ["GET"]),
    "list_onboarding_events": ("onboardings/{id}/events", ["GET"]),
    "retry_onboarding": ("onboardings/{id}/retry", ["POST"]),
    "validate_onboarding": ("onboardings/validate", ["POST"]),
    "get_capabilities": ("capabilities", ["GET"]),
    "resume_onboarding": ("onboardings/{id}/resume", ["POST"]),
    "confirm_consent": ("onboardings/{id}/confirm", ["POST"]),
    "cancel_onboarding": ("onboardings/{id}/cancel", ["POST"]),
    "roll_back_onboarding": ("onboardings/{id}/rollback", ["POST"]),
    "list_connections": ("connections", ["GET"]),
    "get_connection": ("connections/{id}", ["GET"]),
    "remove_connection": ("connections/{id}", ["DELETE"]),
    "confirm_handover": ("connections/{id}/confirm", ["POST"]),
    "renew_secret": ("connections/{id}/renewals", ["POST"]),
    "confirm_renewal": ("connections/{id}/renewals/{renewal}/confirm", ["POST"]),
    "list_operations": ("operations", ["GET"]),
    "get_operation": ("operations/{id}", ["GET"]),
    "list_operation_events": ("operations/{id}/events", ["GET"]),
    "get_operation_handover": ("operations/{id}/handover", ["GET"]),
    "retry_operation": ("operations/{id}/retry", ["POST"]),
    "encrypt_secret": ("connections/{id}/encrypted-secret", ["POST"]),
    "acknowledge_connection": ("connections/{id}/acknowledge", ["POST"]),
    "snooze_connection": ("connections/{id}/snooze", ["POST"]),
    "show_link": ("links", ["GET"]),
    "follow_link": ("links", ["POST"]),
    "get_handover": ("connections/{id}/handover", ["GET"]),
    "get_connection_conformance": ("connections/{id}/conformance", ["GET"]),
    "inspect_connection": ("connections/{id}/inspect", ["POST"]),
    "get_tenant_conformance": ("tenants/{id}/conformance", ["GET"]),
    "get_channel": ("channels/{name}", ["GET"]),
    "list_channels": ("channels", ["GET"]),
    "test_channel": ("channels/{name}/test", ["POST"]),
    "list_deliveries": ("channels/{name}/deliveries", ["GET"]),
    "redeliver": ("deliveries/{id}/redeliver", ["POST"]),
    "create_subscriber": ("subscribers", ["POST"]),
    "list_subscribers": ("subscribers", ["GET"]),
    "get_subscriber": ("subscribers/{id}", ["GET"]),
    "change_subscriber": ("subscribers/{id}", ["PATCH"]),
    "delete_subscriber": ("subscribers/{id}", ["DELETE"]),
    "get_overview": ("overview", ["GET"]),
    "list_audit": ("audit", ["GET"]),
    "verify_audit": ("audit/verify", ["GET"]),
    "restore_audit": ("audit/restore", ["POST"]),
    "reconcile": ("reconcile", ["POST"]),
    "list_poison": ("poison", ["GET"]),
    "redrive_poison": ("poison/{id}/redrive", ["POST"]),
    "list_attention": ("attention", ["GET"]),
    "list_dismissals": ("attention/dismissals", ["GET"]),
    "retry_attention": ("attention/{id}/retry", ["POST"]),
    "dismiss_attention": ("attention/{id}/dismiss", ["POST"]),
    "retry_all_attention": ("attention/retry", ["POST"]),
    "dismiss_all_attention": ("attention/dismiss", ["POST"]),
    "list_unreadable": ("unreadable", ["GET"]),
    "get_unreadable": ("unreadable/{id}", ["GET"]),
    "remove_unreadable": ("unreadable/{id}", ["DELETE"]),
    "list_expirations": ("expirations", ["GET"]),
    "create_feed": ("expirations/feed", ["POST"]),
    "read_feed": ("expirations/feed", ["GET"]),
    "list_feeds": ("expirations/feeds", ["GET"]),
    "revoke_feed": ("expirations/feeds/{id}", ["DELETE"]),
    "revoke_links": ("connections/{id}/links/revoke", ["POST"]),
    "get_tenant_setup": ("tenants/{id}/setup", ["GET"]),
    "show_consent": ("consent", ["GET"]),
    "check_consent": ("consent", ["POST"]),
    "show_consented": ("consented", ["GET"]),
    "get_health": ("health", ["GET"]),
    "get_openapi": ("openapi.json", ["GET"]),
    "get_openapi_30": ("openapi-3.0.json", ["GET"]),
}
QUEUES = {
    "run_step": "steps",
    "fail_step": "steps-poison",
    "run_operation": "operations",
    "fail_operation": "operations-poison",
    "send_notice": "notices",
    "fail_notice": "notices-poison",
    "run_inspection": "inspections",
    "fail_inspection": "inspections-poison",
}
TIMERS = {
    "sweep_onboardings": "%SWEEP_SCHEDULE%",
    "sweep_expirations": "%EXPIRY_SCHEDULE%",
    "sweep_directory": "%INSPECTION_SCHEDULE%",
}


@pytest.fixture(scope="module")
def triggers():
    """The trigger of each function, as the worker passes it to the host."""
    found = {}
    for function in function_app.app.get_functions():
        document = json.loads(str(function))  # what the worker passes to the host
        (trigger,) = [each for each in document["bindings"] if each["type"].endswith("Trigger")]
        found[function.get_function_name()] = trigger
    return found


def test_the_app_has_these_functions_and_no_others(triggers):
    """Every function has a name that operators know from the log and the portal."""
    assert set(triggers) == {*HTTP, *QUEUES, *TIMERS}


@pytest.mark.parametrize("name", HTTP)
def test_http_functions_answer_on_their_route(triggers, name):
    """Each endpoint is one function without a key, because the app checks the tokens."""
    trigger = triggers[name]
    assert trigger["type"] == "httpTrigger"
    assert (trigger["route"], trigger["methods"]) == HTTP[name]
    assert trigger["authLevel"].lower() == "anonymous"


def test_every_http_function_is_an_endpoint(triggers):
    """Each call of the API is one function, and each function is in the description of the API."""
    routes = {
        f"{trigger['methods'][0]} /{trigger['route']}": name
        for name, trigger in triggers.items()
        if trigger["type"] == "httpTrigger"
    }
    assert {endpoint.route: endpoint.name for endpoint in ENDPOINTS} == routes


@pytest.mark.parametrize("name", QUEUES)
def test_queue_functions_listen_to_their_queue(triggers, name):
    """Each queue of the storage account has one function, with the connection ONBOARDING_STORAGE."""
    trigger = triggers[name]
    assert (trigger["type"], trigger["queueName"], trigger["connection"]) == (
        "queueTrigger",
        QUEUES[name],
        "ONBOARDING_STORAGE",
    )
    assert trigger["queueName"] in names.QUEUES


@pytest.mark.parametrize("name", TIMERS)
def test_timers_take_their_schedule_from_the_settings(triggers, name):
    """A deployment sets when the sweeps run; none runs merely because an instance started."""
    trigger = triggers[name]
    assert (trigger["type"], trigger["schedule"]) == ("timerTrigger", TIMERS[name])
    assert not trigger.get("runOnStartup")


IMPORT = """
import os, sys
sys.path.insert(0, {root!r})
seen = []

def watch(event, arguments):
    # Opening a socket is no I/O yet (urllib3 looks that way whether there is IPv6); using it is.
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        seen.append(event)
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        seen.append(f"write {{arguments[0]}}")
    elif event in ("subprocess.Popen", "os.posix_spawn", "os.mkdir", "os.remove", "os.rename"):
        seen.append(event)

class Watched(type(os.environ)):
    def __getitem__(self, name):
        seen.append(f"read {{name}}")
        return super().__getitem__(name)

real = os.environ
os.environ = Watched(real._data, real.encodekey, real.decodekey, real.encodevalue, real.decodevalue)
sys.addaudithook(watch)
import function_app
functions = function_app.app.get_functions()
heavy = [
    name for name in sys.modules
    if name.split(".")[0] in ("msgraph", "kiota_abstractions", "httpx", "cloudevents")
    or name.startswith(("azure.identity", "azure.mgmt", "azure.keyvault"))
]
from onboarding.settings import Settings
settings = {{f"read {{field.alias}}" for field in Settings.model_fields.values()}}
found = [each for each in seen if not each.startswith("read ") or each in settings]
print(len(functions), found, sorted(heavy)[:5])
"""


def test_importing_the_app_does_nothing():
    """A cold start loads the triggers without a connection, a file, a setting or the cloud's clients."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-B", "-c", IMPORT.format(root=str(ROOT))],
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == f"{len(HTTP) + len(QUEUES) + len(TIMERS)} [] []", done.stderr


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"HOME_TENANT_ID": ""}, "HOME_TENANT_ID"),
        ({"ONBOARDING_STORAGE": "account"}, "Connection string"),
        ({"LOCAL_CLOUD_CA": "/none"}, "No such file"),
    ],
)
async def test_a_service_without_valid_settings_answers_so(monkeypatch, caplog, change, named):
    """Whatever is wrong with the app settings, a caller gets a problem document, and the log names it."""
    settings = {
        "HOME_TENANT_ID": "t",
        "API_AUDIENCE": "api://a",
        "KEY_VAULT_URL": "https://v.vault.azure.net",
        "ONBOARDING_STORAGE": "UseDevelopmentStorage=true",
        **change,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    parts.cache_clear()
    service.cache_clear()
    german = {"Accept-Language": "de"}
    request = func.HttpRequest("GET", "https://cmg.contoso.com/api/x", headers=german, body=b"")
    for endpoint in (each for each in ENDPOINTS if each.name in {"get_health", "list_onboardings"}):
        answer = await serve(request, endpoint)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (503, "misconfigured")
        problem = json.loads(answer.get_body())
        assert problem["requestId"] == answer.headers["x-ms-request-id"]
        assert problem["title"] == "Der Dienst ist nicht richtig konfiguriert"
    parts.cache_clear()
    service.cache_clear()
    assert named in caplog.text


def test_the_host_is_told_what_the_app_relies_on():
    """Message encoding, route prefix, crash limit and locks are those that the code relies on."""
    host = json.loads((ROOT / "host.json").read_text())
    queues = host["extensions"]["queues"]
    assert host["version"] == "2.0"
    assert queues["messageEncoding"] == "base64"  # as onboarding.storage.queues writes
    assert host["extensions"]["http"]["routePrefix"] == "api"  # as onboarding.api.called_url expects
    assert queues["maxDequeueCount"] >= 5  # crashes that a run survives
    assert queues["batchSize"] <= 32  # the service's own limit
    # The host fetches more messages while some requesters and tenants use all of their workers.
    assert queues["newBatchThreshold"] >= 4 * Limits().share
    # An invocation ends after a minute and a step after two: both fit.
    assert host["functionTimeout"] == "00:05:00"


def test_what_is_deployed_is_pinned():
    """Each package has one exact version for each Python, and hashes: what is deployed is what was tested."""
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert [line for line in lines if "--hash=sha256:" not in line] == []
    packages = [Requirement(line.partition("--hash")[0].strip()) for line in lines]
    assert len(packages) > 20
    for package in packages:
        assert re.fullmatch(r"==[^*]+", str(package.specifier)), package
    for python, first, end in (("3.11", "1.24", "2"), ("3.12", "1.24", "2"), ("3.13", "2.3", "3")):
        environment = {"python_version": python, "python_full_version": f"{python}.1"}
        chosen = [each for each in packages if not each.marker or each.marker.evaluate(environment)]
        assert len({package.name for package in chosen}) == len(chosen)
        (functions,) = [package for package in chosen if package.name == "azure-functions"]
        version = Version(str(functions.specifier).removeprefix("=="))
        assert Version(first) <= version < Version(end)
