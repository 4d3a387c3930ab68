"""From the loss estimate q to the three risk parameters. Affine, so it lives inside the graph.

With slippage s and bonus LB(q) = b0 + b1 q, the threshold LT(q) = 1 - s - q - LB(q) gives
    LT (1 + LB) = (1 - s - q) - LB (s + q) - LB^2  <=  1 - s - q  <  1
for every q: what a liquidator is owed, debt plus bonus, is still covered after the collateral has
lost q and the sale has cost s. LTV(q) = LT(q) - m0 - m1 q leaves the borrower a margin.
"""

import numpy as np

Q_MIN, Q_MAX = 0.02, 0.45
SLIPPAGE = 0.02
BONUS_BASE, BONUS_SLOPE = 0.04, 0.25
MARGIN_BASE, MARGIN_SLOPE = 0.02, 0.25

OUTPUTS = ("ltv_bp", "liquidation_threshold_bp", "liquidation_bonus_bp")

_LT = (1 - SLIPPAGE - BONUS_BASE, -(1 + BONUS_SLOPE))
_LTV = (_LT[0] - MARGIN_BASE, _LT[1] - MARGIN_SLOPE)
_LB = (BONUS_BASE, BONUS_SLOPE)

# Basis points; exact in fp32.
OFFSET = np.round(np.array([_LTV[0], _LT[0], _LB[0]]) * 10_000, 6).astype(np.float32)
SLOPE = np.round(np.array([_LTV[1], _LT[1], _LB[1]]) * 10_000, 6).astype(np.float32)


def apply(q: np.ndarray) -> np.ndarray:
    """q [n] -> [n, 3] basis points: LTV, liquidation threshold, liquidation bonus."""
    return np.asarray(q)[:, None] * SLOPE + OFFSET


def check_invariants(outputs: np.ndarray) -> None:
    """Raise if any row breaks 0 < LTV <= LT < 10000, 0 < LB or LT (10000 + LB) <= 10000^2, after
    rounding to whole basis points either way."""
    for rounded in (np.floor(outputs), np.ceil(outputs)):
        ltv, lt, lb = rounded.astype(np.int64).T
        good = (0 < ltv) & (ltv <= lt) & (lt < 10_000) & (0 < lb) & (lt * (10_000 + lb) <= 10_000**2)
        if not good.all():
            row = int(np.argmin(good))
            raise ValueError(f"risk parameters break an invariant: expected 0 < LTV <= LT < 10000 and LT (10000 + LB) <= 10^8, got {rounded[row]}")
