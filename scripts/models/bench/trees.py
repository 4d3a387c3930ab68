"""Gradient-boosted trees, as the TreeEnsemble operator and as matrix products."""

import numpy as np
from onnx import TensorProto
from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

from zoo_models.classical import settle
from zoo_models.graph import Graph

from . import data
from .model import Benchmark
from .networks import OPSET, finish


def small():
    """20 trees of depth 3 on the credit table."""
    xa, xb, ya, yb = data.credit()
    fitted = GradientBoostingClassifier(n_estimators=20, max_depth=3, learning_rate=0.3, random_state=0)
    return fitted.fit(xa.astype(np.float32), ya), xa, xb, yb


def exported(fitted, name):
    """The TreeEnsembleClassifier that skl2onnx writes, probabilities only."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(fitted): {"zipmap": False}}
    target = {"": OPSET, "ai.onnx.ml": 1}
    kinds = [("input", FloatTensorType([1, fitted.n_features_in_]))]
    model = convert_sklearn(fitted, initial_types=kinds, target_opset=target, options=options)
    kept = [v for v in model.graph.output if v.name == "probabilities"]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    settle(model, name)
    model.ir_version = 8
    return model


def gboost_tree(rng):
    fitted, xa, xb, yb = small()
    note = f"20 trees of depth 3, TreeEnsembleClassifier; held-out accuracy {fitted.score(xb.astype(np.float32), yb):.3f}"
    return Benchmark(exported(fitted, "gboost_tree"), xa, xb, note, 0, yb)


def gboost_gemm(rng):
    """Which tests hold, which leaves' paths agree with all of them, and the sum of those leaves' values."""
    fitted, xa, xb, yb = small()
    tests, leaves = [], []
    for stage in fitted.estimators_:
        collect(stage[0].tree_, tests, leaves)
    select, agree = np.zeros((30, len(tests))), np.zeros((len(tests), len(leaves)))
    for column, (feature, _) in enumerate(tests):
        select[feature, column] = 1
    for column, (path, _) in enumerate(leaves):
        for index, sign in path:
            agree[index, column] = sign
    wanted = np.array([sum(sign == 1 for _, sign in path) for path, _ in leaves]) - 0.5
    base = float(fitted._raw_predict_init(np.zeros((1, 30), np.float32))[0, 0])
    g = Graph("gboost_gemm", OPSET)
    picked = g.op("MatMul", "input", g.const(select))
    holds = g.op("Cast", g.op("LessOrEqual", picked, g.const([[t for _, t in tests]])), to=TensorProto.FLOAT)
    sums = g.op("MatMul", holds, g.const(agree))
    reached = g.op("Cast", g.op("Greater", sums, g.const(wanted[None])), to=TensorProto.FLOAT)
    values = np.array([[value * fitted.learning_rate] for _, value in leaves])
    total = g.op("Add", g.op("MatMul", reached, g.const(values)), g.const([[base]]))
    macs = select.size + agree.size + values.size
    note = "gboost_tree's trees as matrix products; output P(class 1)"
    return Benchmark(finish(g, g.op("Sigmoid", total), xb[:1]), xa, xb, note, macs, yb)


def collect(tree, tests, leaves):
    """Appends a tree's tests (feature, threshold) and leaves (path, value)."""

    def walk(node, path):
        if tree.children_left[node] < 0:
            leaves.append((path, tree.value[node][0][0]))
            return
        index = len(tests)
        tests.append((tree.feature[node], np.float32(tree.threshold[node])))
        walk(tree.children_left[node], [*path, (index, 1)])
        walk(tree.children_right[node], [*path, (index, -1)])

    walk(0, [])


def gboost_200x6(rng):
    """200 trees of depth 6 on a made-up table of 30 features."""
    x, y = datasets.make_classification(5000, 30, n_informative=14, n_redundant=6, flip_y=0.03, class_sep=0.8, random_state=7)
    x = np.clip(x / x.std(0), -4, 4).astype(np.float32)
    xa, xb, ya, yb = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
    fitted = GradientBoostingClassifier(n_estimators=200, max_depth=6, learning_rate=0.1, subsample=0.5, max_features=8, random_state=0)
    fitted.fit(xa, ya)
    nodes = sum(stage[0].tree_.node_count for stage in fitted.estimators_)
    note = f"200 trees of depth 6, {nodes} nodes; held-out accuracy {fitted.score(xb, yb):.3f}"
    return Benchmark(exported(fitted, "gboost_200x6"), xa, xb, note, 0, yb)


MODELS = (gboost_tree, gboost_gemm, gboost_200x6)
