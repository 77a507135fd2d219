//! Names that a spreadsheet would run, and names that are merely strange.

use std::io::{Cursor, Read};

use serde_json::json;
use testkit::{Answer, Story, run, text};

const FORMULAS: &[&str] =
    &["=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(A1:A9)", "=HYPERLINK(\"http://evil.test\",\"£5\")"];

/// An item, a customer and a supplier of each name.
async fn named(story: &Story, name: &str) {
    story.stocked(name, 480).await;
    story.post("/v1/customers", &json!({ "name": name })).await.ok();
    story.post("/v1/suppliers", &json!({ "name": name })).await.ok();
}

/// One file of a workbook.
fn part(book: &Answer, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(&book.body)).expect("a workbook is a zip file");
    let mut text = String::new();
    zip.by_name(name).unwrap_or_else(|_| panic!("no {name} in the workbook")).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_formula_for_a_name_stays_text_in_files() {
    run(async |story| {
        for name in FORMULAS {
            named(&story, name).await;
        }
        for list in ["items", "customers", "suppliers"] {
            let csv = story.get(&format!("/v1/{list}?format=csv")).await.ok().text();
            let book = story.get(&format!("/v1/{list}?format=xlsx")).await.ok();
            let sheet = part(&book, "xl/worksheets/sheet1.xml");
            assert!(!sheet.contains("<f>") && !sheet.contains("<f "), "a formula in the sheet of {list}: {sheet}");
            for name in FORMULAS {
                let quoted = name.replace('"', "\"\"");
                assert!(csv.contains(&format!("'{quoted}")), "{list}: {name} is not quoted: {csv}");
                let bare = |before: char| csv.contains(&format!("{before}{quoted}"));
                assert!(![',', '\n', '"'].into_iter().any(bare), "{list}: {name} begins a cell: {csv}");
                let in_xml = name.replace('&', "&amp;").replace('"', "&quot;");
                assert!(sheet.contains(name) || sheet.contains(&in_xml), "{list}: {name} is no text of the workbook: {sheet}");
            }
        }
    });
}

#[test]
fn a_strange_name_is_kept_to_the_letter_and_harms_no_page() {
    run(async |story| {
        let strange = [
            "🥐 Croissant 👨‍👩‍👧",
            "\"O'Brien's\" <b>rye</b> & co; --",
            "\u{202e}שלום\u{202c}",
            "Ünïcödé\u{301}",
            "{{name}} ${name} %s %n",
            "N/A",
            "NULL",
            "0x10",
        ];
        for name in strange {
            let item = story.stocked(name, 480).await;
            assert_eq!(story.get(&format!("/v1/items/{item}")).await.ok().json()["name"], name);
            for path in ["/items", &format!("/items/{item}"), &format!("/items/{item}/change"), "/orders/new"] {
                assert!(!story.get(path).await.is(200).text().contains("<b>rye"), "{path}");
            }
            story.bring_in(&item, "2", 100).await;
            let order = text(&story.sell(&item, "1").await["id"]);
            assert_eq!(story.get(&format!("/v1/orders/{order}")).await.ok().json()["lines"][0]["name"], name);
            assert!(!story.get(&format!("/orders/{order}")).await.is(200).text().contains("<b>rye"));
        }
        let rows = story.get("/v1/items?limit=200").await.ok().json()["rows"].as_array().unwrap().len();
        assert_eq!(rows, strange.len());
    });
}

#[test]
fn a_very_long_name_is_refused_and_the_longest_is_shown() {
    run(async |story| {
        let item = |name: String| json!({ "name": name, "kind": "product", "baseUnit": "pc", "price": testkit::pounds(480) });
        let mut longest = 0;
        for length in [50, 100, 200, 500, 10_000] {
            let answer = story.post("/v1/items", &item("é".repeat(length))).await;
            if answer.status == 200 {
                longest = length;
            } else {
                answer.refused("text.too_long");
            }
        }
        assert!((100..=500).contains(&longest), "names of up to {longest} letters are taken");
        story.get("/items").await.is(200);
    });
}
