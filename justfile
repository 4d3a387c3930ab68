# `just` is optional: each line can be run by hand.

# Show the recipes.
default:
    @just --list

# The main job on a local chain.
demo:
    ./scripts/demo

# Everything that CI runs.
test:
    ./scripts/test

# Measure all benchmark models, with EZKL on the same files: `just bench --models credit_mlp --ezkl no`.
bench *options:
    ./scripts/bench {{options}}

# Format Rust and Solidity.
fmt:
    cargo fmt --all
    cd contracts && node_modules/.bin/forge fmt

# Rust lints as CI has them.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Unit tests of the circuits only.
circuits *filter:
    cargo nextest run -p dodona-circuits {{filter}}

# Unit tests of the contracts only.
contracts:
    cd contracts && node_modules/.bin/forge test --offline
