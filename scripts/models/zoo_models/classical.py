"""Trees, linear models, support vector machines and preprocessing, as scikit-learn, XGBoost and LightGBM export them."""

import warnings
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper
from sklearn import datasets, ensemble, impute, linear_model, naive_bayes, neural_network, pipeline, preprocessing, svm, tree
from sklearn.decomposition import PCA

from .graph import Case, Graph, normal, rounded, uniform

OPSET = 15
ML_OPSET = 3


@dataclass(frozen=True)
class Estimator:
    """A fitted model and the table that its samples come from."""

    name: str
    model: object
    table: np.ndarray
    zipmap: bool = False
    opset: int = OPSET
    tool: str = "skl2onnx"

    def make(self, samples: int) -> tuple[onnx.ModelProto, list[dict[str, np.ndarray]]]:
        step = max(1, len(self.table) // samples)
        rows = [{"x": self.table[i * step][None].astype(np.float32)} for i in range(samples)]
        model = self.convert()
        settle(model, self.name)
        return model, rows

    def convert(self) -> onnx.ModelProto:
        width = self.table.shape[1]
        if self.tool != "skl2onnx":
            from onnxmltools import convert_lightgbm, convert_xgboost
            from onnxmltools.convert.common.data_types import FloatTensorType

            kind = [("x", FloatTensorType([1, width]))]
            if self.tool == "xgboost":
                return convert_xgboost(self.model, initial_types=kind, target_opset=self.opset)
            return convert_lightgbm(self.model, initial_types=kind, target_opset=self.opset, zipmap=False)
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType

        last = self.model.steps[-1][1] if hasattr(self.model, "steps") else self.model
        options = {} if self.zipmap or not hasattr(last, "predict_proba") else {id(last): {"zipmap": False}}
        target = {"": self.opset, "ai.onnx.ml": ML_OPSET}
        return convert_sklearn(self.model, initial_types=[("x", FloatTensorType([1, width]))], target_opset=target, options=options)


def settle(model: onnx.ModelProto, name: str) -> None:
    """Names without random parts, batch 1 throughout."""
    model.graph.name = name
    model.producer_version = ""
    del model.metadata_props[:]
    imports = sorted(model.opset_import, key=lambda o: o.domain)
    del model.opset_import[:]
    model.opset_import.extend(imports)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.HasField("tensor_type") and value.type.tensor_type.shape.dim:
            first = value.type.tensor_type.shape.dim[0]
            first.Clear()
            first.dim_value = 1
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"


def tables():
    iris, cancer, diabetes = datasets.load_iris(), datasets.load_breast_cancer(), datasets.load_diabetes()
    return iris, cancer, diabetes


def estimators():
    iris, cancer, diabetes = tables()
    scale = preprocessing.StandardScaler
    x, y = rounded(iris.data), iris.target
    binary = (y == 2).astype(int)
    units, sick = rounded(cancer.data), cancer.target
    body, progress = rounded(diabetes.data * 100), diabetes.target

    def on_iris(model):
        return model.fit(x, y)

    def on_cancer(model):
        return model.fit(units, sick)

    def on_body(model):
        return model.fit(body, progress)

    yield Estimator("logistic_regression", on_iris(linear_model.LogisticRegression(max_iter=500)), x)
    yield Estimator("logistic_regression_zipmap", on_iris(linear_model.LogisticRegression(max_iter=500)), x, zipmap=True)
    yield Estimator("logistic_regression_binary", linear_model.LogisticRegression(max_iter=500).fit(x, binary), x)
    yield Estimator("scaled_logistic_regression", on_cancer(pipeline.make_pipeline(scale(), linear_model.LogisticRegression())), units)
    yield Estimator("linear_regression", on_body(linear_model.LinearRegression()), body)
    yield Estimator("ridge_standardised", on_body(pipeline.make_pipeline(scale(), linear_model.Ridge())), body)
    yield Estimator("decision_tree", on_iris(tree.DecisionTreeClassifier(max_depth=4, random_state=0)), x)
    yield Estimator("decision_tree_regressor", on_body(tree.DecisionTreeRegressor(max_depth=4, random_state=0)), body)
    yield Estimator("random_forest", on_iris(ensemble.RandomForestClassifier(8, max_depth=3, random_state=0)), x)
    yield Estimator("random_forest_regressor", on_body(ensemble.RandomForestRegressor(6, max_depth=3, random_state=0)), body)
    yield Estimator("gradient_boosting", on_cancer(ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0)), units)
    yield Estimator("gradient_boosting_regressor", on_body(ensemble.GradientBoostingRegressor(n_estimators=8, random_state=0)), body)
    yield Estimator("svc_linear", on_iris(svm.SVC(kernel="linear")), x)
    yield Estimator("svc_rbf", svm.SVC(kernel="rbf", C=0.5).fit(x, binary), x)
    yield Estimator("svr_rbf", pipeline.make_pipeline(scale(), svm.SVR(C=50, epsilon=60)).fit(body, progress), body)
    yield Estimator("svr_linear", svm.SVR(kernel="linear", C=1.0, epsilon=80).fit(body[:150], progress[:150]), body)
    yield Estimator("mlp_classifier", on_iris(pipeline.make_pipeline(scale(), neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=400, random_state=0))), x)
    yield Estimator("mlp_regressor", on_body(pipeline.make_pipeline(scale(), neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=400, random_state=0))), body)
    yield Estimator("pca_logistic", on_cancer(pipeline.make_pipeline(scale(), PCA(4, random_state=0), linear_model.LogisticRegression())), units)
    yield Estimator("gaussian_naive_bayes", on_iris(naive_bayes.GaussianNB()), x)
    yield Estimator("min_max_scaler", preprocessing.MinMaxScaler().fit(units[:, :10]), units[:, :10])
    yield Estimator("robust_scaler", preprocessing.RobustScaler().fit(x), x)
    yield Estimator("normalizer_l2", preprocessing.Normalizer("l2").fit(x), x)
    yield Estimator("normalizer_l1", preprocessing.Normalizer("l1").fit(x), x)
    yield Estimator("normalizer_max", preprocessing.Normalizer("max").fit(x), x)
    yield Estimator("binarizer", preprocessing.Binarizer(threshold=1.5).fit(x), x)
    yield Estimator("imputer", impute.SimpleImputer().fit(x), x)
    yield Estimator("polynomial_features", preprocessing.PolynomialFeatures(2).fit(x[:, :3]), x[:, :3])
    yield from boosted(x, y, units, sick, body, progress)


def boosted(x, y, units, sick, body, progress):
    import lightgbm
    import xgboost

    common = {"n_estimators": 6, "max_depth": 3, "learning_rate": 0.3, "random_state": 0, "n_jobs": 1}
    quiet = {"verbose": -1, "deterministic": True, "force_row_wise": True}
    yield Estimator("xgboost_classifier", xgboost.XGBClassifier(**common).fit(units, sick), units, tool="xgboost")
    yield Estimator("xgboost_multiclass", xgboost.XGBClassifier(**common).fit(x, y), x, tool="xgboost")
    yield Estimator("xgboost_regressor", xgboost.XGBRegressor(**common).fit(body, progress), body, tool="xgboost")
    yield Estimator("lightgbm_classifier", lightgbm.LGBMClassifier(**common, **quiet).fit(units, sick), units, tool="lightgbm")
    yield Estimator("lightgbm_regressor", lightgbm.LGBMRegressor(**common, **quiet).fit(body, progress), body, tool="lightgbm")


def paths_of(fitted):
    """Every inner node as (feature, threshold), every leaf as (path, value)."""
    tests, leaves = [], []

    def walk(node, path):
        if fitted.children_left[node] < 0:
            leaves.append((path, fitted.value[node][0][0]))
            return
        index = len(tests)
        tests.append((fitted.feature[node], fitted.threshold[node]))
        walk(fitted.children_left[node], [*path, (index, 1)])
        walk(fitted.children_right[node], [*path, (index, -1)])

    walk(0, [])
    return tests, leaves


def tree_as_matrices(g: Graph, x: str) -> str:
    """Which tests hold; which leaf's path agrees with all of them; that leaf's value."""
    iris = datasets.load_iris()
    fitted = tree.DecisionTreeRegressor(max_depth=3, random_state=0).fit(rounded(iris.data), iris.target).tree_
    tests, leaves = paths_of(fitted)
    select, agree = np.zeros((4, len(tests))), np.zeros((len(tests), len(leaves)))
    for column, (feature, _) in enumerate(tests):
        select[feature, column] = 1
    for column, (path, _) in enumerate(leaves):
        for index, sign in path:
            agree[index, column] = sign
    wanted = np.array([sum(sign == 1 for _, sign in path) for path, _ in leaves]) - 0.5
    holds = g.op("Cast", g.op("LessOrEqual", g.op("MatMul", x, g.const(select)), g.const([t for _, t in tests])), to=1)
    reached = g.op("Cast", g.op("Greater", g.op("MatMul", holds, g.const(agree)), g.const(wanted)), to=1)
    return g.op("MatMul", reached, g.const([[value] for _, value in leaves]))


def label_encoder(g: Graph, x: str) -> str:
    label = g.op("ArgMax", x, axis=1, keepdims=0)
    return g.op("LabelEncoder", label, domain="ai.onnx.ml", keys_int64s=[0, 1, 2], values_int64s=[10, 30, 20], default_int64=-1)


def ml_op(op: str, **attributes):
    return lambda g, x: g.op(op, x, domain="ai.onnx.ml", **attributes)


def cases():
    warnings.filterwarnings("ignore")
    yield from estimators()
    iris = datasets.load_iris()

    def flower(rng):
        return rounded(iris.data[rng.integers(0, 150)][None])

    yield Case("tree_as_matrices", 13, tree_as_matrices, {"x": flower})
    yield Case("label_encoder", 13, label_encoder, {"x": normal(2, 3)})
    yield Case("ml_scaler", 13, ml_op("Scaler", offset=[5.8, 3.0, 3.7, 1.2], scale=[1.2, 2.3, 0.57, 1.3]), {"x": flower})
    yield Case("ml_normalizer", 13, ml_op("Normalizer", norm="L2"), {"x": flower})
    yield Case("ml_binarizer", 13, ml_op("Binarizer", threshold=0.25), {"x": normal(2, 5)})
    yield Case("ml_imputer", 13, ml_op("Imputer", imputed_value_floats=[5.0], replaced_value_float=0.0), {"x": lambda rng: flower(rng) * rng.integers(0, 2, (1, 4)).astype(np.float32)})
    yield Case("ml_linear_regressor", 13, ml_op("LinearRegressor", coefficients=[0.5, -1.0, 0.25, 1.0, 0.5, -0.5], intercepts=[0.5, -1.0], targets=2), {"x": normal(2, 3)})
    yield Case("ml_array_feature_extractor", 13, lambda g, x: g.op("ArrayFeatureExtractor", x, g.ints(2, 0), domain="ai.onnx.ml"), {"x": uniform(0, 1, 2, 4)})
