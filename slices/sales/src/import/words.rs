//! What `tables` says of files and lines, in the words of the catalogue (`texts/tables.en.ftl`).

use serde_json::{Map, Value};
use tables::{Said, TableError};
use web::tf;

/// The words of one thing that is said.
pub fn words(said: &Said) -> String {
    serde_json::to_value(said).map_or_else(|_| String::new(), |said| place(worded(said)))
}

/// Why a file or a mapping can't be used, with the file's name in front where it is about one.
pub fn refusal(error: &TableError) -> String {
    let said = words(&error.reason);
    if error.file.is_empty() { said } else { format!("{}: {said}", error.file) }
}

/// As it is told to programs and kept: everything that is said, anywhere in it, as its words.
pub fn worded(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("say") => Value::String(sentence(fields)),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, worded(value))).collect()),
        Value::Array(all) => Value::Array(all.into_iter().map(worded).collect()),
        other => other,
    }
}

/// The text of what is said, its places filled with the fields.
fn sentence(fields: Map<String, Value>) -> String {
    let fields: Vec<(String, String)> = fields.into_iter().map(|(name, value)| (name, place(worded(value)))).collect();
    let said = fields.iter().find(|(name, _)| name == "say").map_or("", |(_, said)| said);
    let places: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    tf(&format!("tables-{said}"), &places)
}

/// What stands in a place; several reasons stand one after the other.
fn place(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(all) => all.into_iter().map(place).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_is_put_into_words_with_what_stands_inside_it() {
        web::text::install([include_str!("../../texts/tables.en.ftl")].into_iter());
        let cells = |has| words(&Said::LineCells { has, wanted: 6 });
        assert_eq!(
            (cells(4), cells(1)),
            ("The line has 4 cells instead of 6.".to_owned(), "The line has one cell instead of 6.".to_owned())
        );
        let day = Said::DaysLike { sample: "D/MM/YYYY", why: Box::new(Said::LineHas { line: 3, cell: "13/02/2024".into() }) };
        let none = Said::EmptyWord { word: "NONE".into(), count: 786, role: Box::new(Said::RoleDate) };
        let column = Said::ColumnIs { column: "when".into(), role: Box::new(Said::RoleDate), why: vec![Said::ByName, day, none] };
        let all = "when is taken for “Day” because of its name; it is D/MM/YYYY because line 3 has 13/02/2024; 786 lines have NONE, which is read as no “Day”.";
        assert_eq!(words(&column), all);
        assert_eq!(worded(json!({ "sure": "likely", "text": column })), json!({ "sure": "likely", "text": all }));
    }

    #[test]
    fn what_a_file_holds_stands_as_it_is_written() {
        web::text::install([include_str!("../../texts/tables.en.ftl")].into_iter());
        // A code of more digits than a floating number keeps.
        let said = |key: &str| words(&Said::NotInFile { column: "{ $key }".into(), key: key.into(), file: "prices.csv".into() });
        assert_eq!(said("98765432109876543"), "{ $key } 98765432109876543 is not in prices.csv.");
        assert_eq!(said("{\"say\":\"comma\"}"), "{ $key } {\"say\":\"comma\"} is not in prices.csv.");
    }
}
