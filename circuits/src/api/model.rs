//! A compiled model: compile, load, infer, recompute.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::bn256::G1Affine;
use halo2_proofs::halo2curves::ff::Field;
use halo2_proofs::plonk::VerifyingKey;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, io};
use super::keys::Keys;
use super::manifest::{FORMAT, Manifest, SizeEntry, SourceEntry, model_hash};
use super::predict::{Counts, Machine};
use super::report::ModelReport;
use super::{drawing, page};
use crate::evm::Mode;
use crate::inference::layout::{self, SlotInput, Task};
use crate::inference::size::{checked_block, checked_matmul};
use crate::inference::{InferenceCircuit, Layout, Shape, prover, statement};
use crate::keys::{Progress, SrsOrigin, SrsStore};
use crate::model::spec::ModelSpec;
use crate::quant::program::{Program, Step};
use crate::quant::{self, Calibration, Options, Origin, Report};

/// Everything but ONNX bytes and salt that compilation depends on.
const PARAMETERS: &str = "parameters.json";
/// Largest number of slots that is tried.
const MAX_SLOTS: usize = 64;

/// One source of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInput {
    /// Raw values in the schema's units, each in `[-2^39, 2^39)`.
    pub values: Vec<i64>,
    /// Salt of the commitment, big-endian, below the field's order; ignored for a public source.
    pub salt: [u8; 32],
}

/// One inference's sources, in the model's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The sources.
    pub sources: Vec<SourceInput>,
}

/// One inference's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotAnswer {
    /// Outputs in the units of [`Manifest::outputs`].
    pub outputs: Vec<i64>,
    /// No input was clamped to the declared domain.
    pub in_domain: bool,
    /// Nothing saturated inside.
    pub unsaturated: bool,
}

/// What to compile.
#[derive(Clone, Debug)]
pub struct CompileRequest<'a> {
    /// The ONNX file's bytes.
    pub onnx: &'a [u8],
    /// Sources and outputs; `None` for a bare ONNX file.
    pub spec: Option<ModelSpec>,
    /// Typical inputs.
    pub calibration: Option<Calibration>,
    /// Options of quantisation.
    pub options: Options,
    /// Inferences in one proof.
    pub slots: usize,
    /// Makes the model private.
    pub salt: Option<Fr>,
}

/// All that compilation depends on beside ONNX bytes and salt: `parameters.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    spec: Option<ModelSpec>,
    calibration: Option<Calibration>,
    options: Options,
    slots: usize,
}

impl Parameters {
    fn compile(&self, onnx: &[u8]) -> Result<quant::Compiled, ApiError> {
        Ok(quant::compile(onnx, self.spec.as_ref(), self.calibration.as_ref(), &self.options)?)
    }
}

/// A compiled model in its folder.
#[derive(Clone, Debug)]
pub struct Model {
    dir: PathBuf,
    manifest: Manifest,
    program: Arc<Program>,
    salt: Option<Fr>,
}

impl Model {
    /// Compiles an ONNX file into `dir`, with a report of its accuracy and of what keys and proofs will cost.
    ///
    /// # Errors
    /// Whatever the importer, the quantiser or the circuit refuse; files that cannot be written.
    pub fn compile(request: CompileRequest<'_>, dir: &Path) -> Result<(Self, ModelReport), ApiError> {
        // Compile from what the file will say, not from what was given: a float may change in its last bit on the way.
        let text = to_json(
            &dir.join(PARAMETERS),
            &Parameters {
                spec: request.spec,
                calibration: request.calibration,
                options: request.options,
                slots: request.slots,
            },
        )?;
        let parameters: Parameters = from_json(&dir.join(PARAMETERS), &text)?;
        let compiled = parameters.compile(request.onnx)?;
        if request.slots == 0 || request.slots > MAX_SLOTS {
            return Err(ApiError::Slots { max: MAX_SLOTS, got: request.slots });
        }
        let sources = compiled.spec.sources.iter().map(SourceEntry::new).collect::<Result<Vec<_>, _>>()?;
        let program = Arc::new(compiled.program.clone());
        let task = |shape, commit_outputs| Task {
            program: Arc::clone(&program),
            sources: sources.iter().map(SourceEntry::circuit_kind).collect(),
            slots: request.slots,
            commit_outputs,
            shape,
            salt: request.salt.unwrap_or(Fr::ZERO),
        };
        let commit_outputs = task(Shape::NARROW, false).words_used() > Shape::NARROW.words
            && program.outputs.len() > statement::OUTPUTS_PER_WORD * statement::COMMITTED_OUTPUT_WORDS;
        let task = |shape| task(shape, commit_outputs);
        let used = task(Shape::NARROW).words_used();
        let wide = wants_wide(&task)?;
        let direct = task(Shape::direct(used, wide));
        let layout = Layout::new(&direct, Fr::ZERO, &direct.zero_inputs(), None)?;
        let manifest = Manifest {
            format: FORMAT,
            name: compiled.spec.name.clone(),
            private: request.salt.is_some(),
            onnx_hash: model_hash(request.salt, request.onnx),
            quant_hash: model_hash(request.salt, &program.to_bytes()),
            slots: request.slots,
            outputs_committed: commit_outputs,
            outputs: compiled.spec.outputs.clone(),
            direct: entry(&direct, &layout),
            aggregated: if used <= Shape::NARROW.words { Some(size(&task(Shape::universal(wide)))?) } else { None },
            sources,
        };
        let measured = Report::of(&compiled, request.onnx, parameters.calibration.as_ref())?;
        let machine = Machine::measured();
        let cost = |mode, size: &SizeEntry| Counts::of_inference(size.k, size.circuit_shape()).cost(mode, machine);
        let mut costs = vec![cost(Mode::Direct, &manifest.direct)];
        costs.extend(manifest.aggregated.as_ref().map(|size| cost(Mode::Aggregated, size)));
        let report = ModelReport::new(measured, &compiled, &manifest, &layout, costs, machine);
        fs::create_dir_all(dir).map_err(io(dir))?;
        write(&dir.join("model.onnx"), request.onnx)?;
        write(&dir.join(PARAMETERS), &text)?;
        write(&dir.join("program.bin"), &program.to_bytes())?;
        if let Some(salt) = request.salt {
            write_secret(&dir.join("salt.hex"), hex::encode(statement::to_bytes(salt)).as_bytes())?;
        }
        write_json(&dir.join("report.json"), &report)?;
        write(&dir.join("report.html"), page::page(&report).as_bytes())?;
        write_json(&dir.join("manifest.json"), &manifest)?;
        Ok((Self { dir: dir.to_owned(), manifest, program, salt: request.salt }, report))
    }

    /// Loads a compiled model and checks that its files belong together.
    ///
    /// # Errors
    /// Missing or malformed files, another format, hashes that do not match.
    pub fn load(dir: &Path) -> Result<Self, ApiError> {
        let manifest: Manifest = read_json(&dir.join("manifest.json"))?;
        if manifest.format != FORMAT {
            let (expected, got) = (format!("format {FORMAT}"), format!("format {}", manifest.format));
            return Err(ApiError::File { path: dir.join("manifest.json"), expected, got });
        }
        let salt = if manifest.private { Some(read_salt(&dir.join("salt.hex"))?) } else { None };
        for (file, expected) in [("model.onnx", manifest.onnx_hash), ("program.bin", manifest.quant_hash)] {
            let path = dir.join(file);
            let got = model_hash(salt, &read(&path)?);
            if got != expected {
                let show = |hash: [u8; 32]| format!("hash 0x{}", hex::encode(hash));
                return Err(ApiError::File { path, expected: show(expected), got: show(got) });
            }
        }
        let program = Arc::new(Program::from_bytes(&read(&dir.join("program.bin"))?)?);
        let model = Self { dir: dir.to_owned(), manifest, program, salt };
        model.task(Mode::Direct)?.check()?;
        Ok(model)
    }

    /// The model's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Hashes, sources, outputs, sizes.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The integer program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The specification that the model was compiled with.
    ///
    /// # Errors
    /// A missing or malformed `parameters.json`.
    pub fn spec(&self) -> Result<Option<ModelSpec>, ApiError> {
        Ok(read_json::<Parameters>(&self.dir.join(PARAMETERS))?.spec)
    }

    /// The ONNX file's bytes.
    ///
    /// # Errors
    /// A missing `model.onnx`.
    pub fn onnx(&self) -> Result<Vec<u8>, ApiError> {
        read(&self.dir.join("model.onnx"))
    }

    /// Which node of the graph each step of the program belongs to: the ONNX file compiled again.
    ///
    /// # Errors
    /// Missing or malformed files, or whatever compilation refuses.
    pub fn origins(&self) -> Result<Vec<Origin>, ApiError> {
        let parameters: Parameters = read_json(&self.dir.join(PARAMETERS))?;
        Ok(parameters.compile(&read(&self.dir.join("model.onnx"))?)?.origins)
    }

    /// The circuit of direct mode as a picture (SVG).
    ///
    /// # Errors
    /// As [`Self::origins`].
    pub fn drawing(&self) -> Result<String, ApiError> {
        Ok(drawing::svg(self.key_circuit(Mode::Direct)?.layout(), &self.origins()?))
    }

    /// What opens the commitments to each slot's outputs in a proof of `context` and `slots` (see [`Manifest::outputs_committed`]).
    ///
    /// # Errors
    /// A context or salt that is no field element.
    pub fn openings(&self, context: [u8; 32], slots: &[Slot]) -> Result<Vec<[u8; 32]>, ApiError> {
        let context = statement::from_bytes(&context, "context")?;
        let opening = |(number, slot): (usize, SlotInput)| {
            let salts = slot.iter().map(|source| source.salt);
            statement::to_bytes(statement::output_salt(salts, context, number))
        };
        Ok(inputs(slots)?.into_iter().enumerate().map(opening).collect())
    }

    /// Checks answers against the commitments that the instance words of a proof show.
    ///
    /// # Errors
    /// Another number of words or answers, an answer that is not the committed one.
    pub fn check_openings(
        &self,
        mode: Mode,
        words: &[[u8; 32]],
        answers: &[(SlotAnswer, [u8; 32])],
    ) -> Result<(), ApiError> {
        // The flags are in the open.
        let shown = self.answers(mode, words)?;
        let (expected, got) = (shown.len(), answers.len());
        if expected != got {
            return Err(crate::inference::Error::Input { what: "answers".into(), expected, got }.into());
        }
        for (range, (answer, salt)) in self.task(mode)?.output_words().zip(answers) {
            let salt = statement::from_bytes(salt, "opening of the outputs")?;
            let found = statement::commit_outputs(&answer.outputs, answer.in_domain, answer.unsaturated, salt);
            let found = found.map(statement::to_bytes);
            let shown = words.get(range).unwrap_or_default();
            if shown != found {
                let show = |words: &[[u8; 32]]| format!("0x{}", words.last().map(hex::encode).unwrap_or_default());
                let (expected, got) = (show(shown), show(&found));
                return Err(ApiError::Digest { what: "commitment to the outputs", expected, got });
            }
        }
        Ok(())
    }

    /// The answers that the instance words of a proof show; of committed outputs ([`Manifest::outputs_committed`]) the flags alone.
    ///
    /// # Errors
    /// Another number of words than the mode's.
    pub fn answers(&self, mode: Mode, words: &[[u8; 32]]) -> Result<Vec<SlotAnswer>, ApiError> {
        let (expected, got) = (self.size(mode)?.words, words.len());
        if expected != got {
            let what = "instance words of the proof".into();
            return Err(crate::inference::Error::Input { what, expected, got }.into());
        }
        let task = self.task(mode)?;
        let answer = |words: Vec<[u8; 32]>| {
            let count = if self.manifest.outputs_committed { 0 } else { self.program.outputs.len() };
            let (outputs, in_domain, unsaturated) = statement::unpack_outputs(&words, count);
            SlotAnswer { outputs, in_domain, unsaturated }
        };
        Ok(task.output_words().map(|range| answer(words.get(range).unwrap_or_default().to_vec())).collect())
    }

    /// Runs the interpreter.
    ///
    /// # Errors
    /// Inputs of another shape, or outside the encoding.
    pub fn infer(&self, slots: &[Slot]) -> Result<Vec<SlotAnswer>, ApiError> {
        let answer = |slot: &Slot| {
            let raw: Vec<i64> = slot.sources.iter().flat_map(|source| source.values.iter().copied()).collect();
            let run = self.program.evaluate(&raw)?;
            Ok(SlotAnswer { outputs: run.outputs, in_domain: run.in_domain, unsaturated: run.unsaturated })
        };
        slots.iter().map(answer).collect()
    }

    /// The instance words that a proof for `slots` shows, big-endian.
    ///
    /// # Errors
    /// As [`Self::infer`]; a context or salt that is no field element.
    pub fn words(&self, mode: Mode, context: [u8; 32], slots: &[Slot]) -> Result<Vec<[u8; 32]>, ApiError> {
        let words = layout::words(&self.task(mode)?, statement::from_bytes(&context, "context")?, &inputs(slots)?)?;
        Ok(words.into_iter().map(statement::to_bytes).collect())
    }

    /// Sizes of one mode's circuit.
    ///
    /// # Errors
    /// Aggregated mode of a model that does not fit the universal shape.
    pub fn size(&self, mode: Mode) -> Result<&SizeEntry, ApiError> {
        match (mode, &self.manifest.aggregated) {
            (Mode::Direct, _) => Ok(&self.manifest.direct),
            (Mode::Aggregated, Some(size)) => Ok(size),
            (Mode::Aggregated, None) => Err(ApiError::Inference(crate::inference::Error::TooManyWords {
                needed: self.manifest.direct.words,
                available: Shape::NARROW.words,
                slots: self.manifest.slots,
            })),
        }
    }

    /// What one mode's key is made of.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub fn task(&self, mode: Mode) -> Result<Task, ApiError> {
        Ok(Task {
            program: Arc::clone(&self.program),
            sources: self.manifest.sources.iter().map(SourceEntry::circuit_kind).collect(),
            slots: self.manifest.slots,
            commit_outputs: self.manifest.outputs_committed,
            shape: self.size(mode)?.circuit_shape(),
            salt: self.salt.unwrap_or(Fr::ZERO),
        })
    }

    /// Identity of one mode's key.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub fn task_hash(&self, mode: Mode) -> Result<[u8; 32], ApiError> {
        Ok(self.manifest.task_hash(self.salt.unwrap_or(Fr::ZERO), self.size(mode)?))
    }

    /// One mode's circuit for keygen.
    ///
    /// # Errors
    /// As [`Self::size`], or what the layout refuses.
    pub fn key_circuit(&self, mode: Mode) -> Result<InferenceCircuit, ApiError> {
        let task = self.task(mode)?;
        let layout = Layout::new(&task, Fr::ZERO, &task.zero_inputs(), Some(self.size(mode)?.k))?;
        Ok(InferenceCircuit::new(layout))
    }

    /// One mode's circuit with its witness.
    ///
    /// # Errors
    /// As [`Self::words`].
    pub fn circuit(&self, mode: Mode, context: [u8; 32], slots: &[Slot]) -> Result<InferenceCircuit, ApiError> {
        let context = statement::from_bytes(&context, "context")?;
        let layout = Layout::new(&self.task(mode)?, context, &inputs(slots)?, Some(self.size(mode)?.k))?;
        Ok(InferenceCircuit::new(layout))
    }

    /// Compiles the folder's ONNX file again from parameters and salt, and makes the aggregated mode's verifying key from the result.
    ///
    /// # Errors
    /// A recompiled program that differs from the stored one, or whatever compilation refuses.
    pub fn recompute(
        &self,
        store: &SrsStore,
        origin: SrsOrigin,
        progress: &dyn Progress,
    ) -> Result<VerifyingKey<G1Affine>, ApiError> {
        let parameters: Parameters = read_json(&self.dir.join(PARAMETERS))?;
        let onnx = self.onnx()?;
        let compiled = parameters.compile(&onnx)?;
        let got = model_hash(self.salt, &compiled.program.to_bytes());
        if got != self.manifest.quant_hash {
            let show = |hash: [u8; 32]| format!("0x{}", hex::encode(hash));
            let (expected, got) = (show(self.manifest.quant_hash), show(got));
            return Err(ApiError::Digest { what: "hash of the quantised model", expected, got });
        }
        let sources = compiled.spec.sources.iter().map(SourceEntry::new).collect::<Result<Vec<_>, _>>()?;
        if (&sources, parameters.slots) != (&self.manifest.sources, self.manifest.slots) {
            let show = |sources: &[SourceEntry], slots: usize| {
                let sources: Vec<String> = sources.iter().map(SourceEntry::summary).collect();
                format!("{} in {slots} slots", sources.join(", "))
            };
            let (expected, got) = (show(&self.manifest.sources, self.manifest.slots), show(&sources, parameters.slots));
            return Err(ApiError::Digest { what: "sources of the model", expected, got });
        }
        let circuit = self.key_circuit(Mode::Aggregated)?;
        let srs = store.get(origin, circuit.layout().k, progress)?;
        Ok(prover::verifying_key(srs.params(), &circuit)?)
    }

    /// Recomputes the digest that the registry holds for this model, from ONNX file, parameters and salt.
    ///
    /// # Errors
    /// As [`Self::recompute`].
    pub fn vk_digest(
        &self,
        store: &SrsStore,
        origin: SrsOrigin,
        progress: &dyn Progress,
    ) -> Result<[u8; 32], ApiError> {
        let vk = self.recompute(store, origin, progress)?;
        let size = self.size(Mode::Aggregated)?;
        let srs = store.get(origin, size.k, progress)?;
        Keys::digest(&srs, &vk, size.words)
    }
}

fn size(task: &Task) -> Result<SizeEntry, ApiError> {
    Ok(entry(task, &Layout::new(task, Fr::ZERO, &task.zero_inputs(), None)?))
}

fn entry(task: &Task, layout: &Layout) -> SizeEntry {
    let Shape { words, wide } = task.shape;
    SizeEntry { shape: task.shape.id(), k: layout.k, words, wide }
}

/// The wide shape costs an eighth more a row, so it is taken where it halves the rows.
fn wants_wide(task: &impl Fn(Shape) -> Task) -> Result<bool, ApiError> {
    let used = task(Shape::NARROW).words_used();
    if !task(Shape::NARROW).program.steps.iter().any(checkable) {
        return Ok(false);
    }
    let k = |wide| Ok::<u32, ApiError>(size(&task(Shape::direct(used, wide)))?.k);
    Ok(k(true)? < k(false)?)
}

fn checkable(step: &Step) -> bool {
    match step {
        Step::Block(block) => checked_block(block),
        Step::MatMul(product) => checked_matmul(product),
        _ => false,
    }
}

/// The salted commitment to one source's values, as publishers sign it (docs/protocol.md).
///
/// # Errors
/// A value outside `[-2^39, 2^39)`, or a salt that is not below the field's order.
pub fn commitment(schema_hash: [u8; 32], values: &[i64], salt: [u8; 32]) -> Result<[u8; 32], ApiError> {
    let salt = statement::from_bytes(&salt, "salt")?;
    Ok(statement::to_bytes(statement::commitment(statement::schema_field(&schema_hash), values, salt)?))
}

fn inputs(slots: &[Slot]) -> Result<Vec<SlotInput>, ApiError> {
    let source = |source: &SourceInput| {
        let salt = statement::from_bytes(&source.salt, "salt")?;
        Ok(layout::SourceInput { values: source.values.clone(), salt })
    };
    slots.iter().map(|slot| slot.sources.iter().map(source).collect()).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, ApiError> {
    fs::read(path).map_err(io(path))
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ApiError> {
    from_json(path, &read(path)?)
}

fn from_json<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::File {
        path: path.to_owned(),
        expected: "the JSON that `dodona model compile` writes".into(),
        got: error.to_string(),
    })
}

fn read_salt(path: &Path) -> Result<Fr, ApiError> {
    let text = String::from_utf8_lossy(&read(path)?).trim().to_owned();
    let bytes: Option<[u8; 32]> = hex::decode(&text).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| ApiError::File {
        path: path.to_owned(),
        expected: "64 hexadecimal digits".into(),
        got: format!("{} characters", text.len()),
    })?;
    Ok(statement::from_bytes(&bytes, "salt of the model")?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ApiError> {
    fs::write(path, bytes).map_err(io(path))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ApiError> {
    write(path, &to_json(path, value)?)
}

fn to_json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| ApiError::File {
        path: path.to_owned(),
        expected: "a value that JSON can hold".into(),
        got: error.to_string(),
    })?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), ApiError> {
    write(path, bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io(path))?;
    }
    Ok(())
}
