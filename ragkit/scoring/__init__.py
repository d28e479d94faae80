"""From a ranking to numbers: metrics, reports with intervals, paired tests, and TREC files."""
