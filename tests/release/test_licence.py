from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint_assets.contracts.release import InputLicence
from blueprint_assets.release.licence import TERMS, LicenceError, derive, forbids_datasets, terms_of

ROBOT = InputLicence(what="the robot", stated="Apache-2.0")


def given_under(*stated: str | None) -> list[InputLicence]:
    return [ROBOT, *(InputLicence(what=f"photo {i}", stated=text) for i, text in enumerate(stated))]


@pytest.mark.parametrize(
    ("stated", "spdx", "hub"),
    [
        (["CC0-1.0"], "Apache-2.0", "apache-2.0"),
        (["CC0-1.0", "cc-by-4.0"], "CC-BY-4.0", "cc-by-4.0"),
        (["CC-BY-3.0", "CC-BY-4.0", "CC-BY-2.0"], "CC-BY-4.0", "cc-by-4.0"),
        (["CC-BY-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-4.0", "cc-by-nc-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-4.0"], "CC-BY-SA-4.0", "cc-by-sa-4.0"),
        (["CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"], "CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        (["ODbL-1.0", "CC-BY-4.0"], "ODbL-1.0", "odbl"),
    ],
)
def test_the_most_demanding_licence_is_the_datasets(stated: list[str], spdx: str, hub: str) -> None:
    found = derive(given_under(*stated))
    assert (found.spdx, found.hub) == (spdx, hub)
    assert spdx in found.reasons[0]


@pytest.mark.parametrize("unknown", [None, "All rights reserved", "CC BY 4.0", "GPL-3.0-only", "", "cc-by"])
def test_what_is_not_known_is_not_guessed(unknown: str | None) -> None:
    found = derive(given_under("CC-BY-4.0", unknown))
    assert (found.spdx, found.hub) == (None, "other")
    assert len(found.reasons) == 1
    assert found.reasons[0].startswith("photo 1: ")
    assert ("nobody stated" if unknown is None else repr(unknown)) in found.reasons[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [("CC-BY-SA-4.0", "ODbL-1.0"), ("CC-BY-SA-4.0", "CC-BY-NC-4.0"), ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0")],
)
def test_contradictory_share_alike_names_both_inputs(one: str, other: str) -> None:
    for stated in ((one, other), (other, one)):
        with pytest.raises(LicenceError) as error:
            derive(given_under("CC0-1.0", None, *stated))
        assert "photo 2" in str(error.value)
        assert "photo 3" in str(error.value)
        assert one in str(error.value)
        assert other in str(error.value)


def test_a_work_that_allows_no_derivatives_makes_no_dataset() -> None:
    assert forbids_datasets("CC-BY-NC-ND-4.0") is not None
    assert forbids_datasets("CC-BY-4.0") is None
    assert forbids_datasets(None) is None
    with pytest.raises(LicenceError, match=r"photo 0: its licence CC-BY-ND-4\.0 does not allow"):
        derive(given_under("CC-BY-ND-4.0"))


known = st.sampled_from(sorted(TERMS))


@settings(deadline=None)
@given(st.lists(known, min_size=1, max_size=5))
def test_a_derived_licence_keeps_every_inputs_terms_whatever_their_order(stated: list[str]) -> None:
    outcomes = set()
    for order in itertools.islice(itertools.permutations(stated), 6):
        try:
            outcomes.add(derive(given_under(*order)).spdx)
        except LicenceError:
            outcomes.add("refused")
    (outcome,) = outcomes
    if outcome == "refused":
        return
    chosen = terms_of(outcome)
    assert chosen is not None
    for text in stated:
        terms = terms_of(text)
        assert terms is not None
        assert terms.derivatives
        assert chosen.attribution or not terms.attribution
        assert chosen.noncommercial or not terms.noncommercial
        assert not terms.share_alike or chosen.family == terms.family
