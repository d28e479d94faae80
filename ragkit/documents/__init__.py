"""What is searched: documents, queries, judgements, the handbook, chunks of a long text."""
