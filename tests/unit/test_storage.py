"""Outputs that are whole or not there."""

import pytest

import tokloom
from tokloom import storage

FIRST = tokloom.train(["low lower lowest"] * 3, 258)
SECOND = tokloom.train(["new newer newest"] * 3, 260)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_saved_folder_is_replaced_as_a_whole(tmp_path):
    FIRST.save(tmp_path / "mine")
    SECOND.save(tmp_path / "mine")
    assert tokloom.load(tmp_path / "mine") == SECOND
    assert names_in(tmp_path) == ["mine"]


def test_folders_are_swapped_where_the_system_has_no_call_for_it(tmp_path, monkeypatch):
    import ctypes

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    FIRST.save(tmp_path / "mine")
    SECOND.save(tmp_path / "mine")
    assert tokloom.load(tmp_path / "mine") == SECOND
    assert names_in(tmp_path) == ["mine"]


@pytest.mark.parametrize("stop_at", range(5))
def test_what_stops_in_between_leaves_the_old_one(tmp_path, monkeypatch, stop_at):
    FIRST.save(tmp_path / "mine")
    write, left = storage._write, [stop_at]

    def failing(path, data):
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        write(path, data)

    monkeypatch.setattr(storage, "_write", failing)
    if stop_at < 4:
        with pytest.raises(tokloom.SourceError, match="No space left"):
            SECOND.save(tmp_path / "mine")
    else:
        SECOND.save(tmp_path / "mine")
    assert tokloom.load(tmp_path / "mine") == (FIRST if stop_at < 4 else SECOND)
    assert names_in(tmp_path) == ["mine"]


def test_files_of_others_are_never_touched(tmp_path):
    (tmp_path / "merges.txt").write_text("theirs")
    (tmp_path / "model.safetensors").write_text("theirs")
    with pytest.raises(tokloom.ArgumentError, match=r"model\.safetensors"):
        FIRST.save(tmp_path)
    assert names_in(tmp_path) == ["merges.txt", "model.safetensors"]
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(tokloom.ArgumentError, match=r"no tokloom\.json"):
        FIRST.save(tmp_path)
    assert (tmp_path / "merges.txt").read_text() == "theirs"


def test_an_empty_working_directory_can_be_saved_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FIRST.save(".")
    assert tokloom.load(tmp_path) == FIRST


@pytest.mark.parametrize("path", ["/", "a\0b"])
def test_paths_that_name_no_folder(path):
    with pytest.raises(tokloom.ArgumentError):
        FIRST.save(path)


def test_a_language_models_weights_beside_a_vocabulary_stay(tmp_path):
    FIRST.save(tmp_path / "mine")
    (tmp_path / "mine" / "model.safetensors").write_text("a model's weights")
    with pytest.raises(tokloom.ArgumentError, match=r"model\.safetensors"):
        SECOND.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "model.safetensors").read_text() == "a model's weights"
