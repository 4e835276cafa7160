from __future__ import annotations

import json

import pytest

from blueprint_assets.commands.one_object import INTERRUPTED, one_object


def fail(wanted: bool, error: BaseException) -> None:
    with one_object(wanted):
        print("a library talks")
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no"), "no"),
        (RuntimeError("never"), "never"),
        (OSError("full"), "full"),
        (KeyboardInterrupt(), INTERRUPTED),
    ],
)
def test_an_error_is_the_object_and_goes_on(
    error: BaseException, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(type(error)):
        fail(True, error)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": said}
    assert err == "a library talks\n"


def test_a_command_says_in_its_own_words_that_nothing_was_made(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), one_object(True, lambda reason: {"written": False, "why": reason}):
        raise ValueError("no")
    assert json.loads(capsys.readouterr().out) == {"written": False, "why": "no"}


def test_for_people_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"):
        fail(False, ValueError("no"))
    assert capsys.readouterr() == ("a library talks\n", "")
