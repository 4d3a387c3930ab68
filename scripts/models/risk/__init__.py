"""The risk model: market data -> features -> quantile network -> ONNX and its artefacts.

| module | subject |
|---|---|
| `features` | the 16 features: names, units, declared domains, how each is computed |
| `dataset`  | both indices as arrays, the target, the split by time |
| `network`  | the MLP, its training and its forward pass in numpy |
| `mapping`  | from the loss estimate q to LTV, threshold and bonus in basis points |
| `baselines`| the three simpler quantile models it is compared with |
| `scores`   | coverage and pinball loss, as Markdown tables |
| `export`   | ONNX graph and the JSON files in `models/risk/` |
"""
