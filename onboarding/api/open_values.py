"""The values, known today, of what callers branch on. A later release can have more of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from onboarding.api.attention import ATTENTION, RESTORED
from onboarding.api.attention_cases import CaseCode
from onboarding.cloud.service_names import GRAPH, KEY_VAULT, LOGIN, RESOURCE_MANAGER
from onboarding.cmg import permissions, rules
from onboarding.cmg.permissions import Permission
from onboarding.cmg.profiles import PROFILES
from onboarding.cmg.rules import Rule
from onboarding.connections.cadence import APPLICATION, SECRET
from onboarding.errors import ErrorType, recovery
from onboarding.errors.catalogue import FAILURES, FAULTS, FINDINGS, PARAMETER_FAULTS, PROBLEMS
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.notices.difference_texts import KINDS
from onboarding.notices.notice import DIGEST, NoticeKind
from onboarding.texts import reasons
from onboarding.workflow.plan import Plan

_PLANS: Final[tuple[Plan[object, object], ...]] = (*PLANS.values(), REMOVE, RENEW)  # type: ignore[arg-type]
_PERMISSIONS: Final = (
    "user_impersonation",  # of the server app
    *(permission.value for permission in vars(permissions).values() if isinstance(permission, Permission)),
)
_CHECKS: Final = {
    rule.name.format(permission=permission)
    for rule in vars(rules).values()
    if isinstance(rule, Rule)
    for permission in _PERMISSIONS
}

VALUES: Final[Mapping[str, Iterable[str]]] = {
    "AttentionCode": (*RESTORED, CaseCode.RUN_WAITS_FOR_OPERATOR, *ATTENTION),
    "CheckName": _CHECKS,
    "CloudService": (GRAPH, KEY_VAULT, LOGIN, RESOURCE_MANAGER),
    "DifferenceCode": {*_CHECKS, *KINDS} - {rules.SECRET.name},
    "ExpirationKind": (SECRET, APPLICATION),
    "FailureCode": {kind.code for kind in FAILURES},
    "FindingCode": {kind.code for kind in (*FINDINGS, *FAULTS, *PARAMETER_FAULTS, *FAILURES)},
    "LeftBehindCode": {phrase.code for phrase in reasons.LEFT},
    "NoticeKind": {*map(str, NoticeKind), DIGEST},
    "OutcomeCode": {phrase.code for phrase in reasons.OUTCOMES},
    "ProblemCode": {kind.code for kind in (*PROBLEMS, *FAILURES)},
    "ProfileName": PROFILES,
    "ReconciliationCode": {kind.code for kind in vars(recovery).values() if isinstance(kind, ErrorType)},
    "UnreadableCode": {phrase.code for phrase in reasons.UNREADABLE_ROWS},
    "StepName": {name for plan in _PLANS for name in plan.steps},
}
"""By the name that ``documents.open_value`` gives to a field."""
