"""Every column is in the list of holdings, and every right says what it does to it."""

from collections import Counter
from dataclasses import fields

import pytest
from sqlalchemy import Column, String, Table

from mailer.core.db import Base
from mailer.models import metadata
from mailer.notices.models import Notice
from mailer.privacy.retention import inventory
from mailer.privacy.retention.inventory import HOLDINGS, NOT_PERSONAL, Access, Erasure, Holding, Whose
from mailer.privacy.rights import access

TABLES = list(metadata.sorted_tables)
NAMES = {table.name for table in TABLES}
GIVEN = {source.table.__tablename__: set(source.given) for source in access._SOURCES}


def _unlisted(table: Table) -> set[str]:
    """Columns in no row."""
    return (
        {column.name for column in table.columns}
        - set(inventory.of(table.name))
        - inventory.not_personal(table.name)
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_is_in_a_row(table: Table) -> None:
    assert _unlisted(table) == set()


def test_a_new_column_is_missed() -> None:
    """The proof that the test above can fail."""
    grown = metadata.tables["subscriber"].to_metadata(type(metadata)())
    grown.append_column(Column("phone", String))
    assert _unlisted(grown) == {"phone"}


def test_no_row_names_what_is_not_there() -> None:
    there = {(table.name, column.name) for table in TABLES for column in table.columns}
    named = [(each.where, column) for each in HOLDINGS if each.where in NAMES for column in each.what]
    assert set(named) - there == set()
    assert [twice for twice, count in Counter(named).items() if count > 1] == []
    not_personal = {(table, column) for table in NOT_PERSONAL for column in inventory.not_personal(table)}
    assert not_personal - there == set()
    assert not_personal & set(named) == set()


@pytest.mark.parametrize("right", [each.name for each in fields(Holding)][3:])
def test_no_right_ignores_a_row(right: str) -> None:
    assert [each.where for each in HOLDINGS if not getattr(each, right)] == []


@pytest.mark.parametrize("table", sorted(GIVEN))
def test_the_copy_gives_what_the_list_says(table: str) -> None:
    said = {column for column, each in inventory.of(table).items() if each.access is Access.GIVEN}
    assert said - GIVEN[table] == set()


def test_what_is_given_from_no_such_table_is_given_elsewhere() -> None:
    """The evidence is in the file of consent, single mails and histories have readers of their own."""
    tables = {each.where for each in HOLDINGS if each.access is Access.GIVEN} & NAMES
    assert tables - set(GIVEN) == {"consent_payload", Notice.__tablename__, "rights_event"}


def test_what_outlives_an_erasure_has_no_text_of_the_person_s() -> None:
    """But the evidence, whose texts are the body's."""
    kept = {
        (each.where, column)
        for each in HOLDINGS
        if each.where in NAMES and each.erasure in {Erasure.KEYED, Erasure.LIVES_ON}
        for column in each.what
        if each.whose is Whose.PERSON and _is_free_text(Base.metadata.tables[each.where].c[column])
    }
    assert kept == {
        ("consent_payload", "channel"), ("consent_payload", "form_version"), ("consent_payload", "source"),
        ("consent_payload", "legal_text"), ("delivery", "provider"), ("delivery", "enhanced"),
        ("rights_request", "locale"), ("rights_event", "what"),
    }  # fmt: skip


def _is_free_text(column: Column[object]) -> bool:
    return type(column.type) is String
