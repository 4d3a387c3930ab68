"""The model zoo: small ONNX graphs of every kind, in groups; `zoo.py` writes them out."""

from . import classical, elementwise, linear, networks, quantised, recurrent, reductions, shapes

GROUPS = (elementwise, linear, reductions, shapes, recurrent, quantised, classical, networks)


def cases():
    """Every model of the zoo, in order."""
    for group in GROUPS:
        yield from group.cases()
