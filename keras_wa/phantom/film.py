"""A phantom film: a breast with lesions and their masks."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import scipy.fft

from keras_wa.errors import UserError
from keras_wa.phantom import masses
from keras_wa.phantom.breast_outline import Breast, draw_breast
from keras_wa.phantom.calcifications import calcify, faintness
from keras_wa.phantom.curve import brighten
from keras_wa.phantom.dust import draw_dust
from keras_wa.phantom.lesions import Placed, fit_lesion, place_lesions
from keras_wa.phantom.mammogram import WHITE, draw_mammogram
from keras_wa.phantom.mineral import draw_mineral, scale_of
from keras_wa.phantom.noise import draw_noise
from keras_wa.phantom.particles import Particles
from keras_wa.phantom.spec import PhantomSpec
from keras_wa.phantom.texture import Array, Tissue, draw_tissue_kind

# First words of a seed sequence, one stream for each kind of draw.
_TISSUE_STREAM, _BREAST_STREAM, _FILM_STREAM, _FINDING_STREAM = 11, 12, 13, 14
# Five columns and seven rows per letter, a row as five bits.
_LETTERS = {
    "A": (14, 17, 17, 31, 17, 17, 17),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4),
}
_BRIGHTNESS = 47000
# Height of a film in dots of a letter.
_DOTS = 330

_UNNAMED = "PUNCTATE"
_MIDDLE_SUBTLETY, _MIDDLE_DENSITY = 3, 2


@dataclasses.dataclass(frozen=True)
class Abnormality:
    """One abnormality on a film, from its row of the case list.

    Attributes:
        name: name of the ROI, which seeds its random numbers.
        mass: whether it is a mass; else calcifications.
        morphology: type of calcification or shape of the mass; `""` for punctate
            calcifications or a round mass.
        distribution: distribution of the calcifications or margins of the mass.
        subtlety: 1 (subtle) to 5 (obvious); None for 3.
        lesion: name of the lesion, which seeds it in both views of a spec with
            `projected_views`; `""` for that of the ROI.
    """

    name: str
    mass: bool
    morphology: str
    distribution: str
    subtlety: int | None
    lesion: str = ""


@dataclasses.dataclass(frozen=True)
class Film:
    """The plan of a film, whose name seeds its random numbers; `draw` renders it.

    `placed` are the positions of `findings`, in the same order.
    """

    name: str
    spec: PhantomSpec
    side: str
    view: str
    density: int
    kind: Tissue
    breast: Breast
    findings: Sequence[Abnormality]
    placed: Sequence[Placed]

    def draw(self) -> Array:
        """Returns the film, uint16 `(rows, columns)`; 0 is air, 65535 white."""
        rng = named_rng(_FILM_STREAM, self.spec, self.name)
        film = draw_mammogram(self.breast, self.kind, self.density, rng)
        for place, speck in draw_dust(film.shape, self.breast.pixel_mm, rng):
            _brighten(film, place, speck)
        for finding, lesion in zip(self.findings, self.placed, strict=True):
            self._add(film, finding, lesion)
        write_mark(film, self.side, self.view)
        return film

    def _add(self, film: Array, finding: Abnormality, lesion: Placed) -> None:
        rng = named_rng(_FINDING_STREAM, self.spec, finding.name, "contrast")
        pixel_mm = lesion.pixel_mm
        half = max(np.abs(lesion.parts.x).max(), np.abs(lesion.parts.y).max())
        half += max(lesion.parts.a.max(), lesion.parts.b.max()) + 2 * lesion.margin_mm
        size = scipy.fft.next_fast_len(int(2 * half / pixel_mm) + 8, real=True)
        # The canvas is aligned with the pixels of the film, the lesion is not.
        left, top = (round(at - (size - 1) / 2) for at in (lesion.x, lesion.y))
        parts = dataclasses.replace(
            lesion.parts,
            x=lesion.parts.x + (lesion.x - left - (size - 1) / 2) * pixel_mm,
            y=lesion.parts.y + (lesion.y - top - (size - 1) / 2) * pixel_mm,
        )
        noise = draw_noise(size, pixel_mm, rng)
        mineral = draw_mineral(parts, pixel_mm, self.kind.blur_mm, noise)
        faint = masses.FAINTNESS if finding.mass else faintness(finding.morphology)
        subtlety = finding.subtlety or _MIDDLE_SUBTLETY
        contrast = scale_of(mineral, faint, subtlety, self.spec.conspicuity, rng)
        rows, columns = film.shape
        t, b = max(top, 0), min(top + size, rows)
        f, r = max(left, 0), min(left + size, columns)
        added = contrast * mineral[t - top : b - top, f - left : r - left]
        _brighten(film, np.s_[t:b, f:r], added)


def _brighten(film: Array, place: tuple[slice, slice], added: Array) -> None:
    """Adds grey levels of 0 to 255 to stored values, in place."""
    grey = brighten(film[place] * (255 / WHITE), added)
    film[place] = np.rint(grey * (WHITE / 255))


def plan_film(
    spec: PhantomSpec,
    shape: tuple[int, int],
    pixel_mm: float,
    name: str,
    patient: str,
    side: str,
    view: str,
    density: int | None,
    findings: Sequence[Abnormality],
) -> Film:
    """Plans a film: tissue, breast, lesions and their positions.

    With the seed of the spec, the patient's name seeds the tissue, patient and side the
    size of the breast, an ROI's name its lesion, and the film's name the rest. With
    `spec.projected_views` the lesion's name seeds the lesion. The positions of a lesion
    in two views are independent.

    Raises:
        UserError: the field of view is larger than the film, a type is unknown, or
            the lesions do not fit the breast.
    """
    if spec.field_mm > min(shape) * pixel_mm:
        raise UserError(
            f"Phantom film: field of view of {spec.field_mm:g} mm. Received: a film of "
            f"{shape[0]} by {shape[1]} pixels of {pixel_mm:g} mm; expected one of at "
            "least that size. Raise the image's height and width or lower the field "
            "of view."
        )
    density = density if density in (1, 2, 3, 4) else _MIDDLE_DENSITY
    rng = named_rng(_TISSUE_STREAM, spec, patient)
    kind = draw_tissue_kind(density, rng, spec.blur_mm)
    outline = named_rng(_BREAST_STREAM, spec, patient, side)
    breast = draw_breast(shape, pixel_mm, side, view, outline)
    # A lesion without a type is as bright as the type that it is drawn as.
    findings = [
        dataclasses.replace(f, morphology=f.morphology or ("" if f.mass else _UNNAMED))
        for f in findings
    ]
    drawn = [_draw_finding(f, spec, view) for f in findings]
    lesions = [fit_lesion(parts, spec.field_mm) for parts in drawn]
    placed = place_lesions(
        breast, lesions, named_rng(_FILM_STREAM, spec, name, "places")
    )
    return Film(name, spec, side, view, density, kind, breast, findings, placed)


def _draw_finding(finding: Abnormality, spec: PhantomSpec, view: str) -> Particles:
    name = (spec.projected_views and finding.lesion) or finding.name
    rng = named_rng(_FINDING_STREAM, spec, name)
    kind = finding.morphology, finding.distribution, spec.field_mm, rng
    if finding.mass:
        return masses.draw_mass(*kind)
    return calcify(*kind, view if spec.projected_views else None)


def named_rng(stream: int, spec: PhantomSpec, *names: str) -> np.random.Generator:
    """Returns a generator that depends only on the stream, the seed and the names."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    words = np.frombuffer(digest, "<u4").tolist()
    return np.random.default_rng([stream, spec.seed, *words])


def write_mark(film: Array, side: str, view: str) -> None:
    """Writes side, view and PHANTOM into the corner away from the chest wall, in place.

    Letters that are not in the alphabet are left out.
    """
    dot = max(1, min(film.shape[0] // _DOTS, film.shape[1] // (_DOTS * 2 // 3)))
    first = _line(side[:1] + view)
    second = _line("PHANTOM")
    lines = np.zeros((18, second.shape[1]), bool)
    lines[:7, : first.shape[1]] = first[:, : lines.shape[1]]
    lines[11:] = second
    mark = np.kron(lines, np.ones((dot, dot), bool))[: film.shape[0] // 3]
    mark = mark[:, : film.shape[1] // 2]
    top = min(6 * dot, film.shape[0] - mark.shape[0])
    edge = min(6 * dot, film.shape[1] - mark.shape[1])
    left = edge if side == "RIGHT" else film.shape[1] - edge - mark.shape[1]
    corner = film[top : top + mark.shape[0], left : left + mark.shape[1]]
    corner[mark] = _BRIGHTNESS


def _line(word: str) -> Array:
    """Returns a word as dots, seven rows, one empty column after each letter."""
    letters = [
        [[bool(row & bit) for bit in (16, 8, 4, 2, 1, 0)] for row in _LETTERS[letter]]
        for letter in word
        if letter in _LETTERS
    ]
    return np.concatenate(letters, axis=1)
