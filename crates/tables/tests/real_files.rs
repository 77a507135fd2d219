//! The real files that Hearth must take without hand work: every total must come out.

use std::collections::{BTreeMap, HashSet};

use tables::{
    DateOrder, Decimal, Encoding, Format, Guess, Limits, Mapping, Part, RefusedLine, Role, Said, SaleLine, Source, Sure, guess, profile,
    read,
};

fn data(name: &str) -> Source {
    Source::path(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn understand(sources: &[Source]) -> (Guess, Vec<tables::FileProfile>) {
    let profiles: Vec<_> = sources.iter().map(|source| profile(source, &Limits::default()).unwrap()).collect();
    (guess(&profiles), profiles)
}

fn all(sources: &[Source]) -> (Guess, Vec<SaleLine>, Vec<RefusedLine>) {
    let (guess, profiles) = understand(sources);
    assert_eq!(guess.problems, []);
    // What a person confirms travels as JSON.
    let text = serde_json::to_string_pretty(&guess.mapping).unwrap();
    let mapping: Mapping = serde_json::from_str(&text).unwrap();
    assert_eq!(mapping, guess.mapping);
    let mut lines = read(sources, &profiles, &mapping, &Limits::default()).unwrap();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for line in lines.by_ref() {
        match line.unwrap() {
            Ok(line) => taken.push(line),
            Err(line) => refused.push(line),
        }
    }
    let (read, total) = lines.progress();
    assert_eq!(read, total);
    (guess, taken, refused)
}

fn total(lines: &[SaleLine]) -> Decimal {
    lines.iter().fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount().unwrap()).unwrap())
}

fn roles(guess: &Guess) -> BTreeMap<&'static str, String> {
    guess.mapping.columns.iter().map(|a| (a.role.name(), format!("{}:{}", a.file.split('.').next().unwrap(), a.column))).collect()
}

fn names_no_item(line: &RefusedLine, word: &str) -> bool {
    matches!(&*line.reason, Said::NotItem { cell, .. } if cell == word)
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn the_bakery_has_its_lines_tickets_and_no_none() {
    let (guess, lines, refused) = all(&[data("BreadBasket_DMS.csv.gz")]);
    assert_eq!((lines.len(), refused.len()), (20_507, 786));
    assert!(refused.iter().all(|line| line.code == "line.no_item" && names_no_item(line, "NONE")));
    assert_eq!(lines.iter().map(|line| line.ticket.clone().unwrap()).collect::<HashSet<_>>().len(), 9_465);
    assert_eq!(guess.unsure().count(), 0);
    assert!(lines.iter().all(|line| line.time_known && line.quantity == Decimal::ONE && line.unit_price.is_none()));
    assert_eq!((lines[1].item.as_str(), lines[1].line_no, lines[2].line_no), ("Scandinavian", 3, 4));
    assert_eq!(lines[1].at, jiff::civil::datetime(2016, 10, 30, 10, 5, 34, 0));
    assert!(lines.windows(2).all(|pair| pair[0].line_no < pair[1].line_no));
    assert!(lines.iter().any(|line| line.at == jiff::civil::datetime(2017, 1, 1, 1, 21, 5, 0)));
    assert!(lines.iter().any(|line| line.item == "Coffee granules"));
}

#[test]
fn a_price_list_given_with_the_bakery_gives_the_prices() {
    let (_, lines, _) = all(&[data("BreadBasket_DMS.csv.gz")]);
    let items: std::collections::BTreeSet<_> = lines.iter().map(|line| line.item.clone()).collect();
    assert_eq!(items.len(), 94);
    let list: String = items.iter().enumerate().map(|(i, item)| format!("\"{item}\",£{}.{:02}\r\n", i % 7 + 1, i)).collect();
    let sources = [Source::bytes("prices.csv", format!("Item,Price\r\n{list}").into_bytes()), data("BreadBasket_DMS.csv.gz")];
    let (guess, priced, refused) = all(&sources);
    assert_eq!((priced.len(), refused.len()), (20_507, 786));
    assert!(refused.iter().all(|line| line.code == "line.no_item"));
    assert_eq!(roles(&guess)["unit_price"], "prices:Price");
    let bread = items.iter().position(|item| item == "Bread").unwrap();
    assert_eq!(priced[0].unit_price, Some(d(&format!("{}.{bread:02}", bread % 7 + 1))));

    let few = Source::bytes(
        "prices.csv",
        list.lines().filter(|line| !line.contains("\"Bread\"")).fold("Item,Price\n".to_owned(), |all, line| all + line + "\n").into_bytes(),
    );
    let (_, _, refused) = all(&[few, data("BreadBasket_DMS.csv.gz")]);
    let unknown: Vec<_> = refused.iter().filter(|line| line.code == "line.unknown_key").collect();
    assert_eq!(unknown.len(), lines.iter().filter(|line| line.item == "Bread").count());
    let bread = Said::NotInFile { column: "Item".into(), key: "Bread".into(), file: "prices.csv".into() };
    assert_eq!(*unknown[0].reason, bread);
}

#[test]
fn the_pizza_place_joins_four_files_to_its_control_total() {
    let (guess, lines, refused) =
        all(&["orders", "order_details", "pizzas", "pizza_types"].map(|name| data(&format!("pizza/{name}.csv.gz"))));
    assert_eq!((lines.len(), refused.len()), (48_620, 0));
    assert_eq!(total(&lines), d("817860.05"));
    assert_eq!(guess.unsure().count(), 0);
    let first = &lines[0];
    assert_eq!(
        (first.item.as_str(), first.item_code.as_deref(), first.category.as_deref()),
        ("The Hawaiian Pizza M", Some("hawaiian_m"), Some("Classic"))
    );
    assert_eq!((first.ticket.as_deref(), first.source_line_id.as_deref()), (Some("1"), Some("1")));
    assert_eq!(first.at, jiff::civil::datetime(2015, 1, 1, 11, 38, 36, 0));
    assert_eq!(lines.iter().map(|line| &line.item).collect::<HashSet<_>>().len(), 91);
    assert_eq!(guess.mapping.files[3].encoding, Encoding::Windows1252);
    assert_eq!(guess.mapping.files[0].encoding, Encoding::Utf8);
    assert!(guess.decisions.iter().any(
        |decision| matches!(&decision.text, Said::FileIs { why, .. } if matches!(&**why, Said::NotUtf8 { byte, .. } if byte == "0x91"))
    ));
    let known = roles(&guess);
    assert_eq!(known["date"], "orders:date");
    assert_eq!(known["item"], "pizza_types:name");
    assert_eq!(known["item_part"], "pizzas:size");
    assert_eq!(known["unit_price"], "pizzas:price");
}

#[test]
fn the_restaurant_has_day_first_dates_and_null_items() {
    let sources = ["menu_items", "order_details", "data_dictionary"].map(|name| data(&format!("restaurant/{name}.csv.gz")));
    let (guess, lines, refused) = all(&sources);
    assert_eq!((lines.len(), refused.len()), (12_097, 137));
    assert!(refused.iter().all(|line| line.code == "line.no_item" && names_no_item(line, "NULL")));
    assert_eq!(total(&lines), d("159217.90"));
    assert_eq!(lines[0].at, jiff::civil::datetime(2023, 1, 1, 11, 38, 36, 0));
    assert_eq!(lines.last().unwrap().at.date(), jiff::civil::date(2023, 3, 31));
    assert_eq!(lines.iter().map(|line| line.at.month()).max(), Some(3));
    assert!(lines.iter().any(|line| line.at.hour() > 12));
    assert_eq!(guess.mapping.column(Role::Date).unwrap().format, Format::Date { order: DateOrder::DayMonthYear });
    let why = guess.decisions.iter().find(|decision| decision.role == Some(Role::Date)).unwrap();
    let Said::ColumnIs { why: reasons, .. } = &why.text else { panic!("{:?}", why.text) };
    let proven = |said: &Said| matches!(said, Said::DaysLike { sample: "D/MM/YYYY", why } if matches!(**why, Said::LineHas { .. }));
    assert!(why.sure == Sure::Certain && reasons.iter().any(proven), "{reasons:?}");
    assert_eq!(guess.mapping.files[2].part, Part::Unused);
    let unused = |text: &Said| matches!(text, Said::FileIs { what, .. } if matches!(**what, Said::TakesNoPart { .. }));
    assert!(guess.decisions.iter().any(|decision| decision.file == "data_dictionary.csv.gz" && unused(&decision.text)));
}
