"""Row versions for optimistic locking."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, declared_attr, mapped_column


class VersionMixin:
    """Counts the changes of a row. Changing an outdated version fails."""

    version: Mapped[int] = mapped_column(sa.Integer())

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  # SQLAlchemy calls it on the class
        return {"version_id_col": cls.version}
