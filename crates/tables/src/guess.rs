//! From profiles to a mapping, with the reason for each decision.

use serde::Serialize;

use crate::column::{self, ColumnProfile};
use crate::join::{self, Edge};
use crate::{Assigned, ColumnRef, DateOrder, FilePart, FileProfile, Format, Kind, Mapping, Part, Role, Said, Sure, TableError, header};

/// One thing that was decided, for a person to read.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// The file.
    pub file: String,
    /// The column, when it is about one.
    pub column: Option<String>,
    /// The role that the column got.
    pub role: Option<Role>,
    /// What was decided and why.
    pub text: Said,
    /// Whether a person should look.
    pub sure: Sure,
}

/// What several files given together seem to mean.
#[derive(Debug, Clone, Serialize)]
pub struct Guess {
    /// Ready to be read with, if there are no problems.
    pub mapping: Mapping,
    /// Why it is so.
    pub decisions: Vec<Decision>,
    /// What is missing before anything can be read.
    pub problems: Vec<TableError>,
}

impl Guess {
    /// The decisions that a person should look at before anything is kept.
    pub fn unsure(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|decision| decision.sure == Sure::Unsure)
    }
}

/// What the rows of a file that is looked up in are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Order,
    Item,
    Other(Role),
}

struct Guessing<'a> {
    files: &'a [FileProfile],
    /// The columns of the file with the lines, decided over all files of the same shape.
    lines: Vec<ColumnProfile>,
    root: usize,
    columns: Vec<Assigned>,
    decisions: Vec<Decision>,
}

/// Guesses which file has the lines, how the others join, and what each column is.
pub fn guess(files: &[FileProfile]) -> Guess {
    let edges = join::edges(files);
    let Some(root) = root(files, &edges) else {
        let problem = TableError::new("", "mapping.no_lines", Said::NothingLikeSales);
        let parts = files.iter().map(|file| part(file, Part::Unused)).collect();
        return Guess { mapping: Mapping { files: parts, columns: Vec::new() }, decisions: Vec::new(), problems: vec![problem] };
    };
    let tree = join::tree(&edges, root);
    let mut work = Guessing { files, lines: merged(files, root), root, columns: Vec::new(), decisions: Vec::new() };
    let parts = work.parts(&tree);
    work.line_roles();
    work.lookup_roles(&tree);
    work.by_content();
    work.settle_moment();
    let problems = work.problems();
    Guess { mapping: Mapping { files: parts, columns: work.columns }, decisions: work.decisions, problems }
}

/// The largest file from which an item and a day can be reached; without one, an item and a ticket; without one, an item.
fn root(files: &[FileProfile], edges: &[Edge]) -> Option<usize> {
    let reach = |root: usize, wanted: &[Role]| {
        let others = join::tree(edges, root);
        let mut reached = std::iter::once(root).chain(others.iter().map(|edge| edge.to));
        reached.any(|file| files[file].columns.iter().any(|column| named_role(column).is_some_and(|(role, _)| wanted.contains(&role))))
    };
    let item = |root| reach(root, &[Role::Item, Role::ItemId]);
    let day = |root: usize| {
        reach(root, &[Role::Date, Role::Datetime])
            || files[root].columns.iter().any(|column| matches!(column.kind, Kind::Date | Kind::Datetime))
    };
    let words = |root: usize| files[root].columns.iter().any(|column| column.kind == Kind::Text);
    let ticket = |root| reach(root, &[Role::Ticket]);
    let mut by_size: Vec<usize> = (0..files.len()).collect();
    by_size.sort_by_key(|file| std::cmp::Reverse(files[*file].rows));
    let find = |fits: &dyn Fn(usize) -> bool| by_size.iter().copied().find(|file| fits(*file));
    find(&|f| item(f) && day(f))
        .or_else(|| find(&|f| item(f) && ticket(f)))
        .or_else(|| find(&|f| words(f) && day(f)))
        .or_else(|| find(&item))
}

/// The columns of a file, with the evidence of the other files that have the same ones.
fn merged(files: &[FileProfile], root: usize) -> Vec<ColumnProfile> {
    let mut columns = files[root].columns.clone();
    for column in columns.iter_mut().filter(|column| matches!(column.kind, Kind::Date | Kind::Datetime)) {
        let mut stats = column.stats.clone();
        for other in files.iter().enumerate().filter(|(i, file)| *i != root && file.same_columns(&files[root])) {
            stats.absorb_dates(&other.1.columns[column.index].stats);
        }
        *column = column::profile(column.name.clone(), column.index, stats, None);
    }
    columns
}

/// The role that a column's header names, if its cells can be that.
fn named_role(column: &ColumnProfile) -> Option<(Role, bool)> {
    let (role, exact) = header::role(&column.name).or_else(|| (header::normal(&column.name) == "id").then_some((Role::LineId, false)))?;
    let numeric = matches!(column.kind, Kind::Whole | Kind::Number);
    let moment = matches!(column.kind, Kind::Date | Kind::Time | Kind::Datetime);
    let role = match (role, column.kind) {
        (_, Kind::Empty) => return None,
        (Role::Date | Role::Time | Role::Datetime, Kind::Date) => Role::Date,
        (Role::Date | Role::Time | Role::Datetime, Kind::Time) => Role::Time,
        (Role::Date | Role::Time | Role::Datetime, Kind::Datetime) => Role::Datetime,
        (Role::Date, Kind::Whole) if column.compact_dates => Role::Date,
        (Role::Date | Role::Time | Role::Datetime, _) => return None,
        (Role::Quantity | Role::UnitPrice | Role::LineTotal | Role::Discount | Role::Tax, _) => numeric.then_some(role)?,
        (Role::Item, Kind::Whole) => Role::ItemId,
        (Role::LineId, _) if column.unique == Some(false) => Role::Ticket,
        (_, _) if moment => return None,
        _ => role,
    };
    Some((role, exact))
}

fn part(file: &FileProfile, part: Part) -> FilePart {
    FilePart { name: file.name.clone(), part, encoding: file.encoding, dialect: file.dialect.clone() }
}

fn format(role: Role, column: &ColumnProfile) -> Format {
    match role {
        Role::Date if column.kind == Kind::Whole => Format::Date { order: DateOrder::YearMonthDay },
        Role::Date | Role::Time | Role::Datetime | Role::Quantity | Role::UnitPrice | Role::LineTotal | Role::Discount | Role::Tax => {
            column.format
        }
        _ => Format::Text,
    }
}

/// Why the cells of a column are read so.
fn why_read(role: Role, column: &ColumnProfile) -> Said {
    if role == Role::Date && column.kind == Kind::Whole {
        return Said::DaysLike { sample: "YYYYMMDD", why: Box::new(Said::YearInFront) };
    }
    column.why.clone()
}

/// Of the first column that is called like a day and can't be read as one: what it holds instead.
pub(crate) fn unreadable_day<'a>(files: impl Iterator<Item = &'a FileProfile>) -> Option<TableError> {
    let called = |column: &&ColumnProfile| {
        matches!(header::role(&column.name), Some((Role::Date | Role::Datetime, _))) && named_role(column).is_none()
    };
    let (file, found) = files.flat_map(|file| file.columns.iter().map(move |column| (file, column))).find(|(_, column)| called(column))?;
    let (column, stats) = (found.name.clone(), &found.stats);
    let said = match stats.first_but(Kind::Date) {
        Some((line, cell)) => Said::NotDays { column, line, cell, cells: stats.told(), days: stats.dates.all() + stats.stamps.all() },
        None => Said::DaysMissing { column },
    };
    Some(TableError::new(&file.name, "mapping.no_date", said))
}

impl Guessing<'_> {
    fn parts(&mut self, tree: &[Edge]) -> Vec<FilePart> {
        let mut parts = Vec::new();
        for (i, file) in self.files.iter().enumerate() {
            let (what, said) = self.part(i, tree);
            let header = if file.dialect.header { Said::HeaderIn { line: file.dialect.first_line } } else { Said::NoHeader };
            let text = Said::FileIs {
                what: Box::new(said),
                encoding: file.encoding.name(),
                why: Box::new(file.encoding_why.clone()),
                delimiter: Box::new(file.dialect.delimiter_said()),
                header: Box::new(header),
            };
            let sure = if what == Part::Unused { Sure::Likely } else { Sure::Certain };
            self.decisions.push(Decision { file: file.name.clone(), column: None, role: None, text, sure });
            parts.push(part(file, what));
        }
        parts
    }

    /// What a file is for, and why.
    fn part(&self, i: usize, tree: &[Edge]) -> (Part, Said) {
        let (file, root) = (&self.files[i], &self.files[self.root]);
        if i == self.root {
            return (Part::Lines, Said::HoldsLines { rows: file.rows });
        }
        if file.same_columns(root) {
            return (Part::Lines, Said::HoldsLinesToo { file: root.name.clone(), rows: file.rows });
        }
        if let Some(edge) = tree.iter().find(|edge| edge.to == i) {
            let from = self.files[edge.from].name.clone();
            let (key, column) = (file.columns[edge.key].name.clone(), self.files[edge.from].columns[edge.column].name.clone());
            let said = Said::LookedUp { key: key.clone(), percent: edge.covered, column: column.clone(), file: from.clone() };
            return (Part::Lookup { key: ColumnRef::Name(key), file: from, column: ColumnRef::Name(column) }, said);
        }
        let why = join::near_miss(self.files, self.root, i).unwrap_or(Said::NothingPoints);
        (Part::Unused, Said::TakesNoPart { why: Box::new(why) })
    }

    fn column(&self, file: usize, index: usize) -> &ColumnProfile {
        if file == self.root { &self.lines[index] } else { &self.files[file].columns[index] }
    }

    fn has(&self, role: Role) -> bool {
        self.columns.iter().any(|assigned| assigned.role == role)
    }

    fn is_taken(&self, file: usize, index: usize) -> bool {
        let name = ColumnRef::Name(self.column(file, index).name.clone());
        self.columns.iter().any(|assigned| assigned.file == self.files[file].name && assigned.column == name)
    }

    fn give(&mut self, role: Role, file: usize, index: usize, why: Said, sure: Sure) {
        let column = self.column(file, index);
        let format = format(role, column);
        let mut reasons = vec![why];
        if format != Format::Text {
            reasons.push(why_read(role, column));
            let (count, first) = (column.exceptions, column.first_exception.clone());
            reasons.extend(first.map(|(line, cell)| Said::Exceptions { count, cell, line }));
        }
        let sure = if format == Format::Text { sure } else { sure.min(column.sure) };
        let words: Vec<String> = column.empty_words.iter().map(|(word, _)| word.clone()).collect();
        reasons.extend(column.empty_words.iter().map(|(word, count)| Said::EmptyWord {
            word: word.clone(),
            count: *count,
            role: role.said(),
        }));
        let name = column.name.clone();
        let file = self.files[file].name.clone();
        let text = Said::ColumnIs { column: name.clone(), role: role.said(), why: reasons };
        self.decisions.push(Decision { file: file.clone(), column: Some(name.clone()), role: Some(role), text, sure });
        self.columns.push(Assigned { role, file, column: ColumnRef::Name(name), format, empty_words: words });
    }

    /// Gives the roles that the headers of a file name; a header that is known as a whole before one whose last word is.
    fn by_header(&mut self, file: usize, allowed: impl Fn(Role) -> bool, key: Option<usize>) {
        for exact in [true, false] {
            for index in 0..self.files[file].columns.len() {
                let Some((role, whole)) = named_role(self.column(file, index)) else { continue };
                let free = !self.has(role) || (role == Role::ItemPart && whole);
                if whole == exact && Some(index) != key && free && allowed(role) && !self.is_taken(file, index) {
                    let sure = if exact { Sure::Certain } else { Sure::Likely };
                    self.give(role, file, index, Said::ByName, sure);
                }
            }
        }
    }

    fn line_roles(&mut self) {
        self.by_header(self.root, |_| true, None);
        if self.has(Role::LineId) {
            return;
        }
        let id = |column: &ColumnProfile| {
            header::normal(&column.name).ends_with("id") && column.unique == Some(true) && matches!(column.kind, Kind::Whole | Kind::Text)
        };
        let found = (0..self.lines.len()).find(|i| id(&self.lines[*i]) && !self.is_taken(self.root, *i));
        if let Some(index) = found {
            self.give(Role::LineId, self.root, index, Said::NoTwoAlike, Sure::Likely);
        }
    }

    fn lookup_roles(&mut self, tree: &[Edge]) {
        let mut about = vec![About::Item; self.files.len()];
        for edge in tree {
            let pointer = named_role(self.column(edge.from, edge.column)).map(|(role, _)| role);
            about[edge.to] = match pointer {
                Some(role @ (Role::Customer | Role::Seller | Role::Site | Role::Channel | Role::PaymentMethod)) => About::Other(role),
                Some(Role::Ticket) if edge.from == self.root => About::Order,
                _ if edge.from == self.root => About::Item,
                _ => about[edge.from],
            };
            match about[edge.to] {
                About::Order => self.order_roles(edge),
                About::Item => self.item_roles(edge),
                About::Other(role) => self.other_roles(edge, role),
            }
        }
    }

    fn order_roles(&mut self, edge: &Edge) {
        use Role::{Channel, Customer, Date, Datetime, PaymentMethod, Seller, Site, Ticket, Time};
        if edge.from == self.root && !self.has(Ticket) {
            self.give(Ticket, self.root, edge.column, Said::PointsToOrders, Sure::Certain);
        }
        self.by_header(
            edge.to,
            |role| matches!(role, Date | Time | Datetime | Customer | Seller | Site | Channel | PaymentMethod),
            Some(edge.key),
        );
    }

    fn item_roles(&mut self, edge: &Edge) {
        use Role::{Category, Item, ItemId, ItemPart, UnitPrice};
        if edge.from == self.root && !self.has(ItemId) && !self.is_taken(self.root, edge.column) {
            self.give(ItemId, self.root, edge.column, Said::PointsToItems, Sure::Certain);
        }
        self.by_header(edge.to, |role| matches!(role, Item | ItemPart | Category | UnitPrice), Some(edge.key));
    }

    /// A name found for a customer, a seller or a place takes the role from the id that points to it.
    fn other_roles(&mut self, edge: &Edge, role: Role) {
        let named = |column: &ColumnProfile| {
            column.index != edge.key
                && column.kind == Kind::Text
                && (header::normal(&column.name).ends_with("name") || named_role(column).is_some_and(|(r, _)| r == role))
        };
        let Some(index) = self.files[edge.to].columns.iter().find(|column| named(column)).map(|column| column.index) else { return };
        self.columns.retain(|assigned| assigned.role != role);
        self.decisions.retain(|decision| decision.role != Some(role));
        self.give(role, edge.to, index, Said::NamesThePointed, Sure::Likely);
    }

    /// Days, times, items and tickets are known by what they hold where no header tells.
    fn by_content(&mut self) {
        let free = |work: &Self, fits: &dyn Fn(&ColumnProfile) -> bool| -> Vec<usize> {
            (0..work.lines.len()).filter(|i| fits(&work.lines[*i]) && !work.is_taken(work.root, *i)).collect()
        };
        for (role, kind) in [(Role::Datetime, Kind::Datetime), (Role::Date, Kind::Date), (Role::Time, Kind::Time)] {
            let day_known = self.has(Role::Datetime) || (self.has(Role::Date) && role != Role::Time);
            let found = free(self, &|column| column.kind == kind);
            if let (false, false, [first, rest @ ..]) = (day_known, self.has(role), found.as_slice()) {
                let sure = if rest.is_empty() { Sure::Likely } else { Sure::Unsure };
                self.give(role, self.root, *first, Said::ByContent, sure);
            }
        }
        if !self.has(Role::Item) && !self.has(Role::ItemId) {
            let words = free(self, &|column| column.kind == Kind::Text);
            let most = words.iter().copied().max_by_key(|i| (self.lines[*i].stats.examples.len(), std::cmp::Reverse(*i)));
            if let Some(index) = most {
                let sure = if words.len() == 1 { Sure::Likely } else { Sure::Unsure };
                self.give(Role::Item, self.root, index, Said::MostDifferent, sure);
            }
        }
        if !self.has(Role::Ticket) {
            let runs = free(self, &|column| column.kind == Kind::Whole && column.runs && header::role(&column.name).is_none());
            if let Some(index) = runs.first() {
                self.give(Role::Ticket, self.root, *index, Said::SharedByNeighbours, Sure::Likely);
            }
        }
    }

    /// Day and time in two columns, or both in one: what is left over goes.
    fn settle_moment(&mut self) {
        let drop: &[Role] = match (self.has(Role::Datetime), self.has(Role::Date), self.has(Role::Time)) {
            (true, true, true) => &[Role::Datetime],
            (true, _, _) => &[Role::Date, Role::Time],
            _ => &[],
        };
        self.columns.retain(|assigned| !drop.contains(&assigned.role));
        self.decisions.retain(|decision| !decision.role.is_some_and(|role| drop.contains(&role)));
    }

    fn problems(&self) -> Vec<TableError> {
        let name = &self.files[self.root].name;
        let mut problems = Vec::new();
        if !self.has(Role::Item) && !self.has(Role::ItemId) {
            problems.push(TableError::new(name, "mapping.no_item", Said::NothingLikeItem));
        }
        if !self.has(Role::Date) && !self.has(Role::Datetime) {
            let all = std::iter::once(&self.files[self.root]).chain(self.files);
            problems.push(unreadable_day(all).unwrap_or_else(|| TableError::new(name, "mapping.no_date", Said::NothingLikeDay)));
        }
        problems
    }
}
