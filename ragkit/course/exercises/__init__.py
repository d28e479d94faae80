"""The code exercises of the labs, one module a lab."""
