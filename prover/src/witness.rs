//! What a circuit fills in.

use halo2_proofs::circuit::Value;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::plonk::{
    self, Advice, Any, Assigned, Assignment, Challenge, Circuit, Column, ConstraintSystem, Fixed, FloorPlanner,
    Instance, ProvingKey, Selector,
};

use crate::error::Error;

/// The values of a circuit's advice columns, phase by phase.
pub trait Witness {
    /// The columns of `phase` by index, each with its values from the first row on (those missing are 0, blinding rows are filled by the prover). Asked once a phase, in order.
    ///
    /// `challenges` are those of the phases before, by their index; those to come are 0.
    fn columns(&mut self, phase: u8, challenges: &[Fr]) -> Vec<(usize, Vec<Fr>)>;
}

/// The columns that a circuit of one phase assigns cell by cell.
#[derive(Debug)]
pub struct Synthesised {
    columns: Vec<Vec<Fr>>,
}

impl Synthesised {
    /// Runs the circuit's synthesis for a key. Cells that it reads back from its regions are unknown to it, so it must not compute with them.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for circuits of several phases; [`Error::Synthesis`] for cells outside the usable rows, values that are unknown, and what the circuit refuses itself.
    pub fn of<C: Circuit<Fr>>(key: &ProvingKey<G1Affine>, circuit: &C, instances: &[&[Fr]]) -> Result<Self, Error> {
        let cs = key.get_vk().cs();
        let phases = cs.advice_column_phase().iter().max().map_or(1, |phase| usize::from(*phase) + 1);
        if phases > 1 {
            return Err(Error::Unsupported { what: "phases of a circuit that is synthesised", count: phases });
        }
        let k = key.get_vk().get_domain().k();
        let usable = (1_usize << k) - cs.blinding_factors() - 1;
        let config = C::configure_with_params(&mut ConstraintSystem::default(), circuit.params());
        let mut cells = Cells { columns: vec![Vec::new(); cs.num_advice_columns()], instances, usable, k, wrong: None };
        C::FloorPlanner::synthesize(&mut cells, circuit, config, cs.constants().clone())
            .map_err(|error| Error::Synthesis(error.to_string()))?;
        match cells.wrong {
            Some(wrong) => Err(Error::Synthesis(wrong)),
            None => Ok(Self { columns: cells.columns }),
        }
    }
}

impl Witness for Synthesised {
    fn columns(&mut self, _phase: u8, _challenges: &[Fr]) -> Vec<(usize, Vec<Fr>)> {
        std::mem::take(&mut self.columns).into_iter().enumerate().collect()
    }
}

/// Takes what synthesis assigns.
struct Cells<'a> {
    columns: Vec<Vec<Fr>>,
    instances: &'a [&'a [Fr]],
    usable: usize,
    k: u32,
    wrong: Option<String>,
}

impl Assignment<Fr> for Cells<'_> {
    fn assign_advice<'v>(
        &mut self,
        column: Column<Advice>,
        row: usize,
        to: Value<Assigned<Fr>>,
    ) -> Value<&'v Assigned<Fr>> {
        let mut value = None;
        to.map(|to| value = Some(to.evaluate()));
        match (value, self.columns.get_mut(column.index())) {
            (Some(value), Some(cells)) if row < self.usable => {
                if cells.len() <= row {
                    cells.resize(row + 1, Fr::zero());
                }
                cells[row] = value;
            }
            (value, _) => {
                let (usable, known) = (self.usable, if value.is_some() { "known" } else { "unknown" });
                let wrong =
                    || format!("advice column {}, row {row} of {usable}: a value that is {known}", column.index());
                self.wrong.get_or_insert_with(wrong);
            }
        }
        Value::unknown()
    }

    fn query_instance(&self, column: Column<Instance>, row: usize) -> Result<Value<Fr>, plonk::Error> {
        if row >= self.usable {
            return Err(plonk::Error::NotEnoughRowsAvailable { current_k: self.k });
        }
        let value = self.instances.get(column.index()).ok_or(plonk::Error::BoundsFailure)?.get(row);
        value.map(|value| Value::known(*value)).ok_or(plonk::Error::BoundsFailure)
    }

    fn get_challenge(&self, _: Challenge) -> Value<Fr> {
        Value::unknown()
    }

    // What follows is the key's, not the witness's.

    fn enter_region<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _: N) {}

    fn annotate_column<A: FnOnce() -> AR, AR: Into<String>>(&mut self, _: A, _: Column<Any>) {}

    fn exit_region(&mut self) {}

    fn enable_selector<A, AR>(&mut self, _: A, _: &Selector, _: usize) -> Result<(), plonk::Error>
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        Ok(())
    }

    fn assign_fixed(&mut self, _: Column<Fixed>, _: usize, _: Assigned<Fr>) {}

    fn copy(&mut self, _: Column<Any>, _: usize, _: Column<Any>, _: usize) {}

    fn fill_from_row(&mut self, _: Column<Fixed>, _: usize, _: Value<Assigned<Fr>>) -> Result<(), plonk::Error> {
        Ok(())
    }

    fn push_namespace<NR: Into<String>, N: FnOnce() -> NR>(&mut self, _: N) {}

    fn pop_namespace(&mut self, _: Option<String>) {}
}
