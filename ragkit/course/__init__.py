"""The teaching side of ragkit: checks, drills, editions, the ledger. The core never imports it."""
