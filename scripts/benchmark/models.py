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
    Model("credit_mlp", quick=True, target="0.25 s, 100 MiB, 430,000 gas"),
    Model("risk_mlp", quick=True, target="0.3 s, 100 MiB, 430,000 gas"),
    Model("digits_cnn", quick=True, target="0.5 s, 150 MiB"),
    Model("gboost_tree", target="0.4 s"),
    Model("gboost_gemm", quick=True),
    Model("gboost_200x6", target="2 s"),
    Model("vol_tcn", quick=True, target="1 s, 250 MiB"),
    Model("vol_lstm", target="3 s, 600 MiB"),
    Model("micro_transformer", target="3 s, 600 MiB"),
    Model("mnist_lenet", classes=True, target="3 s, 600 MiB"),
    Model("mlp_1m", classes=True, target="8 s, 2 GiB"),
    Model("cnn_cifar", classes=True, target="20 s, 4 GiB"),
    Model("tiny_transformer", target="8 s, 2 GiB"),
    Model("nano_gpt", classes=True, target="20 s"),
    Model("risk_mlp_x16", file="risk_mlp", batch=16, target="2 s"),
    Model("risk", quick=True, folder=ROOT / "models/risk"),
)
