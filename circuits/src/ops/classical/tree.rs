//! Shared by the tree ensembles: nodes as attributes list them become trees.

use std::collections::BTreeMap;

use crate::model::Attribute;
use crate::quant::QuantError;
use crate::quant::builder::Builder;
use crate::quant::forest::{Branch, Compare, MAX_DEPTH, Test};
use crate::quant::form::Form;

use crate::ops::Call;

use super::attributes::{ints, reals, texts};

/// How trees' values make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

/// An ensemble as the file gives it.
pub(super) struct Ensemble {
    pub trees: Vec<Branch>,
    /// Whether features are compared in `f32`.
    pub single: bool,
    /// Whether no leaf's weight is negative, and the targets that leaves name.
    pub positive: bool,
    pub targets: Vec<usize>,
}

/// A node before trees are put together.
pub(super) enum Flat {
    Leaf(Vec<(usize, f64)>),
    Test { feature: usize, compare: Compare, threshold: f64, yes: usize, no: usize },
}

impl Ensemble {
    /// From the attributes of operators before version 5; leaves' weights are in `{prefix}_treeids` and so on.
    pub(super) fn of(call: &Call<'_>, prefix: &str, targets: usize) -> Result<Self, QuantError> {
        let trees = ints(call, "nodes_treeids")?;
        let ids = ints(call, "nodes_nodeids")?;
        let features = ints(call, "nodes_featureids")?;
        let modes = texts(call, "nodes_modes")?;
        let (values, double) = single_or_double(call, "nodes_values")?;
        let (yes, no) = (ints(call, "nodes_truenodeids")?, ints(call, "nodes_falsenodeids")?);
        let n = trees.len();
        if n == 0 || [ids.len(), features.len(), modes.len(), values.len(), yes.len(), no.len()].iter().any(|&l| l != n)
        {
            return Err(call.refuse("the lists `nodes_…` are empty or of different lengths"));
        }
        let index: BTreeMap<(i64, i64), usize> = (0..n).map(|i| ((trees[i], ids[i]), i)).collect();
        if index.len() != n {
            return Err(call.refuse("a node is listed twice"));
        }
        let mut weights = leaf_weights(call, prefix, targets, &index)?;
        let mut nodes = Vec::with_capacity(n);
        let mut roots: Vec<usize> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..n {
            if seen.insert(trees[i]) {
                roots.push(i);
            }
            let own = weights.remove(&i).unwrap_or_default();
            let Some(compare) = compare(call, &modes[i])? else {
                nodes.push(Flat::Leaf(own));
                continue;
            };
            let child = |id: i64| {
                let found = index.get(&(trees[i], id)).copied();
                found.ok_or_else(|| call.refuse(format!("node {} of tree {} has no child {id}", ids[i], trees[i])))
            };
            let feature = usize::try_from(features[i]);
            let feature = feature.map_err(|_| call.refuse(format!("feature {}", features[i])))?;
            nodes.push(Flat::Test { feature, compare, threshold: values[i], yes: child(yes[i])?, no: child(no[i])? });
        }
        Self::grown(call, nodes, &roots, !double)
    }

    /// Puts trees together.
    pub(super) fn grown(call: &Call<'_>, nodes: Vec<Flat>, roots: &[usize], single: bool) -> Result<Self, QuantError> {
        let mut positive = true;
        let mut targets = std::collections::BTreeSet::new();
        for node in &nodes {
            if let Flat::Leaf(weights) = node {
                positive &= weights.iter().all(|w| w.1 >= 0.0);
                targets.extend(weights.iter().map(|w| w.0));
            }
        }
        let mut seen = vec![false; nodes.len()];
        let trees = roots.iter().map(|&root| branch(call, &nodes, root, 0, &mut seen)).collect::<Result<_, _>>()?;
        Ok(Self { trees, single, positive, targets: targets.into_iter().collect() })
    }

    /// Refuses trees that read features beyond the input's.
    pub(super) fn check_features(&self, call: &Call<'_>, width: usize) -> Result<(), QuantError> {
        let last = self.trees.iter().filter_map(Branch::last_feature).max();
        match last.filter(|&l| l >= width) {
            Some(last) => Err(call.refuse(format!("a tree reads feature {last}, the input has {width}"))),
            None => Ok(()),
        }
    }

    /// One row's value for each target, base values added. Targets that no leaf names are constants.
    pub(super) fn lower(
        &self,
        builder: &mut Builder<'_>,
        features: &[Form],
        targets: usize,
        aggregate: Aggregate,
        base: &[f64],
    ) -> Result<Vec<Form>, QuantError> {
        let values = builder.forest(features, &self.trees, self.single)?;
        let mut by_target: Vec<Vec<Form>> = vec![Vec::new(); targets];
        for (target, form) in values.into_iter().flatten() {
            if let Some(list) = by_target.get_mut(target) {
                list.push(form);
            }
        }
        let mut results = Vec::with_capacity(targets);
        for (target, mut list) in by_target.into_iter().enumerate() {
            let joined = match aggregate {
                Aggregate::Sum | Aggregate::Average => {
                    let share = if aggregate == Aggregate::Sum { 1.0 } else { 1.0 / self.trees.len() as f64 };
                    sum(list).scaled(share)
                }
                Aggregate::Min | Aggregate::Max => {
                    while list.len() > 1 {
                        let half = list.len() / 2;
                        let (a, b) = (list[..half].to_vec(), list[half..2 * half].to_vec());
                        let paired = if aggregate == Aggregate::Min {
                            builder.minimum(&a, &b)?
                        } else {
                            builder.maximum(&a, &b)?
                        };
                        list = [builder.compact(&paired)?, list[2 * half..].to_vec()].concat();
                    }
                    list.pop().unwrap_or_default()
                }
            };
            results.push(joined.shifted(base.get(target).copied().unwrap_or(0.0)));
        }
        Ok(results)
    }
}

/// A sum in pairs, so that many forms take no square of their number.
fn sum(mut forms: Vec<Form>) -> Form {
    while forms.len() > 1 {
        forms = forms.chunks(2).map(|pair| pair.iter().skip(1).fold(pair[0].clone(), |a, b| a.plus(b))).collect();
    }
    forms.pop().unwrap_or_default()
}

/// Floats, or doubles under the name with `_as_tensor`, and whether they are doubles.
pub(super) fn single_or_double<'c>(call: &'c Call<'_>, name: &str) -> Result<(&'c [f64], bool), QuantError> {
    let tensor = format!("{name}_as_tensor");
    if matches!(call.node().attributes.get(&tensor), Some(Attribute::Tensor(_))) {
        return Ok((reals(call, &tensor)?, true));
    }
    Ok((reals(call, name)?, false))
}

fn leaf_weights(
    call: &Call<'_>,
    prefix: &str,
    targets: usize,
    index: &BTreeMap<(i64, i64), usize>,
) -> Result<BTreeMap<usize, Vec<(usize, f64)>>, QuantError> {
    let list = |name: &str| ints(call, &format!("{prefix}_{name}"));
    let (trees, nodes, ids) = (list("treeids")?, list("nodeids")?, list("ids")?);
    let (values, _) = single_or_double(call, &format!("{prefix}_weights"))?;
    if [nodes.len(), ids.len(), values.len()].iter().any(|&l| l != trees.len()) {
        return Err(call.refuse(format!("the lists `{prefix}_…` are of different lengths")));
    }
    let mut weights: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for (i, &value) in values.iter().enumerate() {
        let node = index.get(&(trees[i], nodes[i])).copied();
        let node = node.ok_or_else(|| call.refuse(format!("tree {} has no node {}", trees[i], nodes[i])))?;
        let target = usize::try_from(ids[i]).ok().filter(|&t| t < targets);
        let target = target.ok_or_else(|| call.refuse(format!("a weight for target {} of {targets}", ids[i])))?;
        weights.entry(node).or_default().push((target, value));
    }
    Ok(weights)
}

fn compare(call: &Call<'_>, mode: &str) -> Result<Option<Compare>, QuantError> {
    Ok(Some(match mode {
        "LEAF" => return Ok(None),
        "BRANCH_LEQ" => Compare::Leq,
        "BRANCH_LT" => Compare::Lt,
        "BRANCH_GTE" => Compare::Geq,
        "BRANCH_GT" => Compare::Gt,
        "BRANCH_EQ" => Compare::Eq,
        "BRANCH_NEQ" => Compare::Neq,
        other => return Err(call.refuse(format!("node mode `{other}`"))),
    }))
}

/// The tree below a node; a node is reached once, so no cycle is followed.
fn branch(call: &Call<'_>, nodes: &[Flat], at: usize, depth: usize, seen: &mut [bool]) -> Result<Branch, QuantError> {
    if depth > MAX_DEPTH {
        return Err(call.refuse(format!("a tree is more than {MAX_DEPTH} levels deep")));
    }
    if seen.get_mut(at).is_none_or(|s| std::mem::replace(s, true)) {
        return Err(call.refuse("a node is missing or has two parents"));
    }
    match &nodes[at] {
        Flat::Leaf(weights) => Ok(Branch::Leaf(weights.clone())),
        &Flat::Test { feature, compare, threshold, yes, no } => {
            let yes = branch(call, nodes, yes, depth + 1, seen)?;
            let no = branch(call, nodes, no, depth + 1, seen)?;
            Ok(Branch::Test(Box::new(Test { feature, compare, threshold, yes, no })))
        }
    }
}
