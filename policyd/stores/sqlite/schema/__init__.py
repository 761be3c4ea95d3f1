"""The schema, as numbered steps: ``archive/NNNN_what.sql`` and ``journal/NNNN_what.sql``.

Law: a step that was released is never edited; a change is a new step. PRAGMA user_version is the last step taken.
"""

import sqlite3
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Kind = Literal["archive", "journal"]


class SchemaError(sqlite3.DatabaseError):
    """The file was written by a newer policyd."""


@lru_cache(maxsize=2)
def steps(kind: Kind) -> tuple[tuple[int, str], ...]:
    """The number and the SQL of every step, in order."""
    folder = files(__name__).joinpath(kind)
    found = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return tuple(sorted((int(file.name[:4]), file.read_text("utf-8")) for file in found))


def missing_steps(kind: Kind, version: int, secret: bytes = b"") -> str:
    """One script that brings a file from `version` up to date, "" if it is; a new one (version 0) gets `secret`.

    Raises SchemaError if the file is newer.
    """
    known = steps(kind)[-1][0]
    if version > known:
        raise SchemaError(f"its schema is version {version}, this policyd knows {known}")
    birth = {1: f"INSERT INTO meta (name, value) VALUES ('secret', x'{secret.hex()}');\n"}  # noqa: S608 - hex digits
    return "".join(
        f"BEGIN IMMEDIATE;\n{sql}\n{birth.get(number, '')}PRAGMA user_version = {number};\nCOMMIT;\n"
        for number, sql in steps(kind)
        if number > version
    )
