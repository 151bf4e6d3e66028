"""Answer what is asked of results: links to their files, and the files themselves."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from core.clock import now
from core.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from core.security import global_ids
from models.accounts.users import User
from models.data.results import Result, ResultState, StoredFile
from models.permissions.actor import Actor
from models.permissions.principal import Principal
from models.policies.authorization import Action
from models.policies.data import results as policy
from models.services.accounts import authentication
from models.services.data import results
from resolvers.app_state import House
from resolvers.guards import require, visible

PURPOSE = "result"
LINK_SECONDS = 600


@dataclass(frozen=True)
class Link:
    """A link to one file and when it ends."""

    name: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Claim:
    """What a link says: for whom it is, until when, and that it is ours."""

    user: str
    until: str
    signature: str


def address(house: House, result_id: str, name: str) -> str:
    """Return where a file is read by who has a credential for it."""
    return f"{house.settings.api_url}/results/{result_id}/{quote(name)}"


async def open_links(
    house: House, principal: Principal, key: int, names: Sequence[str] | None, result_id: str
) -> list[Link]:
    """Return links to the files, which work for this caller alone and as long as the caller may read the result."""
    result = await visible(policy.readable(principal), key)
    await require(principal, Action.RESULT_OPEN, result)
    if result.state is not ResultState.READY:
        raise Conflict("The result is not ready; follow its operation.")
    chosen = [_file(result, name) for name in names] if names is not None else result.files
    until = now().replace(microsecond=0) + timedelta(seconds=LINK_SECONDS)
    found = [_link(house, principal, result_id, file["name"], until) for file in chosen]
    await results.opened(result, [link.name for link in found], LINK_SECONDS, actor=Actor.of(principal))
    return found


def _link(house: House, principal: Principal, result_id: str, name: str, until: datetime) -> Link:
    user, moment = global_ids.encode("User", principal.user_id), str(int(until.timestamp()))
    signature = house.signer.sign(PURPOSE, "\n".join((result_id, name, user, moment)))
    query = urlencode({"for": user, "until": moment, "signature": signature})
    return Link(name, f"{address(house, result_id, name)}?{query}", until)


def _file(result: Result, name: str) -> StoredFile:
    file = next((file for file in result.files if file["name"] == name), None)
    if file is None:
        known = ", ".join(file["name"] for file in result.files) or "none"
        raise BadInput(f"The result has no file {name[:100]!r}; it has {known}.", path=("names",))
    return file


async def file_for(
    house: House, principal: Principal | None, claim: Claim | None, key: int, result_id: str, name: str
) -> StoredFile:
    """Return a file for a caller with a credential, or with a link that was made for them; else say why not."""
    reader = principal
    if claim is not None:
        reader = await _claimant(house, claim, result_id, name)
        if principal is not None and principal.user_id != reader.user_id:
            raise Forbidden("This link was made for somebody else; ask for one of your own with resultOpen.")
    if reader is None:
        raise Unauthenticated
    result = await policy.readable(reader).get_or_none(id=key, state=ResultState.READY)
    file = next((file for file in result.files if file["name"] == name), None) if result else None
    if file is None:
        raise NotFound
    return file


async def _claimant(house: House, claim: Claim, result_id: str, name: str) -> Principal:
    text = "\n".join((result_id, name, claim.user, claim.until))
    if not house.signer.valid(PURPOSE, text, claim.signature) or not claim.until.isdigit():
        raise Forbidden("This link is not one of ours; ask for one with resultOpen.")
    if datetime.fromtimestamp(int(claim.until), UTC) < now():
        raise Forbidden("The time of this link is over; ask for another with resultOpen.")
    user = await User.get_or_none(id=global_ids.key_of("User", claim.user) or 0, is_active=True)
    if user is None:
        raise Forbidden("The account that this link was made for is closed.")
    return await authentication.principal_for(user)


def content(house: House, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
    """Give the bytes of a file from `start` up to but not with `end`."""
    whole = (start, end) == (0, file["size"])
    return house.storage.get(file["storage_key"]) if whole else house.storage.part(file["storage_key"], start, end)
