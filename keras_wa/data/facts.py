"""Origin, licence and meaning of the label of each data set."""

from __future__ import annotations

FACTS = {
    "phantom": {
        "origin": "computed: breast texture, film and calcifications from random "
        "numbers, in the frequencies of CBIS-DDSM's case lists",
        "label": "follows from the phantom's descriptors, by the setting labelling",
    },
    "cbis-ddsm": {
        "origin": "digitised film mammograms of DDSM (USA), curated at Stanford; The "
        "Cancer Imaging Archive",
        "licence": "CC BY 3.0",
        "label": "pathology of the lesion. BENIGN_WITHOUT_CALLBACK, which radiologists "
        "found easy, counts as benign unless it was left out",
    },
    "cmmd": {
        "origin": "digital mammograms of 1,775 patients from China; The Cancer Imaging "
        "Archive",
        "licence": "CC BY 4.0",
        "label": "the biopsy result of the breast, given to each of its images",
    },
    "inbreast": {
        "origin": "digital mammograms of the Centro Hospitalar de São João, Porto",
        "licence": "none that is open: given on request by INESC Porto",
        "label": "a reading, not a biopsy: BI-RADS 4 and above is label 1",
    },
    "medimeta": {
        "origin": "crops of CBIS-DDSM, digitised film mammograms (USA); MedIMeta",
        "licence": "CC BY-SA 4.0",
        "label": "pathology of the lesion, benign or malignant; "
        "BENIGN_WITHOUT_CALLBACK, which radiologists found easy, counts as benign",
    },
    "mini-mias": {
        "origin": "digitised UK screening films, reduced to 200 µm",
        "licence": "The society's own agreement: research only",
        "label": "severity in the list, which does not say how it was established",
    },
}
"""Facts about each published dataset; see `data/<name>.md` for more."""

_OWN = {"origin": "your own files", "label": "from your files or your table"}


def facts_of(dataset: str) -> dict[str, str]:
    """Returns `origin`, `label` and, where there is one, `licence` of a data set."""
    return FACTS.get(dataset, _OWN)
