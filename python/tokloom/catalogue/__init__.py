"""Known names → verified files → tokenizers.

`table.py` is the catalogue itself, as data: what each vocabulary is, with its size, special tokens, hashes and sources.
`places.py` says where a file may lie, `finding.py` takes the first place that has it, `reading.py` verifies,
`pickles.py` refuses programs, `downloading.py` is the last resort, `opening.py` makes the tokenizer, `listing.py` tells
what is here.
"""

from tokloom.catalogue.listing import KnownVocabulary as KnownVocabulary
from tokloom.catalogue.listing import entry_of as entry_of
from tokloom.catalogue.listing import fetch as fetch
from tokloom.catalogue.listing import vocabularies as vocabularies
from tokloom.catalogue.opening import bytes_tokenizer as bytes_tokenizer
from tokloom.catalogue.opening import open_name as open_name
from tokloom.catalogue.opening import open_tekken as open_tekken
from tokloom.catalogue.opening import renamed as renamed
from tokloom.catalogue.pickles import refuse_pickle as refuse_pickle
from tokloom.catalogue.places import cache_folder as cache_folder
from tokloom.catalogue.table import BY_NAME as BY_NAME
from tokloom.catalogue.table import ENTRIES as ENTRIES
