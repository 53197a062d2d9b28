"""The letters on a phantom film: side, view and the word PHANTOM."""

from __future__ import annotations

import numpy as np

from keras_wa.phantom.texture import Array

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
