"""The feed: a list of items, of which newer ones have greater ids."""

from dataclasses import dataclass

from moothall import http


@dataclass
class Item:
    id: int
    title: str


def items_after(url: str, id: int) -> list[Item]:
    """The items after the one with this id, oldest first."""
    return http.get(url, query={"after": id}).raise_for_status().json(list[Item])
