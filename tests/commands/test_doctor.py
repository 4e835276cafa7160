from __future__ import annotations

import json

import pytest

from blueprint_assets.cli import main


def test_a_person_reads_the_remedies_that_a_program_gets(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as told:
        main(["doctor"])
    said = capsys.readouterr().out
    with pytest.raises(SystemExit) as printed:
        main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert told.value.code == printed.value.code == int(any(found["level"] == "missing" for found in findings))
    for found in findings:
        assert found["what"] in said
        assert found["remedy"] in said  # "pip install -e '.[gcp]'" with its brackets
