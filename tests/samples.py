"""Texts, patterns and vocabularies for tests: the nasty ones by hand, the unforeseen ones by hypothesis.

The patterns' texts here are an independent copy, to be compared with the engine's own.
"""

from collections.abc import Mapping

from hypothesis import strategies as st

CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
NAMED_PATTERNS: Mapping[str, str] = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "gpt4": CL100K,
    "nanochat": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "o200k": "|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
}

# Expressions that tiktoken takes and that mean the same to the `regex` module. Some leave gaps.
CUSTOM_PATTERNS = (
    r"\w+",
    r" ?\w+|[^\w\s]+|\s+",
    r"[a-z]+",
    r"\p{Lu}?\p{Ll}+|\p{N}",
    r"(?<=\s)\S+",
    r"a(?=b)|ab|b+?",
    r"(?s:.{1,4})",
    r"[^\n]*\n",
    r"(?:[\p{Han}]|\S)\s*",
    r"x*",
)

NASTY_TEXTS = (
    "",
    " ",
    "   ",
    "\n",
    "\r\n",
    " \n \n",
    "hello world",
    "Hello, World!  How are   you?\n\n\tI'm fine, thanks.\n",
    # contractions, and the letters whose other case is ASCII
    "I'm we've they'LL you'Re he'd DON'T it'S 'tis rock'n'roll's'",
    "x'\u017f x'\u017f\u017f 'lL 'Ve \u212a\u212aelvin '\u212a",
    "\u0130stanbul \u0131\u015f\u0131k i\u0307 \u1e9e\u00df \u01c5 \u01c4\u01c6",
    # digits of several scripts
    "0 12 123 1234 12345 3.14159 1,000,000 0x1F 1e-9",
    "\u0661\u0662\u0663\u0664 \u0967\u0968\u0969\u096a \u00bd \u00b2\u00b3 \u2167 \u2460 \uff11\uff12\uff13\uff14 \U0001d7d8\U0001d7d9",
    # white space
    "a\r\nb\rc\nd\u0085e\u2028f\u2029g\u00a0h\u3000i\u200bj\u1680k\u202fl",
    "a\u00a0\u00a0b \u00a0 c\t\t \u2003d\x0b\x0ce\x1c\x1d\x1e\x1ff",
    "trailing space ",
    "trailing spaces    ",
    "\ttabs\t\tand\t \tspaces \t",
    "\n\n\n   indented\n        more\n",
    # marks, joiners, emoji, flags
    "e\u0301 o\u0302\u0323 Z\u0351\u036b\u0343\u032a\u0308 \u0301alone \u00e9",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308 \U0001f44d\U0001f3fd \u2764\ufe0f \U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7 1\ufe0f\u20e3",
    # scripts
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0650\u0633\u0652\u0645\u0650 \u202bRTL\u202c \u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd!",
    "\u4eba\u4eba\u751f\u800c\u81ea\u7531\uff0c\u5728\u5c0a\u4e25\u3002\U00020000\U0002a6df\u3007",
    "\u3059\u3079\u3066\u306e\u4eba\u9593\u306f\u3001\u30ab\u30bf\u30ab\u30ca\u30fc\u3067\u3059\u3002\uff8a\uff9d\uff76\uff78",
    "\ubaa8\ub4e0 \uc778\uac04\uc740 \u1112\u1161\u11ab\u1100\u1173\u11af",
    "\u0e21\u0e19\u0e38\u0e29\u0e22\u0e4c\u0e17\u0e31\u0e49\u0e07\u0e2b\u0e25\u0e32\u0e22",
    "\u0938\u092d\u0940 \u092e\u0928\u0941\u0937\u094d\u092f\u094b\u0902 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f \u0915\u093c",
    "Zażółć gęślą jaźń. Съешь ещё этих мягких. Ξεσκεπάζω τὴν ψυχοφθόρα",
    # what is no letter, and what is none yet
    "\x00 a\x00b \x01\x7f \ue000\uf8ff \ufffe\uffff \U0010ffff \u0378 \ufeffBOM",
    # control tokens as text
    "<|endoftext|>",
    "a<|endoftext|>b <|endoftext|> <|endof<|endoftext|>text|>",
    "<|im_start|>user\nhi<|im_end|>\n<s>[INST] x [/INST]</s>",
    # runs of one character
    "a" * 200,
    " " * 200,
    "\n" * 200,
    "7" * 200,
    "!" * 200,
    "\u4eba" * 70,
    "ab" * 100,
    # code and markup
    "def f(x: int) -> int:\n    return x**2  # square\n\n\nif __name__ == '__main__':\n\tprint(f'{f(3)!r:>10}')\n",
    'fn main() { let s = "\\u{1F600}"; println!("{}", s.len()); } // ok\r\n',
    '<a href="https://example.org/?q=1&amp;r=%20">It\'s <b>bold</b></a>\n\n| a | b |\n|---|---|\n',
    "SELECT * FROM \"t\" WHERE x>=1.5e-3 AND y!='it''s';\n///path//to\\\\file\n",
)

BROKEN_BYTES = (
    b"\x80",
    b"\xff\xfe",
    b"abc\xffdef",
    b"caf\xc3",
    b"\xc3\xa9\xc3",
    b"\xe2\x82 \xe2\x82\xac",
    b"\xf0\x9f\x98",
    b"\xf0\x9f\x98\x80\x80",
    b"\xc0\x80 overlong",
    b"\xed\xa0\x80 surrogate \xed\xbf\xbf",
    b"\xf4\x90\x80\x80 above the last",
    b"a\xe4\xba b\xba\xba\xe4\xba\xba",
    b"don\xff't",
    b"12\xff345   \xff   ",
    bytes(range(256)),
)

PIECES = (
    *" \t\n\r'\u00a0\u0085\u2028\u3000aAbsStTlLdmrev019.,!-_/\u00e9\u00df\u017f\u212a\u0130\u0301\u0661\u00bd\u2167",
    *"\u4eba\u3042\ud55c\u0e01\u0915\u093e\u094d\u05d0\u0628\u064b\U0001f600\u200d\ufe0f\x00\ue000",
    *("\r\n", "  ", "'s", "'ll", "'RE", " the", "ing", "aaaa", "1234", "<|endoftext|>", "<|", "|>", "\n\n"),
)


def texts(max_pieces: int = 40) -> st.SearchStrategy[str]:
    """Texts: such as break splitting rules, the samples above, and any characters."""
    pieces = st.lists(st.sampled_from(PIECES), max_size=max_pieces).map("".join)
    return pieces | st.sampled_from(NASTY_TEXTS) | st.text(max_size=max_pieces)


def settled_texts(max_pieces: int = 40) -> st.SearchStrategy[str]:
    """Texts of characters on which all versions of Unicode that we meet agree."""
    pieces = st.lists(st.sampled_from(PIECES), max_size=max_pieces).map("".join)
    return pieces | st.sampled_from(NASTY_TEXTS)


def byte_strings(max_pieces: int = 20) -> st.SearchStrategy[bytes]:
    """Byte strings: UTF-8, broken UTF-8, and any bytes at all."""
    piece = (
        st.sampled_from(PIECES).map(str.encode)
        | st.sampled_from(BROKEN_BYTES)
        | st.binary(min_size=1, max_size=3)
    )
    return st.lists(piece, max_size=max_pieces).map(b"".join) | st.binary(max_size=4 * max_pieces)


def patterns() -> st.SearchStrategy[str]:
    """Regular expressions that tiktoken takes."""
    return st.sampled_from([*NAMED_PATTERNS.values(), *CUSTOM_PATTERNS])


@st.composite
def rank_tables(draw: st.DrawFn, max_tokens: int = 60) -> dict[bytes, int]:
    """Vocabularies: token → id, the lowest merging first. Every byte has an id; ids have holes, bytes need not be first.

    A token need not be reachable by merges, as in the tables that others publish.
    """
    tokens = [bytes([byte]) for byte in range(256)]
    joins = draw(st.lists(st.tuples(st.integers(0), st.integers(0)), max_size=max_tokens))
    favourites = [ord(" "), ord("a"), ord("b"), ord("'"), ord("s"), 0xE4, 0xBA, ord("\n"), ord("1")]
    grown = [tokens[byte] for byte in favourites]
    for left, right in joins:
        token = grown[left % len(grown)] + grown[right % len(grown)]
        if len(token) <= 24 and token not in grown:
            grown.append(token)
    unreachable = draw(st.lists(st.binary(min_size=2, max_size=6), max_size=3))
    tokens = list(dict.fromkeys([*tokens, *grown, *unreachable]))
    if draw(st.booleans()):
        tokens = draw(st.permutations(tokens))
    steps = draw(st.lists(st.integers(1, 3), min_size=len(tokens), max_size=len(tokens)) | st.none())
    ids: dict[bytes, int] = {}
    next_id = 0
    for token, step in zip(tokens, steps or [1] * len(tokens), strict=True):
        ids[token] = next_id
        next_id += step
    return ids
