"""Every error means one thing to a caller, and everything that Bahi raises on purpose is in the tree."""

import importlib
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus

import api
import commands
import ledger
import projections
import replay
import streams
from api.outcomes import OUTCOMES, Exit, outcome_of
from ledger.errors import BadField, BahiError, Erased, NotFound


def classes(root: type[BahiError] = BahiError) -> Iterator[type[BahiError]]:
    for inner in root.__subclasses__():
        yield inner
        yield from classes(inner)


def test_every_class_of_the_tree_is_mapped_once() -> None:
    for package in (api, commands, ledger, projections, replay, streams):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    assert sorted(kind.__name__ for kind in classes()) == sorted(k.__name__ for k in OUTCOMES)
    assert set(classes()) == set(OUTCOMES)


def test_exit_codes_are_those_of_the_design() -> None:
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0, "FAILED": 1, "WRONG_USAGE": 2, "SOME_REFUSED": 3, "ANSWER_IS_NO": 4,
    }  # fmt: skip


def test_no_error_ends_a_command_as_if_it_were_done() -> None:
    assert {code for _, code in OUTCOMES.values()} <= {
        Exit.FAILED,
        Exit.WRONG_USAGE,
        Exit.ANSWER_IS_NO,
    }
    assert all(status >= HTTPStatus.BAD_REQUEST for status, _ in OUTCOMES.values())


def test_an_error_has_the_outcome_of_its_class() -> None:
    assert outcome_of(NotFound("view", "x")) == (HTTPStatus.NOT_FOUND, Exit.WRONG_USAGE)
    assert outcome_of(BadField("a", "b", "c")) == (HTTPStatus.UNPROCESSABLE_ENTITY, Exit.FAILED)
    assert outcome_of(Erased("gone")) == (HTTPStatus.GONE, Exit.ANSWER_IS_NO)
