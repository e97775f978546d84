"""Results → a plot of encoding speed, as an SVG."""

from pathlib import Path
from typing import Any


def bars(results: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By peer and corpus: how many times as fast as tiktoken it encodes small documents into arrays, seen first."""
    rows: dict[str, dict[str, float]] = {}
    for record in results["parts"].get("encode", {}).get("records", []):
        vocabulary, corpus, kind, rest = [*record["row"].split(", ", 3), "", "", ""][:4]
        wanted = (vocabulary, kind, rest) == ("cl100k_base", "small documents", "arrays, first pass")
        if wanted and record.get("median") is not None:
            rows.setdefault(corpus, {})[record["peer"]] = record["median"]
    found: dict[str, dict[str, float]] = {}
    for corpus, speeds in rows.items():
        if "tiktoken" in speeds:
            for peer, speed in speeds.items():
                found.setdefault(peer, {})[corpus] = speed / speeds["tiktoken"]
    return found


def draw(results: dict[str, Any], path: Path) -> None:
    """Writes the plot; nothing where encoding wasn't measured."""
    found = bars(results)
    if not found:
        return
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "tokloom", "svg.fonttype": "none", "font.family": "sans-serif"})
    import matplotlib.pyplot as plt

    corpora = list(dict.fromkeys(corpus for speeds in found.values() for corpus in speeds))
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(found) + 1.2), layout="constrained")
    height = 0.8 / len(corpora)
    for at, corpus in enumerate(corpora):
        places = [place + at * height for place in range(len(found))]
        values = [speeds.get(corpus, 0.0) for speeds in found.values()]
        axes.barh(places, values, height=height * 0.9, label=corpus)
    axes.set_yticks([place + height * (len(corpora) - 1) / 2 for place in range(len(found))], list(found))
    axes.invert_yaxis()
    axes.set_xlabel(
        "times tiktoken's speed: cl100k_base, small documents, arrays, text seen for the first time, one thread"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)
