//! The facade on the risk model that the repository ships.

use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::Fr;
use serde::Deserialize;

use super::*;
use crate::keys::{Silent, SrsOrigin};
use crate::model::spec::ModelSpec;
use crate::quant::{Calibration, Options};

fn risk_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/risk")
}

fn compile(dir: &Path, slots: usize, salt: Option<Fr>) -> Model {
    let onnx = std::fs::read(risk_dir().join("risk.onnx")).unwrap();
    let spec = ModelSpec::load(&risk_dir().join("model.json")).unwrap();
    let samples = std::fs::read(risk_dir().join("calibration.json")).unwrap();
    let calibration = Some(Calibration::parse(&samples, &spec.resolve().scales()).unwrap());
    let request = CompileRequest {
        onnx: &onnx,
        spec: Some(spec),
        calibration,
        options: Options { margin: 7.3, ..Options::default() },
        slots,
        salt,
    };
    Model::compile(request, dir).unwrap().0
}

#[derive(Deserialize)]
struct Observations {
    observations: Vec<Observation>,
}

#[derive(Deserialize)]
struct Observation {
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Reference {
    outputs: Vec<Vec<f64>>,
}

fn held_out() -> Vec<(Slot, Vec<f64>)> {
    let json = |name: &str| std::fs::read(risk_dir().join(name)).unwrap();
    let observations: Observations = serde_json::from_slice(&json("observations.json")).unwrap();
    let reference: Reference = serde_json::from_slice(&json("reference.json")).unwrap();
    let slot = |o: Observation| {
        let values = o.values.iter().map(|v| (v * 1e6).round_ties_even() as i64).collect();
        let mut salt = [0; 32];
        salt[31] = 9;
        Slot { sources: vec![SourceInput { values, salt }] }
    };
    observations.observations.into_iter().map(slot).zip(reference.outputs).collect()
}

#[test]
fn answers_are_within_five_basis_points_of_onnxruntime_on_held_out_data() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let mut worst: f64 = 0.0;
    for (slot, float) in held_out() {
        let answer = &model.infer(std::slice::from_ref(&slot)).unwrap()[0];
        assert!(answer.in_domain && answer.unsaturated);
        for (got, expected) in answer.outputs.iter().zip(&float) {
            worst = worst.max((*got as f64 - expected).abs());
        }
    }
    assert!(worst <= 5.0, "largest error {worst} basis points");
    assert!(worst > 0.0, "an integer answer that equals every float would mean that the reference was not read");
}

#[test]
fn direct_proof_verifies_and_every_changed_word_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let ring = KeyRing::in_home(dir.path(), SrsOrigin::Dev);
    let prover = DirectProver::new(&model, ring.make(&model, Mode::Direct, &Silent).unwrap());
    let (slot, _) = held_out().remove(0);
    let mut context = [0; 32];
    context[5] = 7;
    let proof = prover.prove(context, std::slice::from_ref(&slot)).unwrap();
    prover.verify(&proof).unwrap();
    assert_eq!(proof.words, model.words(Mode::Direct, context, std::slice::from_ref(&slot)).unwrap());
    assert_eq!(proof.words[0], context);
    let schema = model.manifest().sources[0].schema_hash;
    assert_eq!(proof.words[1], commitment(schema, &slot.sources[0].values, slot.sources[0].salt).unwrap());
    for word in 0..proof.words.len() {
        let mut forged = proof.clone();
        forged.words[word][31] ^= 1;
        assert!(matches!(prover.verify(&forged), Err(ApiError::Evm(crate::evm::EvmError::Rejected(_)))), "word {word}");
    }
    let mut longer = proof.clone();
    longer.words.push([0; 32]);
    let error = prover.verify(&longer).unwrap_err();
    assert!(
        matches!(error, ApiError::Inference(crate::inference::Error::Input { expected: 3, got: 4, .. })),
        "{error}"
    );
    // A prover that loads the stored key makes proofs that the first one accepts.
    let loaded = DirectProver::load(&model, &ring, &Silent).unwrap();
    prover.verify(&loaded.prove(context, &[slot]).unwrap()).unwrap();
}

#[test]
fn batch_of_two_has_its_slots_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 2, None);
    let slots: Vec<Slot> = held_out().into_iter().step_by(20).take(2).map(|(slot, _)| slot).collect();
    let words = model.words(Mode::Direct, [0; 32], &slots).unwrap();
    assert_eq!(words.len(), 5);
    let single = |slot: &Slot| {
        let one = tempfile::tempdir().unwrap();
        compile(one.path(), 1, None).words(Mode::Direct, [0; 32], std::slice::from_ref(slot)).unwrap()
    };
    assert_eq!(words[1..3], single(&slots[0])[1..]);
    assert_eq!(words[3..5], single(&slots[1])[1..]);
    let layout = model.circuit(Mode::Direct, [0; 32], &slots).unwrap();
    assert_eq!(crate::testing::failures(layout.layout()), Vec::<String>::new());
}

#[test]
fn salt_hides_hashes_and_digest_but_not_answers() {
    let [a, b, c] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let public = compile(a.path(), 1, None);
    let private = [compile(b.path(), 1, Some(Fr::from(1))), compile(c.path(), 1, Some(Fr::from(2)))];
    let ring = KeyRing::in_home(a.path(), SrsOrigin::Dev);
    let digest = |model: &Model| model.vk_digest(&ring.store, SrsOrigin::Dev, &Silent).unwrap();
    let digests = [digest(&public), digest(&private[0]), digest(&private[1])];
    assert_ne!(digests[0], digests[1]);
    assert_ne!(digests[1], digests[2]);
    assert_eq!(digests[0], digest(&public), "compilation is deterministic");
    let hashes = [&public, &private[0], &private[1]].map(|m| (m.manifest().onnx_hash, m.manifest().quant_hash));
    assert!(hashes[0].0 != hashes[1].0 && hashes[1].0 != hashes[2].0);
    assert!(hashes[0].1 != hashes[1].1 && hashes[1].1 != hashes[2].1);
    let (slot, _) = held_out().remove(3);
    assert_eq!(public.infer(std::slice::from_ref(&slot)).unwrap(), private[0].infer(&[slot]).unwrap());
}

#[test]
fn files_that_do_not_belong_together_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let ring = KeyRing::in_home(dir.path(), SrsOrigin::Dev);
    assert!(matches!(ring.load(&model, Mode::Direct, &Silent), Err(ApiError::NoKey { .. })));
    let path = dir.path().join("program.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    match Model::load(dir.path()) {
        Err(ApiError::File { path: found, expected, got }) => {
            assert_eq!(found, path);
            assert_ne!(expected, got);
        }
        other => panic!("expected a hash error, got {other:?}"),
    }
}

#[test]
fn input_file_of_reals_is_encoded_as_publishers_do_and_salted_afresh() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let (slot, _) = held_out().remove(0);
    let reals: Vec<f64> = slot.sources[0].values.iter().map(|v| *v as f64 / 1e6).collect();
    let json = serde_json::to_vec(&serde_json::json!({ "input_data": [reals] })).unwrap();
    let [a, b] = [(); 2].map(|()| Input::parse(&model, &json).unwrap());
    assert_eq!(a.slots[0].sources[0].values, slot.sources[0].values);
    assert_ne!(a.slots[0].sources[0].salt, b.slots[0].sources[0].salt);

    let two = serde_json::to_vec(&serde_json::json!({ "input_data": [reals, reals] })).unwrap();
    let error = Input::parse(&model, &two).unwrap_err();
    assert!(
        matches!(error, ApiError::Inference(crate::inference::Error::Input { expected: 1, got: 2, .. })),
        "{error}"
    );
    let (left, right) = reals.split_at(5);
    let parts = serde_json::json!({ "input_shapes": [[5], [11]], "input_data": [left, right], "output_data": [[0.0]] });
    let joined = Input::parse(&model, &serde_json::to_vec(&parts).unwrap()).unwrap();
    assert_eq!(joined.slots[0].sources[0].values, a.slots[0].sources[0].values);

    let short = br#"{"input_data": [[1.0, 2.0]]}"#;
    let error = Input::parse(&model, short).unwrap_err();
    assert!(
        matches!(error, ApiError::Quant(crate::quant::QuantError::CalibrationWidth { expected: 16, got: 2, .. })),
        "{error}"
    );
    assert!(matches!(Input::parse(&model, b"[]"), Err(ApiError::Input { .. })));
}

#[test]
fn manifest_that_names_another_feed_is_not_blessed_by_recompilation() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let path = dir.path().join("manifest.json");
    let hash = format!("0x{}", hex::encode(model.manifest().sources[0].schema_hash));
    let text = std::fs::read_to_string(&path).unwrap().replace(&hash, &format!("0x{}", "11".repeat(32)));
    std::fs::write(&path, text).unwrap();
    let forged = Model::load(dir.path()).unwrap();
    let ring = KeyRing::in_home(dir.path(), SrsOrigin::Dev);
    let error = forged.vk_digest(&ring.store, SrsOrigin::Dev, &Silent).unwrap_err();
    assert!(matches!(error, ApiError::Digest { what: "sources of the model", .. }), "{error}");
}

#[test]
fn the_report_tells_sizes_before_there_is_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 1, None);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("report.json")).unwrap()).unwrap();
    let ring = KeyRing::in_home(dir.path(), SrsOrigin::Dev);
    let prover = DirectProver::new(&model, ring.make(&model, Mode::Direct, &Silent).unwrap());
    let (slot, _) = held_out().remove(0);
    let proof = prover.prove([0; 32], std::slice::from_ref(&slot)).unwrap();
    let direct = &json["costs"][0];
    assert_eq!(direct["proof_bytes"], proof.proof.len());
    let (told, file) =
        (direct["key_bytes"].as_u64().unwrap(), std::fs::metadata(dir.path().join("keys/direct.pk")).unwrap().len());
    assert!((told..told + 1024).contains(&file), "{file} where the report says {told}");
    assert_eq!(json["sample_origin"], "calibration");
    assert_eq!(json["costs"][1]["mode"], "aggregated");
    let errors = json["errors"].as_array().unwrap();
    let relu = errors.iter().find(|e| e["node"] == "relu2").unwrap();
    assert!(relu["op"] == "Relu" && relu["max_error"].as_f64().unwrap() > 0.0, "{relu}");
    assert!(errors.iter().all(|e| e["max_share"].as_f64().unwrap() < 1e-2), "{errors:?}");

    let used: u64 = json["parts"].as_array().unwrap().iter().map(|p| p["rows"].as_u64().unwrap()).sum();
    assert_eq!(used, json["rows"]["usable"].as_u64().unwrap());
    let node = |name: &str| json["parts"].as_array().unwrap().iter().find(|p| p["node"] == name).cloned().unwrap();
    assert_eq!((&node("relu2")["op"], node("relu2")["rows"].as_u64() > Some(100)), (&"Relu".into(), true));

    // What a verifier reads from the words is what the interpreter said.
    let answers = model.infer(std::slice::from_ref(&slot)).unwrap();
    assert_eq!(model.answers(Mode::Direct, &proof.words).unwrap(), answers);
    assert!(model.answers(Mode::Direct, &proof.words[1..]).is_err());
    let named = NamedAnswer::new(model.manifest(), &answers[0]);
    assert_eq!(named.outputs[0].value, answers[0].outputs[0] as f64 / model.manifest().outputs[0].scale as f64);
}

#[test]
fn the_page_and_the_drawing_need_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 2, Some(Fr::from(5)));
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    for text in [
        "<h2>Accuracy</h2>",
        "<h2>Error by layer</h2>",
        "<i style=\"width:100.0%\">",
        "<figure><svg",
        "prefers-color-scheme",
        "This model is private",
        "relu2",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let drawing = model.drawing().unwrap();
    assert!(drawing.contains("relu2 (Relu): rows") && drawing.contains("poseidon: "));
    for text in [&page, &drawing.replace("http://www.w3.org/2000/svg", "")] {
        assert!(!text.contains("http") && !text.contains("<script") && !text.contains("NaN"));
    }
    // The program's own hash would tell which public model a private one is.
    let report = std::fs::read_to_string(dir.path().join("report.json")).unwrap();
    let unsalted = hex::encode(crate::api::manifest::model_hash(None, &model.program().to_bytes()));
    assert!(!report.contains(&unsalted) && report.contains(&hex::encode(model.manifest().quant_hash)));
}

#[test]
fn answers_of_every_slot_are_read_from_the_words() {
    let dir = tempfile::tempdir().unwrap();
    let model = compile(dir.path(), 2, None);
    let slots: Vec<Slot> = held_out().into_iter().step_by(20).take(2).map(|(slot, _)| slot).collect();
    for mode in [Mode::Direct, Mode::Aggregated] {
        let words = model.words(mode, [0; 32], &slots).unwrap();
        assert_eq!(model.answers(mode, &words).unwrap(), model.infer(&slots).unwrap());
    }
}

#[test]
fn a_bare_file_has_a_report_and_a_summary() {
    let dir = tempfile::tempdir().unwrap();
    let onnx = std::fs::read(risk_dir().join("risk.onnx")).unwrap();
    let request = CompileRequest {
        onnx: &onnx,
        spec: None,
        calibration: None,
        options: Options::default(),
        slots: 1,
        salt: None,
    };
    let (_, report) = Model::compile(request, dir.path()).unwrap();
    let summary = report.summary();
    for text in
        ["16 inputs (committed)", "worst error", "drawn samples", "--calibration", "direct      key", "2,368 bytes"]
    {
        assert!(summary.contains(text), "{text} in {summary}");
    }
}
