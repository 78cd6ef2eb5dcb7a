"""What people are told: who must act, in words for that person, with values and actions."""

from __future__ import annotations

from onboarding.words.line import isolated
from tests.support.administrator import waiting
from tests.support.portal import problem

NOT_SERVED = "11111111-2222-4333-8444-555555555555"


async def test_only_an_operator_reads_what_only_an_operator_can_do(portal):
    """A requester is told to ask the operator; the operator is told which settings to change."""
    read = {}
    for caller in ("requester", "operator"):
        document = problem(await portal.post(tenantId=NOT_SERVED, caller=caller), 422, "invalid-request")
        (read[caller],) = document["errors"]
        assert document["actor"] == "Requester"
        assert document["args"] == {"count": 1}
    assert read["requester"]["actor"] == "Operator"
    assert read["requester"]["args"] == {"tenant": NOT_SERVED}
    assert read["requester"]["detail"] == read["operator"]["detail"]
    assert "SERVED_TENANTS" in read["operator"]["remedy"]
    assert "SERVED_TENANTS" not in read["requester"]["remedy"]
    assert "ask the operator" in read["requester"]["remedy"]


async def test_a_call_without_a_role_names_who_gives_it(portal):
    """A response to an unknown caller is worded for a person who is not an operator."""
    caller = await portal.caller()
    document = problem(await portal.call("GET", "/api/onboardings", caller=caller), 403, "role-missing")
    assert document["args"] == {"roles": ["Onboarding.Request", "Onboarding.Operate"]}
    assert "operator" in document["remedy"]


async def test_a_link_is_an_action_with_its_application_and_role(portal):
    """What a waiting step asks of an administrator is an action: where, for which app, with which role."""
    onboarding = await portal.accepted(adminConsent="ByAdministrator")
    step = await waiting(portal, onboarding)
    (action,) = step["actions"]
    assert action["url"] == step["actionUrls"][0]
    assert (action["kind"], action["actor"]) == ("GrantConsent", "TenantAdministrator")
    assert action["role"] == "Privileged Role Administrator"
    assert action["appId"] in action["url"]
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel")


async def test_a_refused_onboarding_has_the_values_and_what_can_be_done(portal):
    """The error of a run consists of its findings, and each finding has the values that its texts contain."""
    uri = "https://fabrikam.com/x"
    failed = await portal.finished(await portal.accepted(serverApp={"appIdUri": uri}))
    error = failed["error"]
    (finding,) = [each for each in error["findings"] if each["severity"] == "Error"]
    assert finding["args"]["uri"] == uri
    assert uri in finding["detail"]
    assert error["remedy"] == finding["remedy"]
    offered = {action["kind"]: (action["method"], action["url"]) for action in error["actions"]}
    run = f"{portal.stack.api}/api/onboardings/{failed['id']}"
    assert offered == {"Retry": ("POST", f"{run}/retry"), "RollBack": ("POST", f"{run}/rollback")}
    answer = await portal.call(*offered["RollBack"])
    assert answer.status_code == 202


async def test_all_wrong_parameters_are_told_at_once(portal):
    """Each wrong parameter is an entry with its name, code and values, like each wrong field of a body."""
    query = "?maxpagesize=x&status=Mars&tenantId=contoso&colour=red&colour=blue&size=1&label.x="
    answer = await portal.call("GET", f"/api/onboardings{query}")
    document = problem(answer, 400, "invalid-parameter")
    found = {each["parameter"]: each["code"] for each in document["errors"]}
    assert found == {
        "maxpagesize": "not-a-number",
        "status": "not-one-of",
        "tenantId": "not-a-uuid",
        "colour": "parameter-repeated",
        "size": "parameter-unknown",
        "label.x": "parameter-empty",
    }
    (status,) = [each for each in document["errors"] if each["parameter"] == "status"]
    assert {"Failed", "Succeeded"} <= set(status["args"]["allowed"])
    assert all(f"{name}: " in document["detail"] for name in found)


async def test_a_person_reads_in_the_language_that_the_portal_asks_for(portal):
    """A response is in German if the caller prefers it: the same codes and values, with other sentences."""
    german = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}
    refused = await portal.post(tenantId=NOT_SERVED, headers=german)
    document = problem(refused, 422, "invalid-request")
    assert refused.headers["Content-Language"] == "de"
    assert "Accept-Language" in refused.headers["Vary"]
    assert document["title"] == "Die Anforderung ist ungültig"
    (fault,) = document["errors"]
    assert fault["detail"] == f"Diese Bereitstellung bedient den Mandanten {NOT_SERVED} nicht."
    assert fault["args"] == {"tenant": NOT_SERVED}
    assert (await portal.call("GET", "/api/connections")).headers["Content-Language"] == "en"

    onboarding = await portal.accepted(adminConsent="ByAdministrator")
    await waiting(portal, onboarding)
    read = await portal.call("GET", f"/api/onboardings/{onboarding}", headers=german)
    (awaited,) = read.json()["waitingFor"]
    assert awaited["text"].startswith("die Einwilligung eines Administrators des Mandanten")
    assert awaited["actions"][0]["label"] == "Administratoreinwilligung erteilen"
    assert read.json()["steps"][0]["title"] == "Mandanten, seine Richtlinien und das Abonnement überprüfen"
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel")


async def test_a_name_is_no_text_to_fill_in_either_language(portal):
    """A name with braces, percent signs, markup and right-to-left letters is shown unchanged."""
    name = "{0} {name!r:>9} %s %(x)d $1 <b>&amp; \u05d0\u05d1 'x\""
    onboarding = await portal.accepted(name=name, adminConsent="ByAdministrator")
    read = {}
    for language in ("en", "de"):
        answer = await portal.post(name=name, headers={"Accept-Language": language})
        read[language] = problem(answer, 409, "name-reserved")
        assert isolated(name) in read[language]["detail"]
        assert read[language]["args"]["name"] == name
        assert answer.headers["Content-Language"] == language
    assert read["en"]["detail"] != read["de"]["detail"]
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel")


async def test_a_list_without_entries_is_named_in_the_language_of_the_reader(portal):
    """A deployment without channels, and a call without parameters, say so in German, too."""
    german, nothing = {"Accept-Language": "de"}, {"code": "none", "text": "none"}
    channel = await portal.post(notices={"channels": ["mail"]}, headers=german)
    parameter = await portal.call("GET", "/api/connections/x?colour=red", headers=german)
    for answer, status, code, text in (
        (channel, 422, "invalid-request", "remedy"),
        (parameter, 400, "invalid-parameter", "detail"),
    ):
        (fault,) = problem(answer, status, code)["errors"]
        assert fault[text].endswith(": keine.")
        assert nothing in fault["args"].values()
