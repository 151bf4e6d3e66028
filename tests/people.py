"""Sample people and objects that differ in every permission."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image as Picture

from core.clock import now
from core.settings import Settings
from core.storage.object_store import open_storage
from models.accounts.collaborations import Collaboration
from models.accounts.organizations import MemberRole, Organization
from models.accounts.roles import ObjectRole, PermissionVerb, Resource, Role, Rule, Scope
from models.accounts.tokens import Token, TokenKind
from models.accounts.users import User
from models.data.dataoperations import DataOperation, DataOperationState
from models.data.datasessions import Datasession
from models.data.results import Result, ResultState
from models.data.uploads import Upload, UploadState
from models.permissions.principal import SERVICE, Actor, Principal
from models.services.accounts import authentication, collaborations, grants, organizations, roles, tokens
from models.services.accounts import users as accounts_users
from models.services.accounts.roles import sync_default_roles
from models.services.data import dataoperations, datasessions, uploads
from models.services.sessions import regions, sessions, workstations
from models.sessions.images import Image, ImageState
from models.sessions.regions import Region
from models.sessions.sessions import Session, SessionState
from models.sessions.workstations import Workstation

ROLES = {
    "operator": "operator",
    "owner": "builder",
    "editor": "builder",
    "guest": "researcher",
    "member": "researcher",
    "admin": "researcher",
    "stranger": "researcher",
}
"""The owner created the workstation and its annex. The editor and the guest have a grant on it. The guest has a session
of it. The member and the admin belong to the lab. The stranger has no relation to any object.

The owner has a data session with a queued and a succeeded operation. The editor can edit it. The guest and the
container of the guest's session can see it."""


@dataclass
class People:
    """The sample people and their objects."""

    settings: Settings
    users: dict[str, User]
    workstation: Workstation
    image: Image
    older: Image
    broken: Image
    region: Region
    session: Session
    upload: Upload
    picture: Upload
    annex: Workstation
    lab: Organization
    collaboration: Collaboration
    container_token: str
    token_row: Token
    datasession: Datasession
    operation: DataOperation
    done: DataOperation
    result: Result
    roles: dict[str, Role]

    async def principal(self, name: str) -> Principal:
        """Return the principal of a person. `container` is the container of the guest's session."""
        if name == "container":
            return await authentication.authenticate(self.container_token)
        return await authentication.principal_for_user(self.users[name])

    async def actor(self, name: str) -> Actor:
        """Return the actor of a person."""
        return Actor.from_principal(await self.principal(name))

    async def token(self, name: str, kind: TokenKind = TokenKind.API) -> str:
        """Return the text of a new token of a person."""
        if name == "container":
            return self.container_token
        _, minted = await tokens.mint(self.users[name].id, kind, actor=SERVICE, lifetime=None, name="test")
        return minted.text


async def create_people(settings: Settings) -> People:
    """Fill a migrated database."""
    await sync_default_roles()
    users = {name: await accounts_users.register(name, None, role=role) for name, role in ROLES.items()}
    region = await regions.ensure("local", 2)
    owner = Actor.from_principal(await authentication.principal_for_user(users["owner"]))
    workstation = await _workstation(users, owner)
    older = await _image(workstation, users["owner"], ImageState.READY, reference="viewer:1")
    broken = await _image(workstation, users["owner"], ImageState.FAILED, reason="It runs as root.")
    image = await _image(workstation, users["owner"], ImageState.READY, reference="viewer:2", is_desired=True)
    annex = await workstations.create("Viewer annex", actor=owner)
    lab, collaboration = await _lab(users)
    upload = await uploads.create("viewer.tar.gz", actor=owner)
    await Upload.filter(id=upload.id).update(state=UploadState.COMPLETE, size_bytes=3, sha256="0" * 64)
    picture = await _picture(settings, owner)
    guest = Actor.from_principal(await authentication.principal_for_user(users["guest"]))
    session, _ = await sessions.launch(image, region, settings, actor=guest)
    datasession, operation, done, result = await _data(users, owner)
    await _run(session, datasession)
    _, minted = await tokens.mint(
        users["guest"].id, TokenKind.SESSION, actor=SERVICE, lifetime=None, session_id=session.id
    )
    token_row, _ = await tokens.mint(
        users["editor"].id, TokenKind.API, actor=SERVICE, lifetime=None, name="The editor's"
    )
    return People(
        settings=settings,
        users=users,
        workstation=workstation,
        image=image,
        older=older,
        broken=broken,
        region=region,
        session=await Session.get(id=session.id),
        upload=await Upload.get(id=upload.id),
        picture=picture,
        annex=annex,
        lab=lab,
        collaboration=collaboration,
        container_token=minted.text,
        token_row=token_row,
        datasession=datasession,
        operation=operation,
        done=done,
        result=result,
        roles={role.name: role for role in await Role.all()},
    )


async def _workstation(users: dict[str, User], owner: Actor) -> Workstation:
    workstation = await workstations.create("Viewer", actor=owner)
    await workstations.grant(workstation, users["editor"].id, ObjectRole.WORKSTATION_EDITOR, actor=owner)
    await workstations.grant(workstation, users["guest"].id, ObjectRole.WORKSTATION_USER, actor=owner)
    return workstation


async def _lab(users: dict[str, User]) -> tuple[Organization, Collaboration]:
    lab = await organizations.create("The Lab", actor=SERVICE)
    rules = frozenset({Rule(Resource.SESSION, PermissionVerb.VIEW, Scope.OWN)})
    await roles.create("custom", rules, description="", organization_id=lab.id, actor=SERVICE)
    await organizations.add_member(lab, users["member"], MemberRole.MEMBER, actor=SERVICE)
    await organizations.add_member(lab, users["admin"], MemberRole.ADMIN, actor=SERVICE)
    other = await organizations.create("Other institute", actor=SERVICE)
    return lab, await collaborations.create("Together", [lab, other], actor=SERVICE)


async def _run(session: Session, datasession: Datasession) -> None:
    await Session.filter(id=session.id).update(
        state=SessionState.RUNNING,
        datasession_id=datasession.id,
        host="127.0.0.1",
        http_port=1,
        websocket_port=1,
        starting_at=now(),
        running_at=now(),
    )


async def _picture(settings: Settings, owner: Actor) -> Upload:
    upload = await uploads.create("logo.png", actor=owner)
    written = BytesIO()
    Picture.new("RGB", (40, 20), "red").save(written, "PNG")

    async def content() -> AsyncIterator[bytes]:
        yield written.getvalue()

    kept = await open_storage(settings.storage_url, settings.data_dir).put(upload.storage_key, content(), limit=None)
    await uploads.complete(upload, upload.storage_key, kept.size, kept.sha256)
    return upload


async def _data(users: dict[str, User], owner: Actor) -> tuple[Datasession, DataOperation, DataOperation, Result]:
    datasession = await datasessions.create(
        "Globular cluster",
        [{"type": "fitsfile", "source": "archive", "basename": "frame-0001"}],
        upload_ids=(),
        organization_id=None,
        actor=owner,
    )
    for name, role in (("editor", ObjectRole.DATASESSION_EDITOR), ("guest", ObjectRole.DATASESSION_VIEWER)):
        await grants.grant(datasession, role, user_id=users[name].id, actor=owner)
    done, operation = [
        await dataoperations.create(datasession, "Median", "1", {"input_files": []}, depends_on=(), actor=owner)
        for _ in range(2)
    ]
    file = {"name": "a.fits", "index": 0, "kind": "fits", "content_type": "application/fits", "size": 1, "sha256": "0"}
    files: Any = [{**file, "storage_key": "results/none/a.fits"}]
    result = await Result.create(key="0" * 64, slot="0" * 64, state=ResultState.READY, maker=done.id, files=files)
    await DataOperation.filter(id=done.id).update(state=DataOperationState.SUCCEEDED, result_id=result.id)
    await done.refresh_from_db()
    return datasession, operation, done, result


async def _image(workstation: Workstation, creator: User, state: ImageState, **more: Any) -> Image:
    return await Image.create(workstation=workstation, creator=creator, state=state, **more)
