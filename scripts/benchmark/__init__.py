"""`scripts/bench`: Dodona, and EZKL beside it, on the same ONNX files in one run.

| file | what |
|---|---|
| `__main__.py` | options, the loop over models, the report's files |
| `models.py` | which models, in which setting, and the figure to reach |
| `process.py` | a stage in a process of its own: seconds, peak memory, limits |
| `dodona.py` | Dodona's stages |
| `peer.py` | EZKL's stages |
| `peer_stage.py` | one call of EZKL, run by EZKL's own Python |
| `chain.py` | a verifier compiled, deployed on a local chain and sent a proof: gas |
| `markdown.py` | the report for people |
"""
