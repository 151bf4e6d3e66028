"""Global ids and the root fields that read them."""

from typing import Any

import pytest

from core.errors import NotFound
from schema.context import GraphQLContext
from schema.graphql.node import UnknownId, decode, decode_as, encode
from tests.schema.sample_library import READER, build


def test_id_decodes_to_type_and_key() -> None:
    assert decode(encode("Session", 12)) == ("Session", 12)


@pytest.mark.parametrize("text", ["", "x", "§", "U2Vzc2lvbg", "U2Vzc2lvbjox=", "U2Vzc2lvbjotMQ", "🦊", "A" * 5000])
def test_invalid_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        decode(text)


def test_id_of_another_type_is_not_found() -> None:
    with pytest.raises(UnknownId) as caught:
        decode_as("Image", encode("Session", 12), path=("input", "imageId"))

    assert caught.value.path == ("input", "imageId")


async def _run(query: str, **variables: Any) -> Any:
    return await build().execute(query, variable_values=variables, context_value=GraphQLContext(principal=READER))


async def test_node_returns_any_type_or_null() -> None:
    query = "query($id: ID!) { node(id: $id) { __typename id ... on Book { title } } }"

    there = await _run(query, id=encode("Book", 2))
    assert there.data == {"node": {"__typename": "Book", "id": encode("Book", 2), "title": "Book 2"}}
    for absent in (encode("Book", 99), encode("Unheard", 1), "nonsense"):
        assert (await _run(query, id=absent)).data == {"node": None}


async def test_nodes_keep_order_with_null_for_missing() -> None:
    ids = [encode("Person", 1), encode("Book", 99), encode("Book", 3)]
    result = await _run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    assert result.data == {"nodes": [{"id": ids[0]}, None, {"id": ids[2]}]}


async def test_too_many_nodes_are_refused() -> None:
    result = await _run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)

    assert result.errors[0].extensions["code"] == "BAD_USER_INPUT"
