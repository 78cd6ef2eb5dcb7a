"""Names of connections and applications, and App ID URIs, that are already in use. Rules of the preflight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onboarding.cloud.survey import Survey
from onboarding.cmg.app_fields import OnDeleted
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Finding, prerequisites
from onboarding.lifecycle.facts import Facts
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.words import data
from onboarding.words.word import Word


def connection_name(facts: Facts) -> Iterator[Finding]:
    """The connection's name, which is its key in the tenant."""
    existing, neighbour = facts.same_name, facts.neighbour
    if existing and existing.onboarding != facts.onboarding:
        which = f"({existing.id})" if facts.shows(existing) else ""
        yield prerequisites.CONNECTION_EXISTS.finding(name=facts.request.name, which=which)
    elif neighbour and not existing:
        shown = phrases.THE_OTHER_CONNECTION.of(name=neighbour.name, id=neighbour.id)
        yield prerequisites.TENANT_CONNECTED.finding(
            which=shown if facts.shows(neighbour) else phrases.A_CONNECTION.of()
        )


def application_names(facts: Facts) -> Iterator[Finding]:
    """The names of the applications. Entra ID accepts a name more than once, also for both apps."""
    server, client = facts.request.server_app, facts.request.client_app
    for field, app in (("serverApp", server), ("clientApp", client)):
        if app is None or app.existing:
            continue
        other = _namesake(app.name, facts.survey, facts.onboarding)
        if other:
            yield prerequisites.APPLICATION_NAME_IN_USE.finding(
                f"/{field}/name",
                name=app.name,
                which=f"({other['appId']})" if facts.names(other) else "",
            )
        elif app is client and not server.existing and data.folded(app.name) == data.folded(server.name):
            yield prerequisites.APPLICATION_NAME_IN_USE.finding(
                "/clientApp/name", name=app.name, which="(/serverApp/name)"
            )


def app_id_uri(facts: Facts) -> Iterator[Finding]:
    """The App ID URI, among the applications of the tenant."""
    for holder in facts.survey.same_uri or ():
        if not _made_by(facts.onboarding, holder):
            yield prerequisites.URI_IN_USE.finding(
                holder=_named(holder) if facts.names(holder) else phrases.ANOTHER_APPLICATION.of(),
                uri=facts.request.server_app.app_id_uri,
            )


def deleted(facts: Facts) -> Iterator[Finding]:
    """Deleted applications that reserve the App ID URI. Only those that this service created are purged."""
    purged = purgeable(facts)
    for holder in facts.survey.deleted_with_uri or ():
        ours = facts.made(holder) and facts.names(holder)
        kind = prerequisites.URI_HELD_BY_OWN_DELETED if ours else prerequisites.URI_HELD_BY_DELETED
        if holder["id"] in purged:
            kind = prerequisites.DELETED_WILL_BE_PURGED
        yield kind.finding(
            holder=_named(holder) if facts.names(holder) else phrases.AN_APPLICATION.of(),
            deleted=str(holder.get("deletedDateTime"))[:10],
            uri=facts.request.server_app.app_id_uri,
            object=holder["id"] if facts.names(holder) else "{id}",
        )


def purgeable(facts: Facts) -> tuple[str, ...]:
    """Object IDs of deleted applications that reserve the URI and that the service may purge.

    An onboarding of the same requester created them: a requester cannot delete what another requester can
    restore. An operator can, except what another deployment of the service created, because its operators can
    restore that.
    """
    if facts.request.server_app.on_deleted is not OnDeleted.PURGE:
        return ()
    deleted_apps = facts.survey.deleted_with_uri or ()
    return tuple(str(app["id"]) for app in deleted_apps if facts.made(app) and facts.names(app))


def mentioned(request: OnboardingRequest, survey: Survey, onboarding: str) -> list[Mapping[str, Any]]:
    """The applications that these rules can mention, and whose requesters they need to know.

    Anybody can give a name to any number of applications; one of them is enough.
    """
    apps = (request.server_app, request.client_app)
    names = {app.name for app in apps if app and not app.existing}
    namesakes = [_namesake(name, survey, onboarding) for name in names]
    return [
        *(survey.deleted_with_uri or ()),
        *(survey.same_uri or ()),
        *(app for app in namesakes if app),
    ]


def _namesake(name: Word, survey: Survey, onboarding: str) -> Mapping[str, Any] | None:
    """An application of the tenant that has a name already, if there is one."""
    for app in survey.same_names or ():
        if str(app["displayName"]).casefold() == data.folded(name) and not _made_by(onboarding, app):
            return app
    return None


def _made_by(onboarding: str, application: Mapping[str, Any]) -> bool:
    """Whether an earlier attempt of an onboarding created the application."""
    return str(application.get("uniqueName") or "").startswith(f"cmg-{onboarding}-")


def _named(application: Mapping[str, Any]) -> Said:
    return phrases.THE_APPLICATION.of(name=Word(str(application["displayName"])), app=application["appId"])
