//! The bindings are the interfaces' text.

const HERE: &str = include_str!("mod.rs");

/// Solidity without comments, directives and white space.
fn bare(text: &str) -> String {
    let lines = text.lines().map(|l| l.split("//").next().unwrap_or_default());
    let code = lines.filter(|l| !l.starts_with("import") && !l.starts_with("pragma"));
    code.flat_map(str::split_whitespace).collect()
}

#[test]
fn the_bindings_are_the_interfaces_text() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/src/interfaces");
    let here = bare(HERE);
    for name in [
        "IPublisherBonds",
        "IFeedRegistry",
        "IModelAttestations",
        "IModelRegistry",
        "IOperatorStaking",
        "IDodonaOracle",
        "IVerifier",
    ] {
        let text = std::fs::read_to_string(dir.join(format!("{name}.sol"))).unwrap();
        assert!(here.contains(&bare(&text)), "bindings/mod.rs differs from {name}.sol: run scripts/bindings");
    }
}
