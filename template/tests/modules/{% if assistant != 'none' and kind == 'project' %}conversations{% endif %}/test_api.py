"""Conversations, over the API and a real database."""

from __future__ import annotations

from tests.contract.crud import (
    CreateContract,
    DeleteContract,
    HardDeleteContract,
    ListContract,
    ReadContract,
    UpdateContract,
)
from tests.contract.owners import OwnedContract, OwnedListContract, OwnedWriteContract
from tests.contract.values import InvalidContract
from tests.modules.conversations.case import CASE


class TestConversations(
    OwnedContract,
    CreateContract,
    ReadContract,
    ListContract,
    UpdateContract,
    DeleteContract,
    HardDeleteContract,
    OwnedListContract,
    OwnedWriteContract,
    InvalidContract,
):
    case = CASE
