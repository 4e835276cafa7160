"""Under which licence a dataset may be given, from what its inputs are given under.

A dataset is treated as one work made from all its inputs, which is the careful reading; this is a table and a rule, not
legal advice. Nothing is guessed: a licence that nobody stated, or whose terms are not in the table, leaves the dataset's
undetermined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blueprint_assets.contracts.release import InputLicence, ReleaseLicence

UNDETERMINED = "other"


class LicenceError(ValueError):
    """The inputs' licences cannot be kept in one dataset. The message names the inputs and the remedy."""


@dataclass(frozen=True)
class Terms:
    """What a licence asks of those who pass on what they made from the work. `family` groups its versions."""

    spdx: str
    hub: str
    family: str
    attribution: bool = True
    noncommercial: bool = False
    share_alike: bool = False
    derivatives: bool = True


def _creative_commons(kind: str, *versions: str, **asks: bool) -> list[Terms]:
    return [Terms(f"CC-{kind}-{v}", f"cc-{kind}-{v}".lower(), f"CC-{kind}", **asks) for v in versions]


_TABLE = [
    Terms("CC0-1.0", "cc0-1.0", "CC0", attribution=False),
    Terms("PDDL-1.0", "pddl", "PDDL", attribution=False),
    Terms("Unlicense", "unlicense", "Unlicense", attribution=False),
    Terms("MIT", "mit", "MIT"),
    Terms("BSD-2-Clause", "bsd-2-clause", "BSD"),
    Terms("BSD-3-Clause", "bsd-3-clause", "BSD"),
    Terms("Apache-2.0", "apache-2.0", "Apache"),
    Terms("CDLA-Permissive-2.0", "cdla-permissive-2.0", "CDLA-Permissive"),
    Terms("ODC-By-1.0", "odc-by", "ODC-By"),
    *_creative_commons("BY", "2.0", "2.5", "3.0", "4.0"),
    *_creative_commons("BY-NC", "2.0", "3.0", "4.0", noncommercial=True),
    Terms("ODbL-1.0", "odbl", "ODbL", share_alike=True),
    *_creative_commons("BY-SA", "3.0", "4.0", share_alike=True),
    *_creative_commons("BY-NC-SA", "2.0", "3.0", "4.0", share_alike=True, noncommercial=True),
    *_creative_commons("BY-ND", "2.0", "3.0", "4.0", derivatives=False),
    *_creative_commons("BY-NC-ND", "2.0", "3.0", "4.0", noncommercial=True, derivatives=False),
]
"""From those that ask for little to those that ask for much; the texts at spdx.org/licenses. The Hub's names are those of
its list of licences for repository cards. Later versions of a share-alike licence may take the place of earlier ones
(section 4(b) of CC BY-SA 3.0)."""

TERMS: dict[str, Terms] = {terms.spdx.lower(): terms for terms in _TABLE}


def terms_of(stated: str | None) -> Terms | None:
    """The table's row of an SPDX id, whatever its case; None for free text, an id that is not in the table, or nothing."""
    return TERMS.get((stated or "").strip().lower())


def forbids_datasets(stated: str | None) -> str | None:
    """Why nothing that was made from an input under this licence may be passed on; None when that is not known."""
    terms = terms_of(stated)
    if terms is None or terms.derivatives:
        return None
    return f"its licence {terms.spdx} does not allow to pass on what is made from it"


def derive(inputs: Sequence[InputLicence]) -> ReleaseLicence:
    """The licence that keeps all the inputs' terms: the most demanding one among them.

    Raises:
        LicenceError: no licence keeps them all, or an input allows no derived works.
    """
    for item in inputs:
        if reason := forbids_datasets(item.stated):
            raise LicenceError(f"{item.what}: {reason}; leave the scene out (`blueprint retract`) or ask its owner")
    known = [(terms, item) for item in inputs if (terms := terms_of(item.stated))]
    _refuse_contradictions(known)
    unknown = tuple(_why_unknown(item) for item in inputs if terms_of(item.stated) is None)
    if unknown:
        return ReleaseLicence(hub=UNDETERMINED, spdx=None, reasons=unknown, inputs=tuple(inputs))
    if not known:
        raise LicenceError("no input was named, so no licence can be derived; name the inputs of every scene")
    order = list(TERMS.values())
    chosen = max((terms for terms, _ in known), key=lambda t: (_demands(t), order.index(t)))
    asks = [text for asked, text in (
        (chosen.attribution, "the authors below must be named"),
        (chosen.noncommercial, "commercial use is not allowed"),
        (chosen.share_alike, "what is made from it must be given under the same licence"),
    ) if asked]  # fmt: skip
    reason = (
        f"{chosen.spdx} is the most demanding licence among the inputs: {'; '.join(asks) or 'it asks for nothing'}."
    )
    return ReleaseLicence(hub=chosen.hub, spdx=chosen.spdx, reasons=(reason,), inputs=tuple(inputs))


def _demands(terms: Terms) -> tuple[bool, bool, bool]:
    return terms.share_alike, terms.noncommercial, terms.attribution


def _refuse_contradictions(known: Sequence[tuple[Terms, InputLicence]]) -> None:
    alike = [(terms, item) for terms, item in known if terms.share_alike]
    for terms, item in alike:
        for other, against in known:
            both_alike = other.share_alike and other.family != terms.family
            forbidden_use = other.noncommercial and not terms.noncommercial
            if both_alike or forbidden_use:
                raise LicenceError(
                    f"{item.what} is under {terms.spdx}, which demands that very licence for the dataset, and "
                    f"{against.what} is under {other.spdx}, which does not allow it: no licence keeps both; release "
                    "them from two stores, or retract one of the scenes"
                )


def _why_unknown(item: InputLicence) -> str:
    if item.stated is None:
        return f"{item.what}: nobody stated a licence."
    return f"{item.what}: {item.stated!r} is stated, whose terms are not in the table of known licences."
