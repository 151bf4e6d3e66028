"""A failing item of a batch does not block others."""

from jobs.batch import for_each


async def test_failing_item_does_not_block_others() -> None:
    done: list[int] = []

    async def act(item: int) -> None:
        if item == 2:
            raise ZeroDivisionError
        done.append(item)

    await for_each([1, 2, 3], act)

    assert done == [1, 3]
