"""A small GPT from scratch: model, tokenizer and training in plain torch."""
