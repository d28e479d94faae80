"""Fine-tuning: an encoder is taught the questions of one knowledge base."""
