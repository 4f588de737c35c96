"""What models read and write: tokenizers, prompts, answers, and the grammar that keeps answers valid."""
