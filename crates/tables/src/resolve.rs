//! From a mapping to places: which cell of which file each role is read from. The files that are looked up in are loaded here.

use std::collections::{HashSet, VecDeque};

use crate::guess::unreadable_day;
use crate::lookup::Lookup;
use crate::profile::profile_as;
use crate::{Assigned, ColumnRef, FileProfile, Format, Limits, Mapping, Part, RefusedLine, Role, Said, Source, TableError};

/// Where a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the line itself.
    Line(usize),
    /// In the row found in a table: the table, and the cell of its row.
    Table(usize, usize),
}

/// A cell that is used.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub origin: Origin,
    pub format: Format,
    pub empty_words: Vec<String>,
    /// The column's name, for what a person reads.
    pub name: String,
}

/// A file that is looked up in, and the cell that says which row.
pub(crate) struct Table {
    pub name: String,
    pub lookup: Lookup,
    pub pointer: Slot,
}

/// Everything that is needed to read lines.
pub(crate) struct Plan {
    pub files: VecDeque<(Source, FileProfile)>,
    /// Nearer ones first: a table's pointer stands in the line or in a table before it.
    pub tables: Vec<Table>,
    slots: Vec<(Role, Slot)>,
}

impl Plan {
    pub(crate) fn slot(&self, role: Role) -> Option<&Slot> {
        self.slots.iter().find(|(other, _)| *other == role).map(|(_, slot)| slot)
    }

    pub(crate) fn item_parts(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|(role, _)| *role == Role::ItemPart).map(|(_, slot)| slot)
    }
}

/// A lookup of the mapping with its columns found.
struct Join {
    file: usize,
    key: usize,
    /// The file that points here, and its column.
    from: usize,
    column: usize,
    wanted: Vec<usize>,
}

struct Resolving<'a> {
    mapping: &'a Mapping,
    files: Vec<(Source, FileProfile)>,
    root: usize,
    joins: Vec<Join>,
}

/// Finds every place, loads the tables, and gives the rows of the tables that could not be used.
pub(crate) fn plan(
    sources: &[Source],
    profiles: &[FileProfile],
    mapping: &Mapping,
    limits: &Limits,
) -> Result<(Plan, VecDeque<RefusedLine>), TableError> {
    let files = given(sources, profiles, mapping, limits)?;
    let root = mapping.files.iter().position(|file| file.part == Part::Lines);
    let root = root.ok_or_else(|| TableError::new("", "mapping.no_lines", Said::NoLinesNamed))?;
    let mut work = Resolving { mapping, files, root, joins: Vec::new() };
    work.check_roles()?;
    work.check_lines()?;
    work.join()?;
    work.want()?;
    let mut refused = VecDeque::new();
    let tables = work.load(limits, &mut refused)?;
    let slots = mapping.columns.iter().map(|assigned| Ok((assigned.role, work.slot(assigned)?))).collect::<Result<_, TableError>>()?;
    let lines: Vec<usize> = (0..mapping.files.len()).filter(|i| mapping.files[*i].part == Part::Lines).collect();
    let files = work.files.into_iter().enumerate().filter(|(i, _)| lines.contains(i)).map(|(_, file)| file).collect();
    Ok((Plan { files, tables, slots }, refused))
}

/// The files in the order of the mapping, read again where a person changed how.
fn given(
    sources: &[Source],
    profiles: &[FileProfile],
    mapping: &Mapping,
    limits: &Limits,
) -> Result<Vec<(Source, FileProfile)>, TableError> {
    let mut names = HashSet::new();
    if let Some(twice) = sources.iter().find(|source| !names.insert(source.name())) {
        return Err(TableError::new(twice.name(), "file.same_name", Said::SameName));
    }
    let mut files = Vec::new();
    for part in &mapping.files {
        let source = sources.iter().find(|source| source.name() == part.name).ok_or_else(|| unknown(&part.name))?;
        let known = profiles
            .iter()
            .find(|profile| profile.name == part.name && profile.encoding == part.encoding && profile.dialect == part.dialect);
        let profile = match known {
            Some(profile) => profile.clone(),
            None if part.part == Part::Unused => known_unused(profiles, &part.name).ok_or_else(|| unknown(&part.name))?,
            None => profile_as(source, limits, Some(part.encoding), Some(&part.dialect))?,
        };
        files.push((source.clone(), profile));
    }
    Ok(files)
}

/// The mapping names a file that was not given.
fn unknown(name: &str) -> TableError {
    TableError::new(name, "mapping.unknown_file", Said::UnknownFile { file: name.to_owned() })
}

/// A file that takes part in nothing need not be read again.
fn known_unused(profiles: &[FileProfile], name: &str) -> Option<FileProfile> {
    profiles.iter().find(|profile| profile.name == name).cloned()
}

impl Resolving<'_> {
    fn profile(&self, file: usize) -> &FileProfile {
        &self.files[file].1
    }

    /// A file of the mapping by its name; any file with lines stands for the first one.
    fn file(&self, name: &str) -> Result<usize, TableError> {
        let found = self.mapping.files.iter().position(|file| file.name == name);
        let found = found.ok_or_else(|| unknown(name))?;
        Ok(if self.mapping.files[found].part == Part::Lines { self.root } else { found })
    }

    fn find(&self, file: usize, column: &ColumnRef) -> Result<usize, TableError> {
        column.find(self.profile(file))
    }

    fn check_roles(&self) -> Result<(), TableError> {
        let has = |role: Role| self.mapping.column(role).is_some();
        let name = &self.profile(self.root).name;
        if !has(Role::Item) && !has(Role::ItemId) {
            return Err(TableError::new(name, "mapping.no_item", Said::NoItemNamed));
        }
        if !has(Role::Date) && !has(Role::Datetime) {
            let unreadable = unreadable_day(self.files.iter().map(|(_, profile)| profile));
            return Err(unreadable.unwrap_or_else(|| TableError::new(name, "mapping.no_date", Said::NoDayNamed)));
        }
        let mut seen = HashSet::new();
        match self.mapping.columns.iter().find(|a| a.role != Role::ItemPart && !seen.insert(a.role)) {
            Some(twice) => Err(TableError::new(&twice.file, "mapping.role_twice", Said::RoleTwice { role: twice.role.said() })),
            None => Ok(()),
        }
    }

    fn check_lines(&self) -> Result<(), TableError> {
        for (i, part) in self.mapping.files.iter().enumerate() {
            if part.part == Part::Lines && !self.profile(i).same_columns(self.profile(self.root)) {
                let reason = Said::OtherColumns { file: self.profile(self.root).name.clone() };
                return Err(TableError::new(&part.name, "mapping.unlike_files", reason));
            }
        }
        Ok(())
    }

    /// Orders the lookups so that each comes after the file that points to it. Those that nothing reaches are left out.
    fn join(&mut self) -> Result<(), TableError> {
        let mut waiting = Vec::new();
        for (file, part) in self.mapping.files.iter().enumerate() {
            if let Part::Lookup { key, file: from, column } = &part.part {
                let from = self.file(from)?;
                waiting.push(Join { file, key: self.find(file, key)?, from, column: self.find(from, column)?, wanted: Vec::new() });
            }
        }
        let mut reached = vec![self.root];
        while let Some(next) = waiting.iter().position(|join| reached.contains(&join.from)) {
            let join = waiting.swap_remove(next);
            reached.push(join.file);
            self.joins.push(join);
        }
        Ok(())
    }

    /// Notes for each lookup which of its columns are used, by a role or by a further lookup.
    fn want(&mut self) -> Result<(), TableError> {
        let mut wanted: Vec<(usize, usize)> = self.joins.iter().map(|join| (join.from, join.column)).collect();
        for assigned in &self.mapping.columns {
            let file = self.file(&assigned.file)?;
            wanted.push((file, self.find(file, &assigned.column)?));
        }
        for (file, column) in wanted.into_iter().filter(|(file, _)| *file != self.root) {
            let name = self.profile(file).name.clone();
            let join = self.joins.iter_mut().find(|join| join.file == file);
            let join = join.ok_or_else(|| TableError::new(&name, "mapping.not_joined", Said::NotJoined))?;
            if column != join.key && !join.wanted.contains(&column) {
                join.wanted.push(column);
            }
        }
        Ok(())
    }

    fn load(&self, limits: &Limits, refused: &mut VecDeque<RefusedLine>) -> Result<Vec<Table>, TableError> {
        let mut tables = Vec::new();
        for join in &self.joins {
            let (source, profile) = &self.files[join.file];
            let lookup = Lookup::load(source, profile, join.key, &join.wanted, limits, refused)?;
            let words = self.empty_words(join.from, join.column)?;
            tables.push(Table { name: profile.name.clone(), lookup, pointer: self.place(join.from, join.column, Format::Text, words)? });
        }
        Ok(tables)
    }

    fn empty_words(&self, file: usize, column: usize) -> Result<Vec<String>, TableError> {
        for assigned in &self.mapping.columns {
            let owner = self.file(&assigned.file)?;
            if owner == file && self.find(owner, &assigned.column)? == column {
                return Ok(assigned.empty_words.clone());
            }
        }
        Ok(Vec::new())
    }

    fn slot(&self, assigned: &Assigned) -> Result<Slot, TableError> {
        let file = self.file(&assigned.file)?;
        self.place(file, self.find(file, &assigned.column)?, assigned.format, assigned.empty_words.clone())
    }

    fn place(&self, file: usize, column: usize, format: Format, empty_words: Vec<String>) -> Result<Slot, TableError> {
        let name = self.profile(file).columns[column].name.clone();
        if file == self.root {
            return Ok(Slot { origin: Origin::Line(column), format, empty_words, name });
        }
        let place = self.joins.iter().enumerate().find(|(_, join)| join.file == file).and_then(|(table, join)| {
            let cell = if column == join.key { Some(0) } else { join.wanted.iter().position(|wanted| *wanted == column).map(|at| at + 1) };
            cell.map(|cell| Origin::Table(table, cell))
        });
        let origin = place
            .ok_or_else(|| TableError::new(&self.profile(file).name, "mapping.not_joined", Said::OutOfReach { column: name.clone() }))?;
        Ok(Slot { origin, format, empty_words, name })
    }
}
