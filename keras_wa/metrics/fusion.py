"""One probability for several views of a lesion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST = float(np.finfo("float32").tiny)


def fuse_views(outputs: Any, lesions: Any) -> NDArray[Any]:
    """Returns the probabilities of each ROI's lesion, from all of the lesion's ROIs.

    The logits of the ROIs are averaged. Before a linear layer and a softmax, that
    equals averaging the features. With two classes it does not matter whether
    probabilities are fused or scaled by a temperature first.

    Args:
        outputs: probabilities of a network, `(N, classes)`.
        lesions: index of the lesion of each ROI, `(N,)`.

    Returns:
        The same shape and dtype; ROIs of one lesion have equal rows. The row of a
        lesion's only ROI is unchanged.

    Example:
        >>> import numpy as np
        >>> from keras_wa.metrics.fusion import fuse_views
        >>> p = np.array([[0.2, 0.8], [0.5, 0.5], [0.3, 0.7]])
        >>> fuse_views(p, [0, 0, 1]).round(3)
        array([[0.333, 0.667],
               [0.333, 0.667],
               [0.3  , 0.7  ]])
    """
    outputs = np.asarray(outputs)
    _, of, counts = np.unique(lesions, return_inverse=True, return_counts=True)
    logs = np.log(np.clip(outputs, _LEAST, None, dtype="float64"))
    sums = np.zeros((len(counts), outputs.shape[1]))
    np.add.at(sums, of, logs)
    means = sums / counts[:, None]
    fused = np.exp(means - means.max(axis=1, keepdims=True))
    fused /= fused.sum(axis=1, keepdims=True)
    several = counts[of, None] > 1
    return np.where(several, fused[of], outputs).astype(outputs.dtype)
