"""Importing tokloom stays light."""

import json
import subprocess
import sys

HEAVY = {"torch", "transformers", "pyarrow", "ray", "tokenizers", "tiktoken", "datasets", "pandas"}


def test_import_pulls_in_nothing_heavy():
    code = "import json, sys, tokloom; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert "tokloom._engine" in loaded
    assert "tokloom.catalogue" not in loaded  # until the first load
    assert not HEAVY & {name.partition(".")[0] for name in loaded}
    assert "tokloom.chat" not in loaded


def test_conversations_come_at_their_first_use():
    code = "import tokloom; print(tokloom.chat.__name__, hasattr(tokloom, 'chatt'))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "tokloom.chat False\n"
