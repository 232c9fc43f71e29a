"""What was published of each public set: how much there is, its citation and its terms.

The one place for these numbers. A set as read is held against them: another count is
another release, a set in part, or another set; scores that do not reach from one end of
the published ones to the other were rescaled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fechner.data.sets.published import PublicSet
from fechner.errors import InputError


@dataclass(frozen=True)
class SetFacts:
    """One public set.

    Attributes
    ----------
    title
        Its name in papers.
    counts
        How many rated images it has; several where complete copies differ.
    made_of
        What these images are.
    references
        How many undistorted originals they have; None where they have none.
    reaches
        Two scores, of which the lower lies above the lowest of the whole set and the higher
        below the highest; None where nothing was measured.
    citation
        What to cite.
    terms
        The licence or terms in a few words.
    """

    title: str
    counts: tuple[int, ...]
    made_of: str
    references: int | None
    reaches: tuple[float, float] | None
    citation: str
    terms: str


RESEARCH = "education and research only, with its copyright notice (readme of the set)"
SEE_AUTHORS = "see the page of its authors"

FACTS: dict[str, SetFacts] = {
    "tid2008": SetFacts(
        "TID2008", (1700,), "25 references x 17 distortions x 4 levels", 25, (1.5, 6.5),
        "Ponomarenko et al. 2009, Advances of Modern Radioelectronics 10:30", RESEARCH,
    ),
    "tid2013": SetFacts(
        "TID2013", (3000,), "25 references x 24 distortions x 5 levels", 25, (0.5, 7.0),
        "Ponomarenko et al. 2015, Signal Processing: Image Communication 30:57", RESEARCH,
    ),
    "kadid10k": SetFacts(
        "KADID-10k", (10125,), "81 references x 25 distortions x 5 levels", 81, (1.5, 4.5),
        "Lin, Hosu and Saupe 2019, QoMEX", SEE_AUTHORS,
    ),
    "csiq": SetFacts(
        "CSIQ", (866,), "30 references x 6 distortions x 3 to 5 levels", 30, (0.1, 0.9),
        "Larson and Chandler 2010, Journal of Electronic Imaging 19:011006", SEE_AUTHORS,
    ),
    "live": SetFacts(
        "LIVE release 2", (779,), "29 references, 5 distortions, continuous levels", 29, (15, 75),
        "Sheikh, Wang, Cormack and Bovik, LIVE release 2; Sheikh, Sabir and Bovik 2006, "
        "IEEE Transactions on Image Processing 15:3440",
        "free, with its copyright notice and source named",
    ),
    "pipal": SetFacts(
        "PIPAL (train)", (23200,), "200 references x 116 distortions", 200, (1300, 1600),
        "Gu et al. 2020, ECCV, arXiv 2007.12142", SEE_AUTHORS,
    ),
    "avt": SetFacts(
        "AVT-AI-Image-Dataset", (146, 145), "5 generators x 27 prompts, 11 photographs", None,
        None, "Goering et al. 2023, IEEE Access and QoMEX", "GPL-3.0",
    ),
    "avt_compressed": SetFacts(
        "AVT image quality test", (371,), "38 scenes, H.265 at several heights and CRFs", None,
        (1.5, 4.5), "github.com/Telecommunication-Telemedia-Assessment/image_quality_test",
        "GPL-3.0",
    ),
    "aigciqa2023": SetFacts(
        "AIGCIQA2023", (2400,), "6 generators x 100 prompts x 4 images", None, None,
        "Wang et al. 2023, arXiv 2307.00211", SEE_AUTHORS,
    ),
    "agiqa3k": SetFacts(
        "AGIQA-3K", (2982,), "6 generators x about 300 prompts", None, None,
        "Li et al. 2023, arXiv 2306.04717", SEE_AUTHORS,
    ),
}  # fmt: skip


def as_published(public: PublicSet, *, partial: bool) -> PublicSet:
    """Return a set whose counts and scores are those that were published.

    Parameters
    ----------
    public
        The set as read.
    partial
        Whether fewer images are accepted; it is then noted how many there are.

    Returns
    -------
    PublicSet
        With a note where it is a part.

    Raises
    ------
    InputError
        If there are more images or references than published; if there are fewer and
        `partial` is not given; if the scores of a whole set were rescaled.
    """
    facts = FACTS[public.name]
    count = len(public.rated)
    if count in facts.counts:
        _require_references(facts, public)
        _require_reach(facts, public)
        return public
    if partial and count < max(facts.counts):
        note = f"a part of {facts.title}: {count} of its {max(facts.counts)} images"
        return replace(public, notes=(*public.notes, note))
    raise InputError(
        f"{_tables(public)}: {count} rated images, expected {_either(facts.counts)} "
        f"({facts.made_of}); {_count_remedy(public.name, count, partial)}"
    )


def _count_remedy(name: str, count: int, partial: bool) -> str:
    same = [other for other, facts in FACTS.items() if count in facts.counts and other != name]
    if same:
        return f"as many as in {FACTS[same[0]].title}: if it is that set, import it as {same[0]}"
    if partial or count > max(FACTS[name].counts):
        return "restore the published table"
    return "restore the published files, or import what is there with --partial"


def _require_references(facts: SetFacts, public: PublicSet) -> None:
    if facts.references is None:
        return
    found = public.rated.table["reference"].nunique()
    if found != facts.references:
        raise InputError(
            f"{_tables(public)}: {found} references, expected {facts.references} "
            f"({facts.made_of}); restore the published table"
        )


def _require_reach(facts: SetFacts, public: PublicSet) -> None:
    if facts.reaches is None:
        return
    dimension = public.rated.dimensions[0]
    scores = public.rated.table[dimension]
    lowest, highest = float(scores.min()), float(scores.max())
    if lowest > facts.reaches[0] or highest < facts.reaches[1]:
        raise InputError(
            f"{_tables(public)}: the scores go from {lowest:g} to {highest:g}, those published "
            f"from below {facts.reaches[0]:g} to above {facts.reaches[1]:g}; they were rescaled "
            "or belong to another release: restore the published table"
        )


def _tables(public: PublicSet) -> str:
    more = f" and {len(public.files) - 1} more" if len(public.files) > 1 else ""
    return f"{public.files[0]}{more}"


def _either(counts: tuple[int, ...]) -> str:
    return " or ".join(str(count) for count in sorted(counts))
