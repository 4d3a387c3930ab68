//! Commands of the circuits: model, keys, srs, prove, verify, verifier. No chain.

use std::path::Path;

use alloy::primitives::B256;
use dodona_circuits::{
    api::{
        AggregatedProof, AggregatedProver, CompileRequest, DirectProof, DirectProver, Input, KeyRing,
        Mode as CircuitMode, Model, NamedAnswer, SlotAnswer,
    },
    evm::VerifierSource,
    inference::statement,
    keys::{Srs, SrsOrigin},
    model::spec::ModelSpec,
    quant::{Calibration, Options, compile::default_scales},
};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    CliError,
    args::{KeysArgs, ModelCommand, ProveArgs, SrsArgs, SrsCommand, VerifierArgs, VerifyArgs},
    for_machines, print, print_text,
    progress::Bars,
};
use crate::{deploy::VerifierMeta, job::Mode};

/// A proof file. The answers are there to be read; what is proved are the words.
#[derive(Serialize, Deserialize)]
struct ProofDocument {
    #[serde(flatten)]
    proof: ProofFile,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Vec<NamedAnswer>>,
}

/// The proof in a proof file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
enum ProofFile {
    Direct(DirectProof),
    Aggregated(AggregatedProof),
}

pub(super) const fn origin(args: SrsArgs) -> SrsOrigin {
    if args.ceremony { SrsOrigin::Ceremony } else { SrsOrigin::Dev }
}

pub(super) fn ring(home: &Path, args: SrsArgs) -> KeyRing {
    KeyRing::in_home(home, origin(args))
}

const fn circuit_mode(mode: Mode) -> CircuitMode {
    match mode {
        Mode::Direct => CircuitMode::Direct,
        Mode::Aggregated => CircuitMode::Aggregated,
    }
}

pub(super) fn model(home: &Path, command: ModelCommand) -> Result<(), CliError> {
    match command {
        ModelCommand::Compile { onnx, out, spec, calibration, slots, salt, private, json } => {
            let salt = if private { Some(fresh_salt()) } else { salt };
            compile(&onnx, &out, spec.as_deref(), calibration.as_deref(), slots, salt, json)
        }
        ModelCommand::Layout { dir, out } => {
            let model = Model::load(&dir).map_err(CliError::other)?;
            write(&out, model.drawing().map_err(CliError::other)?.as_bytes())?;
            print(&json!({ "file": out }))
        }
        ModelCommand::Report { dir } => {
            let model = Model::load(&dir).map_err(CliError::other)?;
            let report = dir.join("report.json");
            let measured: serde_json::Value =
                if report.exists() { json_file(&report)? } else { serde_json::Value::Null };
            print(&json!({ "manifest": model.manifest(), "report": measured }))
        }
        ModelCommand::Verify { dir, digest, srs } => {
            let model = Model::load(&dir).map_err(CliError::other)?;
            let keys = ring(home, srs);
            let got = model.vk_digest(&keys.store, keys.origin, &Bars::default()).map_err(CliError::other)?;
            if got != digest.0 {
                let got = B256::from(got);
                return Err(CliError::Refused(format!(
                    "digest of the model's key: registered {digest}, recomputed {got}"
                )));
            }
            print(&json!({ "digest": digest, "verified": true }))
        }
    }
}

fn compile(
    onnx: &Path,
    out: &Path,
    spec: Option<&Path>,
    calibration: Option<&Path>,
    slots: usize,
    salt: Option<B256>,
    json: bool,
) -> Result<(), CliError> {
    let bytes = read(onnx)?;
    let spec = spec.map(ModelSpec::load).transpose().map_err(CliError::other)?;
    let calibration = calibration
        .map(|path| {
            let scales = match &spec {
                Some(spec) => spec.resolve().scales(),
                None => default_scales(&bytes).map_err(CliError::other)?,
            };
            let refused = |e| CliError::Usage(format!("{}: {e}", path.display()));
            Calibration::parse(&read(path)?, &scales).map_err(refused)
        })
        .transpose()?;
    let salt = salt.map(|word| statement::from_bytes(&word.0, "--salt")).transpose().map_err(CliError::other)?;
    let request = CompileRequest { onnx: &bytes, spec, calibration, options: Options::default(), slots, salt };
    let (model, report) = Model::compile(request, out).map_err(CliError::other)?;
    if for_machines(json) {
        return print(model.manifest());
    }
    print_text(&format!(
        "{}\n\nwritten to {}; {} has tables and plots.\nNext: dodona keys {0}",
        report.summary(),
        out.display(),
        out.join("report.html").display()
    ));
    Ok(())
}

/// A salt below the field's order: 31 random bytes.
fn fresh_salt() -> B256 {
    let mut salt = B256::ZERO;
    rand::rngs::OsRng.fill_bytes(&mut salt[1..]);
    salt
}

fn named(model: &Model, answers: &[SlotAnswer]) -> Vec<NamedAnswer> {
    answers.iter().map(|answer| NamedAnswer::new(model.manifest(), answer)).collect()
}

pub(super) fn keys(home: &Path, args: &KeysArgs) -> Result<(), CliError> {
    let model = Model::load(&args.dir).map_err(CliError::other)?;
    let (ring, bars) = (ring(home, args.srs), Bars::default());
    let mut made = Vec::new();
    for mode in args.mode.modes() {
        let keys = ring.ensure(&model, circuit_mode(mode), &bars).map_err(CliError::other)?;
        let mut entry = json!({ "mode": mode, "k": keys.srs.k(), "srs": keys.srs.origin().to_string() });
        if mode == Mode::Aggregated {
            let (outer, _) = ring.ensure_aggregation(&model, &keys, &bars).map_err(CliError::other)?;
            let digest = ring.vk_digest(&model, &bars).map_err(CliError::other)?;
            entry["vk_digest"] = json!(B256::from(digest));
            entry["aggregation_k"] = json!(outer.k());
        }
        made.push(entry);
    }
    print(&made)
}

pub(super) fn srs(home: &Path, command: SrsCommand) -> Result<(), CliError> {
    let bars = Bars::default();
    let (srs, file) = match command {
        SrsCommand::Dev { k } => {
            let store = ring(home, SrsArgs { ceremony: false }).store;
            (store.dev(k, &bars).map_err(CliError::other)?, store.path(SrsOrigin::Dev, k))
        }
        SrsCommand::Import { file, k } => {
            let store = ring(home, SrsArgs { ceremony: true }).store;
            let srs = store.import(&file, k, &bars).map_err(CliError::other)?;
            let path = store.path(SrsOrigin::Ceremony, srs.k());
            (srs, path)
        }
        SrsCommand::Info { k, srs } => {
            let store = ring(home, srs).store;
            let path = store.path(origin(srs), k);
            if !path.exists() {
                return Err(CliError::Usage(format!("{} does not exist", path.display())));
            }
            (store.get(origin(srs), k, &bars).map_err(CliError::other)?, path)
        }
    };
    print(&json!({
        "k": srs.k(),
        "origin": srs.origin().to_string(),
        "digest": srs.digest().to_string(),
        "file": file,
    }))
}

pub(super) fn prove(home: &Path, args: &ProveArgs) -> Result<(), CliError> {
    let model = Model::load(&args.dir).map_err(CliError::other)?;
    let Input { context, slots } = Input::parse(&model, &read(&args.input)?)
        .map_err(|error| CliError::Usage(format!("{}: {error}", args.input.display())))?;
    let (ring, bars) = (ring(home, args.srs), Bars::default());
    let answers = model.infer(&slots).map_err(CliError::other)?;
    let mode = Mode::from(args.mode);
    let begun = std::time::Instant::now();
    let file = match mode {
        Mode::Direct => {
            let prover = DirectProver::load(&model, &ring, &bars).map_err(CliError::other)?;
            let proof = prover.prove(context, &slots).map_err(CliError::other)?;
            prover.verify(&proof).map_err(CliError::other)?;
            ProofFile::Direct(proof)
        }
        Mode::Aggregated => {
            let prover = AggregatedProver::load(&model, &ring, &bars).map_err(CliError::other)?;
            let proof = prover.prove(context, &slots, &bars).map_err(CliError::other)?;
            prover.verify(&proof).map_err(CliError::other)?;
            ProofFile::Aggregated(proof)
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut named = named(&model, &answers);
    if model.manifest().outputs_committed {
        let openings = model.openings(context, &slots).map_err(CliError::other)?;
        named = named.into_iter().zip(openings).map(|(answer, salt)| answer.opened_by(salt)).collect();
    }
    let file = ProofDocument { proof: file, answers: Some(named.clone()) };
    let text = serde_json::to_string(&file).map_err(CliError::other)?;
    write(&args.out, text.as_bytes())?;
    print(&json!({ "mode": mode, "answers": answers, "results": named, "seconds": seconds, "file": args.out }))
}

pub(super) fn verify(home: &Path, args: &VerifyArgs) -> Result<(), CliError> {
    let model = Model::load(&args.dir).map_err(CliError::other)?;
    let (ring, bars) = (ring(home, args.srs), Bars::default());
    let refused = |e: dodona_circuits::api::ApiError| CliError::Refused(format!("{}: {e}", args.proof.display()));
    let document: ProofDocument = json_file(&args.proof)?;
    let (mode, words) = match document.proof {
        ProofFile::Direct(proof) => {
            let prover = DirectProver::load(&model, &ring, &bars).map_err(CliError::other)?;
            prover.verify(&proof).map_err(refused)?;
            (Mode::Direct, proof.words)
        }
        ProofFile::Aggregated(proof) => {
            let prover = AggregatedProver::load(&model, &ring, &bars).map_err(CliError::other)?;
            prover.verify(&proof).map_err(refused)?;
            (Mode::Aggregated, proof.words)
        }
    };
    let proved = if model.manifest().outputs_committed {
        opened(&model, circuit_mode(mode), &words, document.answers.as_deref(), &args.proof)?
    } else {
        // Read from the words, which the proof binds, not from the file's own answers.
        named(&model, &model.answers(circuit_mode(mode), &words).map_err(CliError::other)?)
    };
    let agree = |told: &[NamedAnswer]| told.len() == proved.len() && told.iter().zip(&proved).all(|(a, b)| a.agrees(b));
    if document.answers.is_some_and(|told| !agree(&told)) {
        let file = args.proof.display();
        return Err(CliError::Refused(format!(
            "{file}: the answers in the file are not those that the proof's words show"
        )));
    }
    if for_machines(args.json) {
        return print(&json!({ "mode": mode, "verified": true, "results": proved }));
    }
    print_text(&verdict(mode, &proved));
    Ok(())
}

/// Answers that a commitment hides: the file's, once they are shown to be the committed ones.
fn opened(
    model: &Model,
    mode: CircuitMode,
    words: &[[u8; 32]],
    told: Option<&[NamedAnswer]>,
    file: &Path,
) -> Result<Vec<NamedAnswer>, CliError> {
    let answers: Option<Vec<_>> = told.map(|told| told.iter().map(NamedAnswer::opened).collect()).unwrap_or_default();
    let Some(answers) = answers else {
        let file = file.display();
        return Err(CliError::Refused(format!(
            "{file}: the proof shows a commitment to the outputs; expected the answers with their openings beside it"
        )));
    };
    let refused = |e: dodona_circuits::api::ApiError| CliError::Refused(format!("{}: {e}", file.display()));
    model.check_openings(mode, words, &answers).map_err(refused)?;
    let (plain, salts): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    Ok(named(model, &plain).into_iter().zip(salts).map(|(answer, salt)| answer.opened_by(salt)).collect())
}

fn verdict(mode: Mode, proved: &[NamedAnswer]) -> String {
    let answers: Vec<String> = match proved {
        [one] => vec![one.text()],
        several => several.iter().enumerate().map(|(i, a)| format!("inference {i}\n{}", a.text())).collect(),
    };
    format!("verified ({} mode)\n{}", mode.name(), answers.join("\n"))
}

pub(super) fn verifier(home: &Path, args: &VerifierArgs) -> Result<(), CliError> {
    let model = Model::load(&args.dir).map_err(CliError::other)?;
    let (ring, bars) = (ring(home, args.srs), Bars::default());
    let mut made = Vec::new();
    for mode in args.mode.modes() {
        let source = match mode {
            Mode::Direct => ring.direct_verifier(&model, &bars),
            Mode::Aggregated => ring.aggregated_verifier(&model, &bars),
        };
        made.push(write_verifier(&args.out, mode, &source.map_err(CliError::other)?)?);
    }
    print(&made)
}

/// Writes `<mode>.sol` and `<mode>.json`.
pub(super) fn write_verifier(out: &Path, mode: Mode, source: &VerifierSource) -> Result<VerifierMeta, CliError> {
    let meta = VerifierMeta {
        mode: mode.name().to_owned(),
        contract: source.contract.to_owned(),
        words: source.words,
        proof_length: source.proof_length,
        shape: source.shape.clone(),
        srs_digest: B256::from(source.srs_digest.0),
        dev_srs: source.dev_srs,
    };
    write(&out.join(format!("{}.sol", mode.name())), source.source.as_bytes())?;
    meta.save(&out.join(format!("{}.json", mode.name())))?;
    Ok(meta)
}

/// Digest of the INSECURE development string: the same for every size, so a tiny one tells it.
pub(super) fn dev_digest() -> Result<B256, CliError> {
    let srs = Srs::dev(4, &dodona_circuits::keys::Silent).map_err(CliError::other)?;
    Ok(B256::from(srs.digest().0))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| CliError::Usage(format!("cannot read {}: {e}", path.display())))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |e: std::io::Error| CliError::Other(format!("cannot write {}: {e}", path.display()));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}

fn json_file<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    serde_json::from_slice(&read(path)?).map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))
}
