"""Conversations → ids and a mask of what is trained; shown in colours.

>>> import tokloom
>>> from tokloom.chat import Chat, named_format
>>> tokenizer = tokloom.load("bytes").with_special_tokens(named_format("nanochat").control_tokens)
>>> ids, mask = Chat(tokenizer, "nanochat").render(
...     [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
... )
>>> tokenizer.decode([id for id, trained in zip(ids, mask) if trained])
'2<|assistant_end|>'
"""

from tokloom.chat.conversation import Conversation as Conversation
from tokloom.chat.formats import Around as Around
from tokloom.chat.formats import Control as Control
from tokloom.chat.formats import Format as Format
from tokloom.chat.formats import ToolCalls as ToolCalls
from tokloom.chat.formats import ToolResults as ToolResults
from tokloom.chat.formats import format_names as format_names
from tokloom.chat.formats import named_format as named_format
from tokloom.chat.rendering import Chat as Chat
from tokloom.chat.rendering import Rendered as Rendered
from tokloom.chat.showing import show as show
from tokloom.chat.showing import to_html as to_html
from tokloom.chat.template_format import Template as Template
from tokloom.chat.templates import Piece as Piece
from tokloom.chat.templates import render_template as render_template
