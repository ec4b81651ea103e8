"""The registry: labs, people, stations, embodiments, policies, versions, endpoints, keys, audit events."""

from arena.models.keys import ApiKey, ClientKey, Scope
from arena.models.labs import (
    EXTERNAL_CAMERAS,
    OWNER_ROLES,
    ActionSpace,
    Affiliation,
    Application,
    Camera,
    Embodiment,
    Invitation,
    Lab,
    Membership,
    Role,
    Source,
    Station,
)
from arena.models.people import ALWAYS_SENT, Notice, NoticeKind, Person, PersonManager
from arena.models.policies import (
    UNLISTED,
    Endpoint,
    HealthChange,
    Policy,
    PolicyStake,
    PolicyVersion,
    PolicyVersionQuerySet,
    parts_of,
)
from arena.models.records import ApiWrite, AuditEvent

__all__ = [
    "ALWAYS_SENT",
    "EXTERNAL_CAMERAS",
    "OWNER_ROLES",
    "UNLISTED",
    "ActionSpace",
    "Affiliation",
    "ApiKey",
    "ApiWrite",
    "Application",
    "AuditEvent",
    "Camera",
    "ClientKey",
    "Embodiment",
    "Endpoint",
    "HealthChange",
    "Invitation",
    "Lab",
    "Membership",
    "Notice",
    "NoticeKind",
    "Person",
    "PersonManager",
    "Policy",
    "PolicyStake",
    "PolicyVersion",
    "PolicyVersionQuerySet",
    "Role",
    "Scope",
    "Source",
    "Station",
    "parts_of",
]
