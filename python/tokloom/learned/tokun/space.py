"""What the space of vectors is like: which texts lie near each other, what lies between two, and a picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tokloom.errors import ArgumentError, MissingDependencyError

if TYPE_CHECKING:
    from tokloom.learned.tokun.autoencoder import TokunAutoencoder

__all__ = ["between", "nearest", "picture", "projected"]


def nearest(
    model: TokunAutoencoder, text: str, among: Sequence[str], count: int = 5
) -> list[tuple[str, float]]:
    """The texts whose vectors are nearest to that of a text, with their cosines; each of one chunk.

    Args:
        model: makes the vectors.
        text: at most one chunk, and no empty one.
        among: the candidates, likewise; the text itself is left out.
        count: how many.

    Raises:
        ArgumentError: a text isn't one chunk.
    """
    candidates = [each for each in dict.fromkeys(among) if each != text]
    vectors = _one_each(model, [text, *candidates]).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors[1:] @ vectors[0]
    best = np.argsort(-cosines, kind="stable")[:count]
    return [(candidates[index], round(float(cosines[index]), 4)) for index in best]


def between(model: TokunAutoencoder, first: str, second: str, steps: int = 7) -> list[str]:
    """What the decoder reads on the straight way from one vector to another, both ends included.

    Args:
        model: reads.
        first: one chunk.
        second: one chunk.
        steps: how many points, from 2.

    Raises:
        ArgumentError: a text isn't one chunk, or fewer than two steps.
    """
    if steps < 2:
        raise ArgumentError(f"the way between two has at least 2 points, not {steps}")
    begin, end = _one_each(model, [first, second])
    return [
        model.decode(begin + (end - begin) * share) for share in np.linspace(0, 1, steps, dtype=np.float32)
    ]


def _one_each(model: TokunAutoencoder, texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = model.embed_batch(texts)
    for text, found in zip(texts, vectors, strict=True):
        if len(found) != 1:
            raise ArgumentError(
                f"{text!r:.60} is {len(found)} chunks; give texts of 1 to {model.shape.characters} characters"
            )
    return np.concatenate(vectors)


def projected(
    vectors: NDArray[np.floating], method: Literal["pca", "umap"] = "pca"
) -> tuple[NDArray[np.float64], str]:
    """Vectors in two dimensions, (n, 2), and how much of them that shows.

    Raises:
        ArgumentError: the method isn't known, or fewer than three vectors.
        MissingDependencyError: UMAP isn't installed (`pip install umap-learn`).
    """
    if len(vectors) < 3:
        raise ArgumentError(f"{len(vectors)} vectors make no picture")
    if method == "umap":
        try:
            umap = import_module("umap")
        except ImportError as error:
            raise MissingDependencyError(
                "UMAP isn't installed: pip install umap-learn", name="umap"
            ) from error
        found: NDArray[np.float64] = umap.UMAP(random_state=0, n_jobs=1).fit_transform(vectors)
        return found, "UMAP"
    if method != "pca":
        raise ArgumentError(f'method={method!r} is not known; it is "pca" or "umap"')
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    share = (sizes[:2] ** 2).sum() / (sizes**2).sum()
    return centred @ directions[:2].T, f"PCA, {share:.0%} of the variance"


def picture(
    model: TokunAutoencoder,
    texts: Mapping[str, str],
    path: str | PathLike[str],
    *,
    method: Literal["pca", "umap"] = "pca",
    most: int = 200,
) -> Path:
    """Draws the vectors of texts in several scripts, each in a colour, into a file (svg, png, …).

    Args:
        model: makes the vectors.
        texts: by the name of the script or language.
        path: the file.
        method: "pca", or "umap" where that is installed.
        most: chunks of each text.

    Raises:
        MissingDependencyError: matplotlib (or UMAP) isn't installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "matplotlib isn't installed: pip install matplotlib", name="matplotlib"
        ) from error
    vectors = {name: model.embed(text)[:most] for name, text in texts.items()}
    points, told = projected(np.concatenate(list(vectors.values())), method)
    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    begin = 0
    for name, each in vectors.items():
        here = points[begin : begin + len(each)]
        begin += len(each)
        axes.scatter(here[:, 0], here[:, 1], s=6, label=name)
    axes.set_title(f"{model.name}: vectors by script ({told})")
    axes.legend(markerscale=2, fontsize="small", ncols=2)
    figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)
    return Path(path)
