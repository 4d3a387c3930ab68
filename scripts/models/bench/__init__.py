"""The benchmark's models: what each is trained on, its graph, and held-out samples. `bench_models.py` writes them out."""

from . import networks, random_weights, trees

MODELS = (*networks.MODELS, *trees.MODELS, *random_weights.MODELS)
