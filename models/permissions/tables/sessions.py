"""Workstations and the sessions that run them."""

from models.permissions.enums import Noun
from models.permissions.resources import ObjectRole, Resource

SESSIONS: dict[Resource, Noun] = {
    Resource.REGION: Noun(
        description="A place where sessions run.",
        rules="view:G",
        roles={"researcher": "view:G"},
    ),
    Resource.UPLOAD: Noun(
        description="A file that somebody brought; nobody else sees it.",
        rules="view:O create:O",
        roles={"researcher": "view:O create:O"},
    ),
    Resource.WORKSTATION: Noun(
        description="A viewer, notebook or desktop that can be launched as a session.",
        rules="view:OG edit:OG create:O",
        roles={"researcher": "view:O edit:O", "builder": "create:O", "desk": "view:O"},
        objects={
            ObjectRole.WORKSTATION_EDITOR: "workstation:view workstation:edit",
            ObjectRole.WORKSTATION_USER: "workstation:view",
        },
        shared_with="workstation:edit",
    ),
    Resource.IMAGE: Noun(
        description="A version of a workstation.",
        rules="view:OG create:O edit:O",
        roles={"researcher": "view:O create:O edit:O", "desk": "view:O"},
    ),
    Resource.SESSION: Noun(
        description="A container lent to one person for a while.",
        rules="view:OG create:O edit:OG",
        roles={"researcher": "view:O create:O edit:O", "desk": "view:O"},
    ),
}
