"""Gives the tests in ``test_<room>.py`` that room, and its claims one by one."""

import pytest

from chapters import registry

ROOMS = {room.name: room for room in registry.rooms()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    room = ROOMS.get(metafunc.module.__name__.rpartition(".")[2].removeprefix("test_"))
    if "claim" in metafunc.fixturenames:
        metafunc.parametrize("claim", room.claims.values(), ids=room.claims.keys())
    elif "room" in metafunc.fixturenames:
        metafunc.parametrize("room", [room], ids=[room.name])
