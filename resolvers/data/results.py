"""Resolvers of results: signed links to their files, and the bytes of the files."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from core.clock import now
from core.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from core.security import global_ids
from core.security.signing import Validity
from models.accounts.users import User
from models.data.results import Result, ResultState, StoredFile
from models.permissions.principal import Actor, Principal
from models.policies.authorization import Action
from models.policies.data import results as policy
from models.services.accounts import authentication
from models.services.data import results
from resolvers.app_state import AppState
from resolvers.guards import require, visible
from resolvers.row_reader import RowReader

PURPOSE = "result"
LINK_LIFETIME = timedelta(minutes=10)

reader = RowReader(policy.readable)


@dataclass(frozen=True)
class Link:
    """A link to one file and its expiry."""

    name: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class SignedLink:
    """The query parameters of a signed link: its user, and the signature with its time."""

    user: str
    signature: str


def file_url(app_state: AppState, result_id: str, name: str) -> str:
    """Return the URL of a file. It needs a credential or the parameters of a signed link."""
    return f"{app_state.settings.api_url}/results/{result_id}/{quote(name)}"


async def open_links(
    app_state: AppState, principal: Principal, key: int, names: Sequence[str] | None, result_id: str
) -> list[Link]:
    """Return links to the files. They work for this caller only, and while the caller can read the result."""
    result = await visible(policy.readable(principal), key)
    await require(principal, Action.RESULT_OPEN, result)
    if result.state is not ResultState.READY:
        raise Conflict("The result is not ready. Wait until its operation has succeeded.")
    files = [_file(result, name) for name in names] if names is not None else result.files
    until = now().replace(microsecond=0) + LINK_LIFETIME
    links = [_link(app_state, principal, result_id, file["name"], until) for file in files]
    await results.record_opened(
        result, [link.name for link in links], int(LINK_LIFETIME.total_seconds()), actor=Actor.from_principal(principal)
    )
    return links


def _link(app_state: AppState, principal: Principal, result_id: str, name: str, until: datetime) -> Link:
    user = global_ids.encode("User", principal.user_id)
    signature = app_state.signer.sign(PURPOSE, "\n".join((result_id, name, user)))
    query = urlencode({"for": user, "signature": signature})
    return Link(name, f"{file_url(app_state, result_id, name)}?{query}", until)


def _file(result: Result, name: str) -> StoredFile:
    file = next((file for file in result.files if file["name"] == name), None)
    if file is None:
        names = ", ".join(file["name"] for file in result.files) or "none"
        raise BadInput(f"The result has no file {name[:100]!r}. Its files are: {names}.", path=("names",))
    return file


async def get_file(
    app_state: AppState, principal: Principal | None, link: SignedLink | None, key: int, result_id: str, name: str
) -> StoredFile:
    """Return a file for a caller with a credential or with its own signed link; else raise the reason."""
    reader = principal
    if link is not None:
        reader = await _link_owner(app_state, link, result_id, name)
        if principal is not None and principal.user_id != reader.user_id:
            raise Forbidden("This link belongs to another user. Get your own link with resultOpen.")
    if reader is None:
        raise Unauthenticated
    result = await policy.readable(reader).get_or_none(id=key, state=ResultState.READY)
    file = next((file for file in result.files if file["name"] == name), None) if result else None
    if file is None:
        raise NotFound
    return file


async def _link_owner(app_state: AppState, link: SignedLink, result_id: str, name: str) -> Principal:
    text = "\n".join((result_id, name, link.user))
    match app_state.signer.verify(PURPOSE, text, link.signature, LINK_LIFETIME):
        case Validity.FORGED:
            raise Forbidden("The signature of this link is invalid. Get a new link with resultOpen.")
        case Validity.EXPIRED:
            raise Forbidden("This link has expired. Get a new link with resultOpen.")
        case Validity.VALID:
            pass
    user = await User.get_or_none(id=global_ids.key_of("User", link.user) or 0, is_active=True)
    if user is None:
        raise Forbidden("The user of this link is deactivated. Sign in and get your own link with resultOpen.")
    return await authentication.principal_for_user(user)


def read(app_state: AppState, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes of a file from `start` to before `end`."""
    whole = (start, end) == (0, file["size"])
    return (
        app_state.storage.get(file["storage_key"])
        if whole
        else app_state.storage.get_range(file["storage_key"], start, end)
    )
