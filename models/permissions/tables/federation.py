"""Permissions on collaborations, and on the tasks that run on their nodes."""

from models.permissions.enums import ResourcePermissions
from models.permissions.resources import Resource

FEDERATION: dict[Resource, ResourcePermissions] = {
    Resource.COLLABORATION: ResourcePermissions(
        description="Organizations that compute together.",
        rules="view:RG edit:CG create:G delete:CG",
        roles={
            "root": "view:RG edit:CG create:G delete:CG",
            "viewer": "view:R",
            "collaboration_admin": "edit:C",
            "node": "view:R",
            "container": "view:R",
        },
    ),
    Resource.FEDERATION_STUDY: ResourcePermissions(
        description="Organizations of a collaboration that work on one question.",
        rules="view:RCG edit:RCG create:CG delete:RCG",
        roles={
            "root": "view:RCG edit:RCG create:CG delete:RCG",
            "viewer": "view:R",
            "collaboration_admin": "view:C create:C edit:C delete:C",
            "node": "view:R",
            "container": "view:R",
        },
    ),
    Resource.NODE: ResourcePermissions(
        description="The agent of an organization, next to its data.",
        rules="view:RCG edit:RCG create:RCG delete:RCG",
        roles={
            "root": "view:RCG edit:RCG create:RCG delete:RCG",
            "viewer": "view:RC",
            "organization_admin": "create:R edit:R",
            "collaboration_admin": "create:C delete:C",
            "node": "view:R edit:R",
            "container": "view:R",
        },
    ),
    Resource.TASK: ResourcePermissions(
        description="A computation that is sent to the organizations' data.",
        rules="view:ORCG create:CG delete:ORCG",
        roles={
            "root": "view:ORCG create:CG delete:ORCG",
            "viewer": "view:C",
            "federation_researcher": "create:C delete:R",
            "node": "view:C",
            "container": "view:C",
        },
    ),
    Resource.RUN: ResourcePermissions(
        description="A task's part at one organization, and its result.",
        rules="view:ORCG",
        roles={"root": "view:ORCG", "viewer": "view:C", "node": "view:C", "container": "view:C"},
    ),
    Resource.PORT: ResourcePermissions(
        description="A port that a run's container listens on.",
        rules="view:RG",
        roles={"root": "view:RG", "viewer": "view:R", "node": "view:R", "container": "view:R"},
    ),
    Resource.EVENT: ResourcePermissions(
        description="A message between nodes and users about a running task.",
        rules="send:RCG receive:RCG",
        roles={
            "root": "send:RCG receive:RCG",
            "viewer": "receive:RC",
            "organization_admin": "send:R",
            "collaboration_admin": "send:C",
        },
    ),
}
