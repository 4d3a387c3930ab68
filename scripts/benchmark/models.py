"""The models of the benchmark: one line a row of the report."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / "target/bench/models"


@dataclass(frozen=True)
class Model:
    """One row. `file` is the model's name where the row's is another; `quick` says that EZKL takes less than about a minute and 4 GiB;
    `target` is what to reach, as the report repeats it."""

    name: str
    file: str = ""
    batch: int = 1
    classes: bool = False
    quick: bool = False
    folder: Path | None = None
    target: str = ""

    def path(self, kind: str) -> Path:
        """The model's file of a kind: `onnx`, `calib.json`, `test.json`."""
        if self.folder is None:
            return MADE / f"{self.file or self.name}.{kind}"
        return self.folder / {"onnx": f"{self.file or self.name}.onnx", "calib.json": "calibration.json"}.get(kind, kind)

    @property
    def spec(self) -> Path | None:
        """The specification, of a model that has one."""
        return None if self.folder is None else self.folder / "model.json"


MODELS = (
    Model("credit_mlp", quick=True),
    Model("risk_mlp", quick=True),
    Model("digits_cnn", quick=True),
    Model("gboost_tree"),
    Model("gboost_gemm", quick=True),
    Model("gboost_200x6"),
    Model("vol_tcn", quick=True),
    Model("vol_lstm"),
    Model("micro_transformer"),
    Model("mnist_lenet", classes=True),
    Model("mlp_1m", classes=True),
    Model("cnn_cifar", classes=True),
    Model("tiny_transformer"),
    Model("nano_gpt", classes=True),
    Model("risk_mlp_x16", file="risk_mlp", batch=16),
    Model("risk", quick=True, folder=ROOT / "models/risk"),
)
