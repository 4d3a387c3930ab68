//! No input at all can fail at proving time: random and extreme raw values satisfy the circuit, and show the interpreter's answer.

use std::path::Path;

use halo2_proofs::dev::MockProver;
use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;

use crate::api::{CompileRequest, Model, Slot, SourceInput};
use crate::evm::Mode;
use crate::inference::statement::{commitment, pack, pack_outputs};
use crate::model::spec::ModelSpec;
use crate::quant::program::RAW_BITS;
use crate::quant::{Calibration, Options};
use crate::testing::{failures, layout, program};

const EDGE: i64 = 1 << RAW_BITS;

const EDGES: [i64; 18] = [
    -EDGE,
    -EDGE + 1,
    EDGE - 1,
    EDGE - 2,
    -2001,
    -2000,
    -1025,
    -1024,
    -1,
    0,
    1,
    999,
    1000,
    1001,
    1023,
    1024,
    2000,
    2001,
];

/// Edges of the encoding, of the fixture's clamps and of its table's intervals, and everything between.
fn raw() -> impl Strategy<Value = i64> {
    prop_oneof![3 => prop::sample::select(&EDGES[..]), 1 => -EDGE..EDGE, 1 => -3000_i64..3000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_raw_input_satisfies_the_fixture(values in prop::array::uniform8(raw())) {
        let honest = layout(values);
        prop_assert_eq!(failures(&honest), Vec::<String>::new());
        let run = program().evaluate(&values).unwrap();
        let mut words = vec![Fr::from(42), commitment(Fr::from(77), &values[..7], Fr::from(99)).unwrap()];
        words.extend(pack(&values[7..]));
        words.extend(pack_outputs(&run.outputs, run.in_domain, run.unsaturated));
        words.resize(16, Fr::zero());
        prop_assert_eq!(honest.words, words);
    }
}

fn risk(dir: &Path) -> Model {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/risk");
    let onnx = std::fs::read(from.join("risk.onnx")).unwrap();
    let spec = ModelSpec::load(&from.join("model.json")).unwrap();
    let samples = std::fs::read(from.join("calibration.json")).unwrap();
    let calibration = Some(Calibration::parse(&samples, &spec.resolve().scales()).unwrap());
    let request = CompileRequest {
        onnx: &onnx,
        spec: Some(spec),
        calibration,
        options: Options::default(),
        slots: 1,
        salt: None,
    };
    Model::compile(request, dir).unwrap().0
}

#[test]
fn extreme_raw_inputs_satisfy_the_risk_model() {
    let dir = tempfile::tempdir().unwrap();
    let model = risk(dir.path());
    let width = model.program().inputs();
    let cases: [Vec<i64>; 4] = [
        vec![-EDGE; width],
        vec![EDGE - 1; width],
        (0..width).map(|i| if i % 2 == 0 { EDGE - 1 } else { -EDGE }).collect(),
        (0..width as i64).map(|i| i * 7_654_321 - 40_000_000).collect(),
    ];
    for values in cases {
        let slot = Slot { sources: vec![SourceInput { values: values.clone(), salt: [7; 32] }] };
        let circuit = model.circuit(Mode::Aggregated, [0; 32], std::slice::from_ref(&slot)).unwrap();
        let prover = MockProver::run(circuit.layout().k, &circuit, vec![circuit.words().to_vec()]).unwrap();
        assert_eq!(prover.verify(), Ok(()), "{values:?}");
        let answer = &model.infer(&[slot]).unwrap()[0];
        let extreme = values.iter().all(|v| v.abs() >= EDGE - 1);
        assert!(!(extreme && answer.in_domain), "{values:?}");
    }
}
