"""Speed of the bodies of language models beside their rivals."""
