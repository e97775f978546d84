"""Text for training: the split, near-duplicates, windows."""

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokloom
from tokloom.errors import ArgumentError, SourceError
from tokloom.learned.near_duplicates import BINS, Sketch, near_duplicates_of, shingle_hashes
from tokloom.learned.repeats import repeated_share, repeated_shares
from tokloom.learned.text import Mixture, TextData, split


def prose(rng: random.Random, words: int = 200) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words))


WORDS = [random.Random(number).randbytes(4).hex() for number in range(2_000)]
DOCUMENTS = [prose(random.Random(number)) for number in range(300)]


def sides(*arguments, **choices):
    return tuple(list(side.documents()) for side in split(*arguments, **choices))


def test_a_split_has_whole_documents_once():
    training, held_out = sides(DOCUMENTS, held_out=0.1)
    assert sorted(training + held_out) == sorted(document.encode() for document in DOCUMENTS)
    assert 15 <= len(held_out) <= 45


def test_the_order_of_documents_does_not_matter():
    shuffled = random.Random(1).sample(DOCUMENTS, len(DOCUMENTS))
    assert sides(DOCUMENTS) == sides(shuffled)
    assert sides(DOCUMENTS) != sides(DOCUMENTS, seed=1)


def test_files_and_documents_are_split_alike(tmp_path):
    for number, document in enumerate(DOCUMENTS):
        (tmp_path / f"{number}.txt").write_text(document)
    assert sides(tokloom.files(tmp_path / "*.txt")) == sides(DOCUMENTS)


def test_a_document_keeps_its_side_when_others_come():
    held_out = set(sides(DOCUMENTS[:200], held_out=0.1)[1])
    assert held_out <= set(sides(DOCUMENTS, held_out=0.1)[1])


@pytest.mark.parametrize("changes", [0, 1, 4])
def test_near_duplicates_are_on_one_side_or_none(changes):
    rng = random.Random(0)
    doubled = []
    for document in DOCUMENTS:
        words = document.split(" ")
        for _ in range(changes):
            words[rng.randrange(len(words))] = "changed"
        doubled += [document, " ".join(words)]
    training, held_out = split(doubled, held_out=0.3)
    assert len(training) + len(held_out) == len(DOCUMENTS)
    assert sum(training.removed.values()) == len(DOCUMENTS)
    assert repeated_share(held_out, training) == 0
    if changes:
        leaky = split(doubled, held_out=0.3, near_duplicates=False)
        assert repeated_share(leaky[1], leaky[0]) > 0.3


def test_documents_that_share_little_stay():
    # A fourth of each is the same: a Jaccard of 1/7.
    same = prose(random.Random(-1), 50)
    training, held_out = split([same + document[: len(same) * 3] for document in DOCUMENTS], held_out=0)
    assert (len(training), len(held_out)) == (300, 0)


def test_held_out_documents_that_repeat_the_training_text_are_left_out():
    book = prose(random.Random(-1), 3_000)
    quotes = [f"{prose(random.Random(number), 30)} {book[number * 40 :][:600]}" for number in range(200)]
    training, held_out = split([book, *DOCUMENTS, *quotes], held_out=0.3)
    assert training.removed["repeat the training text"] > 20
    assert repeated_shares(held_out, training).max() <= 0.2
    leaky = split([book, *DOCUMENTS, *quotes], held_out=0.3, near_duplicates=False)
    assert repeated_share(leaky[1], leaky[0]) > 0.2


def test_only_repeats_are_refused():
    book = prose(random.Random(-1), 300)
    with pytest.raises(ArgumentError, match="near_duplicates=False"):
        split([book[start:][:500] + str(start) for start in range(0, 2_000, 250)], held_out=0.1)


def test_the_estimate_of_what_is_shared():
    """Sketches agree in the share of bins that is the Jaccard of the shingles, give or take the chance of 126 bins."""
    rng = random.Random(2)
    for share in (0.2, 0.5, 0.8):
        left = prose(rng, 500)
        right = left[: int(len(left) * share)] + prose(rng, 500)[: int(len(left) * (1 - share))]
        one, two = (
            set(shingle_hashes(np.frombuffer(text.encode(), np.uint8), 16).tolist()) for text in (left, right)
        )
        jaccard = len(one & two) / len(one | two)
        sketches = []
        for text in (left, right):
            sketch = Sketch()
            sketch.add(text.encode())
            sketches.append(sketch.values())
        agree = float((sketches[0] == sketches[1]).mean())
        assert agree == pytest.approx(jaccard, abs=4 * (jaccard * (1 - jaccard) / BINS) ** 0.5)


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_a_sketch_does_not_depend_on_blocks(blocks):
    whole, parts = Sketch(), Sketch()
    whole.add(b"".join(blocks))
    for block in blocks:
        parts.add(block)
    assert (whole.values() == parts.values()).all()


@given(st.binary(min_size=16, max_size=80))
def test_shingles_are_hashed_by_what_they_are(data):
    hashes = shingle_hashes(np.frombuffer(data, np.uint8), 16)
    assert len(hashes) == len(data) - 15
    runs = [data[start : start + 16] for start in range(len(hashes))]
    assert len(set(hashes.tolist())) == len(set(runs))
    alone = shingle_hashes(np.frombuffer(runs[-1], np.uint8), 16)
    assert alone[0] == hashes[-1]


def test_of_many_copies_one_stays():
    sketches = []
    for number in range(50):
        sketch = Sketch()
        sketch.add((DOCUMENTS[number % 5] + str(number)).encode())
        sketches.append(sketch.values())
    assert near_duplicates_of(np.array(sketches)).tolist() == [False] * 5 + [True] * 45


def test_few_documents_and_none():
    assert [len(side) for side in split(DOCUMENTS[:2], held_out=0.001)] == [1, 1]
    with pytest.raises(ArgumentError, match="piece=65536"):
        split(DOCUMENTS[:1])
    assert len(split(DOCUMENTS[:1], held_out=0)[0]) == 1
    with pytest.raises(ArgumentError, match="no text"):
        split(["", ""])
    for wrong in (-0.1, 1):
        with pytest.raises(ArgumentError, match="held_out"):
            split(DOCUMENTS, held_out=wrong)


def test_a_long_document_is_cut_at_lines(tmp_path):
    text = "".join(f"line {number} {WORDS[number]}\n" for number in range(2_000))
    path = tmp_path / "book.txt"
    path.write_text(text)
    training, held_out = split(path, piece=1_000, held_out=0.1)
    pieces = [*training.documents(), *held_out.documents()]
    assert sorted(b"".join(pieces).split(b"\n")) == sorted(text.encode().split(b"\n"))
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert all(len(piece) >= 1_000 for piece in pieces if not text.encode().endswith(piece))


def test_the_text_lies_in_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    training, _ = split(DOCUMENTS)
    assert training.size > 0
    assert list(tmp_path.iterdir()) == []


def test_windows_are_a_function_of_their_arguments():
    text = TextData.of(DOCUMENTS)
    first = text.windows(8, 32, 5, 1)
    assert (first == text.windows(8, 32, 5, 1)).all()
    for other in (text.windows(8, 32, 6, 1), text.windows(8, 32, 5, 2)):
        assert (first != other).any()
    shares = [text.windows(8, 32, 5, 1, rank=rank, ranks=4) for rank in range(4)]
    assert (np.concatenate(shares) == first).all()
    mixture = Mixture({"one": text, "two": TextData.of(DOCUMENTS[:5])}, {"one": 1, "two": 3})
    whole = mixture.windows(8, 32, 5, 1)
    shares = [mixture.windows(8, 32, 5, 1, rank=rank, ranks=2) for rank in range(2)]
    assert (np.concatenate(shares) == whole).all()


def test_windows_are_the_same_on_every_machine():
    text = TextData.of([bytes(range(256))])
    assert text.windows(4, 1, 3, 7)[:, 0].tolist() == [242, 159, 166, 213]


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=5), st.integers(1, 8))
def test_a_window_lies_in_one_document(documents, size):
    text = TextData.of(documents)
    if max(map(len, documents)) < size:
        with pytest.raises(ArgumentError, match="no document is as long"):
            text.windows(4, size, 0)
        return
    for window in text.windows(64, size, 0):
        assert any(bytes(window) in document for document in documents)


def test_every_place_is_as_likely():
    text = TextData.of([b"ab", b"", b"cdefg", b"h"])
    seen = [bytes(window) for window in text.windows(5_000, 2, 0)]
    counts = {window: seen.count(window) for window in set(seen)}
    assert counts.keys() == {b"ab", b"cd", b"de", b"ef", b"fg"}
    assert min(counts.values()) > 900
    across = {bytes(window) for window in text.windows(1_000, 2, 0, across=True)}
    assert across == {b"ab", b"bc", b"cd", b"de", b"ef", b"fg", b"gh"}


def test_windows_begin_at_characters():
    text = TextData.of(["aßж中🙂" * 20])
    for window in text.windows(500, 8, 0, whole_characters=True):
        assert window[0] & 0xC0 != 0x80


def test_windows_that_do_not_divide():
    with pytest.raises(ArgumentError, match="devices"):
        TextData.of(DOCUMENTS).windows(9, 4, 0, ranks=2)


def test_a_mixture_is_mixed_by_weight():
    mixture = Mixture({"a": TextData.of(["a" * 50]), "b": TextData.of(["b" * 50])}, {"a": 1, "b": 9})
    share = float((mixture.windows(4_000, 4, 0)[:, 0] == ord("b")).mean())
    assert share == pytest.approx(0.9, abs=0.02)
    for weights in ({"a": 1}, {"a": -1, "b": 2}, {"a": 0, "b": 0}):
        with pytest.raises(ArgumentError):
            Mixture({"a": TextData.of(["a"]), "b": TextData.of(["b"])}, weights)


def test_a_text_on_disk(tmp_path):
    text = TextData.of(DOCUMENTS)
    (tmp_path / "text.txt").write_bytes(text.data.tobytes())
    text.offsets.astype("<u8").tofile(tmp_path / "text.offsets")
    opened = TextData.open(tmp_path / "text.txt")
    assert opened.fingerprint == text.fingerprint != TextData.of(DOCUMENTS[1:]).fingerprint
    (tmp_path / "text.txt").write_bytes(text.data.tobytes()[:-1])
    with pytest.raises(SourceError, match="offsets"):
        TextData.open(tmp_path / "text.txt")
    with pytest.raises(SourceError, match="No such file"):
        TextData.open(tmp_path / "other.txt")


def test_no_torch_is_imported():
    code = (
        "import sys, tokloom, tokloom.learned\n"
        "from tokloom.learned import TextData, TrainingConfiguration, split\n"
        "import tokloom.cli\n"
        "print([name for name in ('torch', 'safetensors', 'einops') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
