"""The figures of the theory pages, one module a lab, all drawn by `ragkit.plots`."""
