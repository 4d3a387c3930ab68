"""What every maker of a benchmark model returns."""

from dataclasses import dataclass, field

import numpy as np
import onnx


@dataclass(frozen=True)
class Benchmark:
    """One model with its data. Samples are `[count, *shape]`, typical first; labels belong to the held-out ones."""

    graph: onnx.ModelProto
    calibration: np.ndarray
    held_out: np.ndarray
    note: str
    macs: int = 0
    labels: np.ndarray | None = field(default=None)
