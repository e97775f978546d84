"""Chat templates in the ways of published ones: what they do to messages is what makes it hard to tell texts apart."""

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

TRIMS = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

THINKS = (
    "{% for message in messages %}{% if message.content is string %}{% set content = message.content %}{% else %}"
    "{% set content = '' %}{% endif %}"
    "{% if message.role == 'assistant' and '</think>' in content %}"
    "{% set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
    "{% set content = content.split('</think>')[-1].lstrip('\\n') %}"
    "{{ '<|im_start|>assistant\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content + '<|im_end|>\\n' }}"
    "{% elif message.role == 'user' and content.startswith('<tool_response>') %}<|im_start|>tool\n{{ content }}<|im_end|>\n"
    "{% else %}{{ '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}{% endif %}"
    "{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}\n</tool_call><|im_end|>\n'
    "{% endfor %}{% endif %}{% endfor %}"
)

TOOLS = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% if documents %}{% for d in documents %}{{ d.title }}: {{ d.text }}\n{% endfor %}{% endif %}"
    "{{ greeting }}" + CHATML
)

BUILDS = "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"

PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% elif part['type'] == 'image' %}<|image|>"
    "{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
)

KEYS = (
    "{% for m in messages %}{{ '<|im_start|>' }}{{ m.role }} {{ m.type }}{% for key, value in m.items() %}"
    "{{ key }}={{ value }} {% endfor %}{{ '<|im_end|>' }}{% endfor %}"
)

MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
)

SHOUTS = "{% for m in messages %}<|im_start|>{{ m.content | upper }}<|im_end|>{% endfor %}"
GLUES = "{% for m in messages %}<|im_start|><|{{ m.content }}|><|im_end|>{% endfor %}"
QUOTES_WORDS = "{% for m in messages %}{% if '<|im_end|>' in m.content %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}"
RAISES = "{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('only users') }}{% endif %}{{ m.content }}{% endfor %}"
TELLS_TIME = "<|im_start|>{{ strftime_now('%d %b %Y') }}<|im_end|>" + CHATML

SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
    "<|begin_of_text|>", "<|user|>", "<|assistant|>", "<|end|>", "<|image|>",
)  # fmt: skip
