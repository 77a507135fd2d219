//! Which files belong together: a column of one whose contents are the key of another.

use crate::header::{self, Name};
use crate::{FileProfile, Said};

/// `from.column` points to the row of `to` whose `key` is equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub from: usize,
    pub column: usize,
    pub to: usize,
    pub key: usize,
    /// Of a hundred contents looked at, how many the key has.
    pub covered: usize,
}

/// A key that has fewer of the contents is taken for a chance likeness.
const COVERED: usize = 50;

/// Finds every pointer between two files; at most one from a file to another.
pub(crate) fn edges(files: &[FileProfile]) -> Vec<Edge> {
    let mut found = Vec::new();
    for from in 0..files.len() {
        for to in 0..files.len() {
            if from != to && !files[from].same_columns(&files[to]) {
                found.extend(best(files, from, to));
            }
        }
    }
    found
}

fn names(file: &FileProfile) -> Vec<Name> {
    file.columns.iter().map(|column| Name::of(&column.name)).collect()
}

fn best(files: &[FileProfile], from: usize, to: usize) -> Option<Edge> {
    let (pointing, owner) = (&files[from], &files[to]);
    let (pointers, keys, owners) = (names(pointing), names(owner), header::owners(&owner.name));
    let mut best: Option<(bool, Edge)> = None;
    for key in owner.columns.iter().filter(|key| key.unique == Some(true) && key.blank == 0) {
        let name = &keys[key.index];
        for (column, pointer) in pointers.iter().enumerate().filter(|(_, pointer)| header::alike(pointer, name, &owners)) {
            let covered = covered(pointing, column, owner, key.index);
            let same = pointer.normal == name.normal;
            if covered >= COVERED && best.as_ref().is_none_or(|(s, edge)| (same, covered) > (*s, edge.covered)) {
                best = Some((same, Edge { from, column, to, key: key.index, covered }));
            }
        }
    }
    best.map(|(_, edge)| edge)
}

fn covered(pointing: &FileProfile, column: usize, owner: &FileProfile, key: usize) -> usize {
    let examples = &pointing.columns[column].stats.examples;
    let keys = &owner.columns[key].stats.keys;
    let held = examples.iter().filter(|example| keys.holds(example)).count();
    if examples.is_empty() { 0 } else { held * 100 / examples.len() }
}

/// The pointers that lead from a file to all that can be reached from it, nearer files first.
pub(crate) fn tree(edges: &[Edge], root: usize) -> Vec<Edge> {
    let mut reached = vec![root];
    let mut tree: Vec<Edge> = Vec::new();
    let mut next = 0;
    while next < reached.len() {
        let from = reached[next];
        for edge in edges.iter().filter(|edge| edge.from == from) {
            if !reached.contains(&edge.to) {
                reached.push(edge.to);
                tree.push(edge.clone());
            }
        }
        next += 1;
    }
    tree
}

/// Why a file that looks like a list to look up in can't be one: a name that fits, and a content that comes twice.
pub(crate) fn near_miss(files: &[FileProfile], root: usize, to: usize) -> Option<Said> {
    let owner = &files[to];
    let (pointers, owners) = (names(&files[root]), header::owners(&owner.name));
    owner.columns.iter().find_map(|key| {
        let (line, twice) = key.stats.keys.twice.as_ref()?;
        let name = Name::of(&key.name);
        pointers.iter().any(|pointer| header::alike(pointer, &name, &owners)).then(|| Said::NearMiss {
            column: key.name.clone(),
            key: twice.clone(),
            line: *line,
        })
    })
}
