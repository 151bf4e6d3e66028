"""Permissions on workstations, and on the sessions that run them."""

from models.permissions.enums import ResourcePermissions
from models.permissions.resources import ObjectRole, Resource

SESSIONS: dict[Resource, ResourcePermissions] = {
    Resource.REGION: ResourcePermissions(
        description="A location with container engines that run sessions.",
        rules="view:G",
        roles={"researcher": "view:G"},
    ),
    Resource.WORKSTATION: ResourcePermissions(
        description="A viewer, notebook or desktop that can be launched as a session.",
        rules="view:OG edit:OG create:O",
        roles={"researcher": "view:O edit:O", "builder": "create:O", "session": "view:O"},
        object_roles={
            ObjectRole.WORKSTATION_EDITOR: "workstation:view workstation:edit",
            ObjectRole.WORKSTATION_USER: "workstation:view",
        },
        sharing_permission="workstation:edit",
    ),
    Resource.IMAGE: ResourcePermissions(
        description="A version of a workstation.",
        rules="view:OG create:O edit:O",
        roles={"researcher": "view:O create:O edit:O", "session": "view:O"},
    ),
    Resource.SESSION: ResourcePermissions(
        description="A container that runs a workstation for one user, for a limited time.",
        rules="view:OG create:O edit:OG",
        roles={"researcher": "view:O create:O edit:O", "session": "view:O"},
    ),
}
