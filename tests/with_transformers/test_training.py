"""The view where transformers uses it: collators, data loaders, a model, a trainer."""

import pytest

import tokloom

torch = pytest.importorskip("torch", reason="torch isn't installed (make test-transformers has it)")
transformers = pytest.importorskip(
    "transformers", reason="transformers isn't installed (make test-transformers has it)"
)

TEXTS = ["hello world", "a much longer text than that one", "x", "<|endoftext|> is text", "é"] * 4


@pytest.fixture
def view(make):
    return make("<|endoftext|>", "<mask>").as_transformers(pad_token="<|pad|>")


def small_model(view):
    config = transformers.GPT2Config(
        vocab_size=len(view), n_positions=64, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=view.eos_token_id, eos_token_id=view.eos_token_id, pad_token_id=view.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(config)


def test_tensors(view):
    found = view(TEXTS, padding=True, truncation=True, max_length=8, return_tensors="pt")
    assert found["input_ids"].shape == (len(TEXTS), 8)
    assert found["input_ids"].dtype == torch.int64
    lengths = [min(8, len(ids)) for ids in view(TEXTS)["input_ids"]]
    assert found["attention_mask"].sum(1).tolist() == lengths
    assert view.batch_decode(found["input_ids"], skip_special_tokens=True)[0] == "hello world"
    with pytest.raises(ValueError, match="padding"):
        view(TEXTS, return_tensors="pt")


def test_padding_tensors(view):
    rows = [{"input_ids": torch.tensor([97, 98])}, {"input_ids": torch.tensor([97])}]
    found = view.pad(rows)
    assert found["input_ids"].tolist() == [[97, 98], [97, view.pad_token_id]]
    assert found["attention_mask"].tolist() == [[1, 1], [1, 0]]


def test_the_collator_masks_the_labels_of_padding_alone(view):
    collator = transformers.DataCollatorForLanguageModeling(view, mlm=False)
    end = view.eos_token_id
    batch = collator([{"input_ids": [97, end]}, {"input_ids": [97, 98, 99, end]}])
    assert batch["labels"].tolist() == [[97, end, -100, -100], [97, 98, 99, end]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_a_shared_pad_token_loses_labels_and_not_attention(make):
    """What the warning warns of; it is the collator that compares ids."""
    with pytest.warns(tokloom.TokloomWarning):
        view = make("<|endoftext|>").as_transformers(pad_token="<|endoftext|>")
    end = view.eos_token_id
    batch = transformers.DataCollatorForLanguageModeling(view, mlm=False)(
        [view("ab<|endoftext|>", split_special_tokens=False), view("abcdefg")]
    )
    row = batch["input_ids"][0].tolist().index(end)
    assert batch["labels"][0, row] == -100
    assert batch["attention_mask"][0, row] == 1


def test_the_collator_that_hides_tokens(view):
    torch.manual_seed(0)
    collator = transformers.DataCollatorForLanguageModeling(view, mlm=True, mlm_probability=0.5)
    batch = collator([{"input_ids": view.encode(text)} for text in TEXTS])
    hidden = batch["input_ids"] == view.mask_token_id
    assert hidden.any()
    assert (batch["labels"][hidden] != -100).all()
    assert (batch["labels"][batch["attention_mask"] == 0] == -100).all()


def test_embeddings_are_resized_by_its_length(make):
    view = make("<|endoftext|>").as_transformers()
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(vocab_size=len(view), n_embd=8, n_layer=1, n_head=1, n_positions=16)
    )
    view.add_special_tokens({"pad_token": "<|pad|>"})
    model.resize_token_embeddings(len(view))
    ids = torch.tensor([[view.pad_token_id]])
    assert model(ids).logits.shape[-1] == len(view) == view.pad_token_id + 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_data_loader(view, workers):
    loader = torch.utils.data.DataLoader(
        TEXTS, batch_size=5, num_workers=workers, collate_fn=Collate(view),
        multiprocessing_context="spawn" if workers else None,
    )  # fmt: skip
    rows = [ids for batch in loader for ids in batch["input_ids"].tolist()]
    expected = view(TEXTS, padding="max_length", max_length=40)["input_ids"]
    assert rows == expected


class Collate:
    """A collate function that is sent to other processes with its view."""

    def __init__(self, view):
        self.view = view

    def __call__(self, texts):
        return self.view(texts, padding="max_length", max_length=40, return_tensors="pt")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_trainer(view, tmp_path):
    class Rows:
        def __init__(self):
            self.rows = view(TEXTS)["input_ids"]

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            return {"input_ids": self.rows[index]}

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=3, per_device_train_batch_size=4, report_to=[], use_cpu=True,
        save_steps=3, logging_steps=1, disable_tqdm=True,
    )  # fmt: skip
    trainer = transformers.Trainer(
        small_model(view),
        arguments,
        train_dataset=Rows(),
        processing_class=view,
        data_collator=transformers.DataCollatorForLanguageModeling(view, mlm=False),
    )
    assert trainer.train().training_loss > 0
    saved = tmp_path / "out" / "checkpoint-3"
    assert tokloom.load(saved).fingerprint == view.tokenizer.fingerprint
    assert transformers.AutoTokenizer.from_pretrained(saved)("hello")["input_ids"] == view.encode("hello")


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_generation(view):
    found = view(["hello", "hello world"], padding=True, padding_side="left", return_tensors="pt")
    with torch.no_grad():
        ids = small_model(view).generate(**found, max_new_tokens=4, do_sample=False)
    assert ids.shape[0] == 2
    assert all(isinstance(text, str) for text in view.batch_decode(ids, skip_special_tokens=True))
