"""Text for training that the disk of temporary files has no room for."""

import pytest

from faults.test_disk import mounted
from tokloom.errors import SourceError
from tokloom.learned import split

pytestmark = pytest.mark.faults


def test_a_full_disk_of_temporary_files(tmp_path, monkeypatch):
    documents = [f"document {number} " * 500 for number in range(300)]
    with mounted(tmp_path / "small", "size=1m") as folder:
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        with pytest.raises(SourceError, match="No space left"):
            split(documents)
        assert list(folder.iterdir()) == []
        monkeypatch.undo()
    training, held_out = split(documents, near_duplicates=False)
    assert len(training) + len(held_out) == 300
