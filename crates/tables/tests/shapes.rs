//! Shapes that tills and spreadsheets export, and files that are no tables.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tables::{
    Assigned, CODES, ColumnRef, DateOrder, Decimal, Dialect, Encoding, FileProfile, Format, Guess, Kind, Limits, Mark, Part, RefusedLine,
    Role, Said, SaleLine, Source, Sure, TableError, guess, profile, profile_as, read,
};

fn file(name: &str, bytes: impl AsRef<[u8]>) -> Source {
    Source::bytes(name, bytes.as_ref())
}

fn look(bytes: impl AsRef<[u8]>) -> FileProfile {
    profile(&file("sales.csv", bytes), &Limits::default()).unwrap()
}

fn code(bytes: impl AsRef<[u8]>) -> &'static str {
    code_within(bytes, &Limits::default())
}

fn code_within(bytes: impl AsRef<[u8]>, limits: &Limits) -> &'static str {
    let refusal: TableError = profile(&file("sales.csv", bytes), limits).unwrap_err();
    assert!(CODES.iter().any(|(code, _)| *code == refusal.code), "{}", refusal.code);
    refusal.code
}

fn take(sources: &[Source]) -> (Guess, Vec<SaleLine>, Vec<RefusedLine>) {
    let profiles: Vec<_> = sources.iter().map(|source| profile(source, &Limits::default()).unwrap()).collect();
    let guess = guess(&profiles);
    assert_eq!(guess.problems, []);
    let lines: Vec<_> = read(sources, &profiles, &guess.mapping, &Limits::default()).unwrap().map(Result::unwrap).collect();
    let taken = lines.iter().filter_map(|line| line.clone().ok()).collect();
    let refused: Vec<RefusedLine> = lines.into_iter().filter_map(Result::err).collect();
    assert!(refused.iter().all(|line| CODES.iter().any(|(code, _)| *code == line.code)));
    (guess, taken, refused)
}

fn sales(text: impl AsRef<[u8]>) -> (Guess, Vec<SaleLine>, Vec<RefusedLine>) {
    take(&[file("sales.csv", text)])
}

fn d(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const PLAIN: &str = "Date,Ticket,Item,Qty,Price\n2024-05-01,1,Bread,2,3.20\n2024-05-02,2,Cake,1,4.00\n";

#[test]
fn what_is_not_a_table_is_refused_by_name() {
    for (bytes, expected) in [
        (&b"PK\x03\x04\x14\0\x06\0[Content_Types].xml"[..], "file.not_text"),
        (b"%PDF-1.7\n1 0 obj", "file.not_text"),
        (b"\x89PNG\r\n\x1a\n", "file.not_text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "file.not_text"),
        (b"Date,Item\n2024-01-01,Br\0ead\n", "file.not_text"),
        (b"\x01\x02\x03\x04\x05\x06\x07abc", "file.not_text"),
        (b"\xff\xfeD\0a", "file.not_text"),
        (b"\xff\xfe\x00\xd8D\0", "file.not_text"),
        (b"<!DOCTYPE html><table>", "file.not_table"),
        (b"[{\"item\":1}]", "file.not_table"),
        (b"", "file.empty"),
        (b" \r\n \n", "file.empty"),
        (b"\xef\xbb\xbf", "file.empty"),
        (b"Date,Item,Price\n", "file.empty"),
        (b"\xef\xbb\xbfDate,Item\n2024-01-01,\x91Nduja\n", "file.mixed_encoding"),
    ] {
        assert_eq!(code(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
    }
    let refusal = profile(&file("sales.xlsx", b"PK\x03\x04"), &Limits::default()).unwrap_err();
    assert_eq!(refusal.reason, Said::IsXlsx);
    assert_eq!(profile(&Source::path("/nowhere/sales.csv"), &Limits::default()).unwrap_err().code, "file.unreadable");
}

#[test]
fn too_much_is_refused() {
    let limits = Limits::default();
    let wide = vec!["1"; 1_000_000].join(",");
    assert_eq!(code(format!("{wide}\n{wide}\n")), "file.too_many_columns");
    let columns = vec!["c"; 1_001].join(",");
    assert_eq!(code(format!("{columns}\n{columns}\n")), "file.too_many_columns");
    assert_eq!(code(format!("Date,Item\n2024-01-01,{}\n", "x".repeat(1 << 20))), "file.line_too_long");
    assert_eq!(code(format!("Date,Item\n2024-01-01,{}\n", "x".repeat(200_000))), "file.field_too_long");
    let open = format!("Date,Item\n2024-01-01,\"Bread\n{}", "2024-01-02,Cake\n".repeat(200_000));
    assert_eq!(code(&open), "file.field_too_long");
    assert_eq!(code_within(PLAIN, &Limits { file_bytes: 20, ..limits.clone() }), "file.too_large");
    let bomb = gzip(&b"Date,Item\n2024-01-01,Bread\n".repeat(1_000_000));
    assert_eq!(code_within(bomb, &Limits { gzip_ratio: 20, ..limits }), "file.gzip_bomb");
}

#[test]
fn gzip_is_known_by_its_bytes() {
    let packed = gzip(PLAIN.as_bytes());
    let found = look(&packed);
    assert!(found.gzip && found.rows == 2);
    assert_ne!(found.digest, look(PLAIN).digest);
    let plain = look(PLAIN);
    assert_eq!((found.content, plain.content), (plain.digest, plain.digest), "what it holds is the same, packed or not");
    let (one, other) = PLAIN.as_bytes().split_at(40);
    assert_eq!(look([gzip(one), gzip(other)].concat()).content, plain.digest, "however it is packed");
    assert_eq!(profile(&file("sales.csv.gz", PLAIN), &Limits::default()).unwrap().rows, 2);
    assert_eq!(look([packed.as_slice(), &gzip(b"2024-05-03,3,Bun,1,1.00\n")].concat()).rows, 3);
    assert_eq!(code(&packed[..packed.len() - 9]), "file.gzip_truncated");
    let mut damaged = packed.clone();
    let end = damaged.len() - 6;
    damaged[end] ^= 0xff;
    assert_eq!(code(damaged), "file.not_gzip");
    assert_eq!(code(b"\x1f\x8b\x99\x99\x99\x99\x99\x99\x99\x99\x99\x99"), "file.not_gzip");
    assert_eq!(code(gzip(&packed)), "file.not_text");
}

#[test]
fn the_digest_is_that_of_the_raw_bytes() {
    assert_eq!(look("a,b\n1,2\n").digest_hex(), "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470");
}

#[test]
fn one_foreign_byte_at_the_very_end_decides_the_encoding() {
    let mut bytes = b"Date,Item\n".to_vec();
    bytes.extend(b"2024-05-01,Bread\n".repeat(30_000));
    bytes.extend(b"2024-05-01,\x91Nduja\n");
    let (_, lines, _) = sales(&bytes);
    assert_eq!(lines.last().unwrap().item, "\u{2018}Nduja");
    let found = look(&bytes);
    let why = Said::NotUtf8 { byte: "0x91".into(), line: 30_002 };
    assert_eq!((found.encoding, found.encoding_why), (Encoding::Windows1252, why));
    // A letter of two bytes that lies across two chunks is still UTF-8.
    for shift in 0..3 {
        let text = format!("Date,Item\n{}{}", " ".repeat(shift), "2024-05-01,Crème brûlée\n".repeat(10_000));
        assert_eq!(look(text).encoding, Encoding::Utf8);
    }
}

#[test]
fn sixteen_bit_text_is_read() {
    let text = "Datum;Artikel;Preis\r\n31.12.2024;Brötchen;0,45 €\r\n";
    for (mark, big) in [([0xff, 0xfe], false), ([0xfe, 0xff], true)] {
        let bytes: Vec<u8> = mark
            .into_iter()
            .chain(text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }))
            .collect();
        let (_, lines, _) = sales(bytes);
        assert_eq!((lines[0].item.as_str(), lines[0].unit_price), ("Brötchen", d("0.45")));
    }
}

#[test]
fn a_german_export_is_understood() {
    let text = "Verkäufe Mai\n\nBon-Nr.;Datum;Uhrzeit;Artikel;Menge;Einzelpreis;Betrag\n1;01.05.2024;7:05;\"Brot; groß\";2;3,20 €;6,40 €\n1;01.05.2024;7:05;Brezel;-1;0,90 €;-0,90 €\n2;02.05.2024;7:06;Torte;1;1.234,50 €;1.234,50 €\n";
    let (guess, lines, refused) = sales(text);
    assert_eq!(refused, []);
    let file = &guess.mapping.files[0];
    assert_eq!(file.dialect, Dialect { delimiter: ';', quoted: true, header: true, first_line: 3 });
    assert_eq!((lines[0].item.as_str(), lines[0].unit_price, lines[0].line_total), ("Brot; groß", d("3.20"), d("6.40")));
    assert!(lines[1].is_refund() && lines[1].amount() == d("-0.90"));
    assert_eq!((lines[2].amount(), lines[2].line_no), (d("1234.5"), 6));
    assert_eq!(lines[0].at, jiff::civil::datetime(2024, 5, 1, 7, 5, 0, 0));
}

#[test]
fn a_pandas_export_has_a_nameless_first_column_and_float_tickets() {
    let text = ",ticket_number,date,time,article,Quantity,unit_price\n0,150040.0,2021-01-02,08:38,BAGUETTE,1.0,\"0,90 €\"\n1,150040.0,2021-01-02,08:38,PAIN AU CHOCOLAT,3.0,\"1,20 €\"\n4,150041.0,2021-01-02,09:14,\"=cmd|' /C calc'!A0\",-2.0,\"1,20 €\"\n";
    let (_, lines, refused) = sales(text);
    assert_eq!(refused, []);
    assert_eq!((lines[0].ticket.as_deref(), lines[0].unit_price, lines[0].quantity), (Some("150040"), d("0.90"), Decimal::ONE));
    assert_eq!((lines[2].item.as_str(), lines[2].is_refund(), lines[2].amount()), ("=cmd|' /C calc'!A0", true, d("-2.4")));
    let r = "ticket date item\n1 1 2024-01-01 Bread\n2 1 2024-01-01 Cake\n".replace(' ', "\t");
    let (_, lines, _) = sales(r);
    assert_eq!((lines[0].item.as_str(), lines[1].ticket.as_deref()), ("Bread", Some("1")));
}

#[test]
fn amounts_without_minor_unit_and_with_words() {
    let (guess, lines, refused) =
        sales("日付,Date,Item,Amount\nx,2024/05/01,メロンパン,\"¥1,200\"\nx,2024/05/01,あんパン,¥180\nx,2024/05/02,食パン,(¥300)\n");
    assert_eq!(refused, []);
    assert_eq!(lines.iter().map(|line| line.amount()).collect::<Vec<_>>(), [d("1200"), d("180"), d("-300")]);
    assert_eq!(guess.unsure().count(), 0);
    let (_, lines, _) = sales("Tarehe,Bidhaa,Idadi,Bei\n1/5/2024,Mkate,2,\"KSh 1,200.50\"\n31/5/2024,Keki,1,100/=\n");
    assert_eq!(lines[0].amount(), d("2401"));
    assert_eq!(lines[1].at.date(), jiff::civil::date(2024, 5, 31));
}

#[test]
fn day_and_month_are_told_apart_or_the_doubt_is_said() {
    let order = |dates: &[&str]| {
        let text = dates.iter().fold("Date,Item,Price\n".to_owned(), |all, date| format!("{all}{date},Bread,1.00\n"));
        let column = look(text).columns.swap_remove(0);
        (column.format, column.sure, column.why)
    };
    let dmy = Format::Date { order: DateOrder::DayMonthYear };
    let mdy = Format::Date { order: DateOrder::MonthDayYear };
    let (format, sure, why) = order(&["1/02/2024", "13/02/2024"]);
    let third = Said::LineHas { line: 3, cell: "13/02/2024".into() };
    assert_eq!((format, sure, why), (dmy, Sure::Certain, Said::DaysLike { sample: "D/MM/YYYY", why: Box::new(third) }));
    assert_eq!(order(&["1/02/2024", "02/13/2024"]).0, mdy);
    let (format, sure, _) = order(&["1/02/2024", "1/03/2024", "2/01/2024"]);
    assert_eq!((format, sure), (mdy, Sure::Likely));
    let (_, sure, why) = order(&["1/02/2024", "1/02/2024"]);
    let doubt = Said::DaysUnsure { other: "M/DD/YYYY" };
    assert_eq!((sure, why), (Sure::Unsure, Said::DaysLike { sample: "D/MM/YYYY", why: Box::new(doubt) }));
    assert_eq!(order(&["14/02/2024", "02/14/2024", "15/02/2024"]).1, Sure::Unsure);
    assert_eq!(order(&["1.2.2024"]).0, dmy);
    let why = |dates: &[&str]| order(dates).2;
    assert_eq!(why(&["2024-02-01"]), Said::DaysLike { sample: "YYYY-MM-DD", why: Box::new(Said::YearInFront) });
    assert_eq!(why(&["1 Feb 2024", "2 Feb 2024"]), Said::MonthNamed);
    assert_eq!(why(&["1 Feb 2024", "2024-02-01", "2024-02-02 10:00"]), Said::YearsAndMonths { years: 2, months: 1 });
    let (format, sure, _) = order(&["2024-02-01T10:00:00Z", "2024-02-01T11:00:00+03:00"]);
    assert_eq!((format, sure), (Format::Datetime { order: DateOrder::YearMonthDay }, Sure::Certain));
}

#[test]
fn the_next_months_file_may_decide_for_both() {
    let january = file("january.csv", "Date,Item,Price\n1/02/2024,Bread,1.00\n");
    let february = file("february.csv", "Date,Item,Price\n13/02/2024,Cake,2.00\n14/02/2024,Cake,2.00\n");
    let (guess, lines, _) = take(&[january, february]);
    assert_eq!(guess.unsure().count(), 0);
    assert_eq!(
        lines.iter().map(|line| (&*line.file, line.at.day(), line.at.month())).collect::<Vec<_>>(),
        [("january.csv", 1, 2), ("february.csv", 13, 2), ("february.csv", 14, 2)]
    );
}

#[test]
fn each_bad_line_is_refused_with_its_reason() {
    let long = "x".repeat(501);
    let text = format!(
        "Date,Time,Ticket,Item,Qty,Price\n{}2024-05-01,10:00,1,Bread\n2024-05-01,10:00,1,Bread,1,1.00,extra\n2024-13-01,10:00,1,Bread,1,1.00\n2024-05-01,25:00,1,Bread,1,1.00\n2024-05-01,10:00,1,Bread,one,1.00\n\n2024-05-01,10:00,1,,1,1.00\n2024-05-01,10:00,1,{long},1,1.00\n,,,,,\n2024-05-01,10:00,1,\"Bread\nand\",1,1.00\n2024-05-01,10:00,1,Cake,1,\n2024-05-01,10:00,1,Bread,,1.00\n2024-05-01,10:00,1,Bread,1,1.00,,\n",
        "2024-05-01,10:00,1,Bread,1,1.00\n".repeat(30)
    );
    let (_, lines, refused) = sales(text);
    let codes: Vec<_> = refused.iter().map(|line| (line.line_no, line.code)).collect();
    assert_eq!(
        codes,
        [
            (32, "line.cells"),
            (33, "line.cells"),
            (34, "line.bad_date"),
            (35, "line.bad_time"),
            (36, "line.bad_number"),
            (38, "line.no_item"),
            (39, "line.too_long"),
            (41, "line.open_quote"),
            (44, "line.bad_number"),
        ]
    );
    assert_eq!(*refused[0].reason, Said::LineCells { has: 4, wanted: 6 });
    let day = Said::NotDay { column: "Date".into(), cell: "2024-13-01".into(), sample: "YYYY-MM-DD" };
    assert_eq!(*refused[2].reason, day);
    assert_eq!(refused[4].raw, "2024-05-01 | 10:00 | 1 | Bread | one | 1.00");
    assert_eq!((lines.len(), lines[30].item.as_str(), lines[30].unit_price), (32, "Cake", None));
}

#[test]
fn headers_may_be_missing_doubled_or_unknown() {
    let (guess, lines, _) = sales("2024-05-01,10:00,7,Bread,2.5\n2024-05-01,10:00,7,Cake,3.5\n2024-05-02,10:01,8,Bread,2.5\n");
    assert!(!guess.mapping.files[0].dialect.header);
    assert_eq!((lines.len(), lines[0].ticket.as_deref(), lines[0].item.as_str(), lines[0].line_no), (3, Some("7"), "Bread", 1));
    let found = look("Item,Total,total,\n1,2,3,4\n");
    assert_eq!(found.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Item", "Total", "total (2)", "column 4"]);
    let (guess, lines, _) = sales("foo,bar\n2024-05-01 09:30,Bread\n2024-05-02 10:30,Cake\n");
    assert_eq!((lines[1].item.as_str(), lines[1].at), ("Cake", jiff::civil::datetime(2024, 5, 2, 10, 30, 0, 0)));
    assert!(guess.decisions.iter().any(|decision| decision.sure == Sure::Likely));
    let (_, lines, _) = sales("sep=;\nDate;Item;Price\n2024-05-01;Bread;1,00\n");
    assert_eq!((lines[0].line_no, lines[0].unit_price), (3, d("1")));
    let (_, lines, _) = sales("Date|Item\r20240501|Bread\r20240502|12\" pipe\r");
    assert_eq!((lines[1].item.as_str(), lines[1].time_known), ("12\" pipe", false));
}

#[test]
fn a_column_says_what_it_holds() {
    let found = look("a,b,c,d,e,f,g\n10:00 AM,12.0,NULL,\"1,5\",1.234,,x\n1:05 PM,13.0,5,\"2,25\",2.500,,y\n");
    let kinds: Vec<_> = found.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Kind::Time, Kind::Whole, Kind::Whole, Kind::Number, Kind::Number, Kind::Empty, Kind::Text]);
    assert_eq!(found.columns[2].empty_words, [("NULL".to_owned(), 1)]);
    assert_eq!((found.columns[3].format, found.columns[3].sure), (Format::Number { mark: Mark::Comma }, Sure::Certain));
    let alone = look("a,b\n1.234,x\n2.500,y\n");
    assert_eq!((alone.columns[0].kind, alone.columns[0].sure), (Kind::Number, Sure::Unsure));
    assert_eq!(look("a,b\n£1.50,x\n£2,y\n").columns[0].currency.as_deref(), Some("£"));
}

#[test]
fn a_person_may_change_the_guess() {
    let sources = [file("sales.csv", "Date,Item,Note,Price\n1/02/2024,NONE,Bread,1.00\n2/02/2024,Cake,Bun,2.00\n")];
    let profiles = [profile(&sources[0], &Limits::default()).unwrap()];
    let mut mapping = guess(&profiles).mapping;
    let name = |column: &str| ColumnRef::Name(column.to_owned());
    mapping.assign(Assigned {
        role: Role::Date,
        file: "sales.csv".into(),
        column: ColumnRef::Number(1),
        format: Format::Date { order: DateOrder::MonthDayYear },
        empty_words: vec![],
    });
    let mut item = mapping.column(Role::Item).unwrap().clone();
    item.empty_words.clear();
    mapping.assign(item);
    let lines: Vec<_> = read(&sources, &profiles, &mapping, &Limits::default()).unwrap().map(|line| line.unwrap().unwrap()).collect();
    assert_eq!((lines[0].item.as_str(), lines[1].at.date()), ("NONE", jiff::civil::date(2024, 2, 2)));
    assert_eq!(lines[0].at.date(), jiff::civil::date(2024, 1, 2));

    let fails = |change: &dyn Fn(&mut tables::Mapping)| {
        let mut changed = mapping.clone();
        change(&mut changed);
        read(&sources, &profiles, &changed, &Limits::default()).err().unwrap().code
    };
    assert_eq!(fails(&|m| m.unassign(Role::Date)), "mapping.no_date");
    assert_eq!(fails(&|m| m.unassign(Role::Item)), "mapping.no_item");
    assert_eq!(fails(&|m| m.columns[0].column = name("Nothing")), "mapping.unknown_column");
    assert_eq!(fails(&|m| m.columns[0].file = "other.csv".into()), "mapping.unknown_file");
    assert_eq!(fails(&|m| m.files[0].part = Part::Unused), "mapping.no_lines");
    assert_eq!(fails(&|m| m.columns.push(m.columns[0].clone())), "mapping.role_twice");
    let text = serde_json::to_string(&mapping).unwrap();
    assert!(serde_json::from_str::<tables::Mapping>(&text.replace("\"columns\"", "\"colums\"")).is_err());
}

#[test]
fn a_dialect_and_an_encoding_may_be_named() {
    let bytes = b"Date;Item\n2024-05-01;Cr\xe8me\n";
    let plain = Dialect { delimiter: ';', quoted: true, header: false, first_line: 2 };
    let found = profile_as(&file("sales.csv", bytes), &Limits::default(), None, Some(&plain)).unwrap();
    assert_eq!((found.rows, found.columns.len(), found.columns[1].name.as_str()), (1, 2, "column 2"));
    let refusal = profile_as(&file("sales.csv", bytes), &Limits::default(), Some(Encoding::Utf8), None).unwrap_err();
    assert_eq!(refusal.code, "file.not_text");
}

#[test]
fn lookups_are_bounded_and_must_not_contradict_themselves() {
    let lines = file("sales.csv", "Date,Item\n2024-05-01,Bread\n2024-05-01,Bun\n2024-05-01,Bread\n");
    let prices = file("prices.csv", "Item,Price\nBread,1.00\nBun,2.00\n");
    let sources = [lines.clone(), prices];
    let profiles: Vec<_> = sources.iter().map(|source| profile(source, &Limits::default()).unwrap()).collect();
    let mapping = guess(&profiles).mapping;
    let small = Limits { lookup_rows: 1, ..Limits::default() };
    assert_eq!(read(&sources, &profiles, &mapping, &small).err().unwrap().code, "file.lookup_too_large");
    let tight = Limits { lookup_bytes: 8, ..Limits::default() };
    assert_eq!(read(&sources, &profiles, &mapping, &tight).err().unwrap().code, "file.lookup_too_large");

    let twice = file("prices.csv", "Item,Price\nBread,1.00\nBun,2.00\nBread,1.50\n");
    let sources = [lines, twice];
    let profiles: Vec<_> = sources.iter().map(|source| profile(source, &Limits::default()).unwrap()).collect();
    assert_eq!(read(&sources, &profiles, &mapping, &Limits::default()).err().unwrap().code, "file.lookup_not_unique");
    let guess = guess(&profiles);
    let miss = Said::NearMiss { column: "Item".into(), key: "Bread".into(), line: 4 };
    let unused = |text: &Said| matches!(text, Said::FileIs { what, .. } if **what == Said::TakesNoPart { why: Box::new(miss.clone()) });
    assert!(guess.decisions.iter().any(|decision| unused(&decision.text)), "{:?}", guess.decisions);
    let same = [sources[0].clone(), sources[0].clone()];
    assert_eq!(read(&same, &profiles, &mapping, &Limits::default()).err().unwrap().code, "file.same_name");
}

#[test]
fn a_file_that_changes_under_the_reader_ends_the_reading() {
    let before = [file("sales.csv", PLAIN)];
    let profiles = [profile(&before[0], &Limits::default()).unwrap()];
    let mapping = guess(&profiles).mapping;
    for after in [format!("{PLAIN}2024-05-03,3,Bun,1,1.00\n"), PLAIN.lines().take(2).collect::<Vec<_>>().join("\n")] {
        let last = read(&[file("sales.csv", after)], &profiles, &mapping, &Limits::default()).unwrap().last().unwrap();
        assert_eq!(last.unwrap_err().code, "file.changed");
    }
}

#[test]
fn a_day_that_can_not_be_read_is_told_by_its_column_and_a_cell() {
    let problem = |text: &str| guess(&[look(text)]).problems.swap_remove(0);
    let serials = problem("ticket,date,item,price\n1,45413,Bread,3.20\n2,45414,Cake,4.00\n");
    let said = Said::NotDays { column: "date".into(), line: 2, cell: "45413".into(), cells: 2, days: 0 };
    assert_eq!((serials.code, serials.reason), ("mapping.no_date", said));
    let words = problem("ticket,Sale date,item,price\n1,2024-05-01,Bread,3.20\n2,last Monday,Cake,4.00\n");
    let said = Said::NotDays { column: "Sale date".into(), line: 3, cell: "last Monday".into(), cells: 2, days: 1 };
    assert_eq!(words.reason, said);
    assert_eq!(problem("date,item,price\n,Bread,3.20\n,Cake,4.00\n").reason, Said::DaysMissing { column: "date".into() });
    assert_eq!(problem("item,price\nBread,3.20\n").reason, Said::NothingLikeDay);
    // Told as well where a person confirms a mapping without a day.
    let source = [file("sales.csv", "date,item,price\nsoon,Bread,3.20\n")];
    let profiles = [profile(&source[0], &Limits::default()).unwrap()];
    let refused = read(&source, &profiles, &guess(&profiles).mapping, &Limits::default()).err().unwrap();
    assert!(matches!(refused.reason, Said::NotDays { .. }), "{refused:?}");
    let (guess, ..) = sales("date,item\n20240501,Bread\n20240502,Cake\n");
    let why = Said::DaysLike { sample: "YYYYMMDD", why: Box::new(Said::YearInFront) };
    assert!(
        guess.decisions.iter().any(|d| matches!(&d.text, Said::ColumnIs { why: all, .. } if all.contains(&why))),
        "{:?}",
        guess.decisions
    );
}

#[test]
fn nothing_that_looks_like_sales_is_a_problem_not_an_error() {
    let profiles = [look("alpha,beta\n1,2\n3,4\n")];
    let guess = guess(&profiles);
    assert_eq!(guess.problems[0].code, "mapping.no_lines");
    assert_eq!(guess.mapping.files[0].part, Part::Unused);
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
    }

    #[test]
    fn no_table_makes_the_reader_panic(cells in prop::collection::vec("[0-9]{0,4}|1/2/2024|31[.-]12[.-]24|9:5[0-9]( [AP]M)?|\"|Item|Date|date time|NULL|£1,2.3|\\PC{0,6}", 0..60), marks in prop::collection::vec("[,;\t|\n\r]", 60)) {
        let text: String = cells.iter().zip(&marks).map(|(cell, mark)| format!("{cell}{mark}")).collect();
        survive(format!("Date,Item,Price\n2024-05-01,Bread,1.00\n{text}").as_bytes());
        survive(text.as_bytes());
    }
}

/// Every row is either taken or refused, whatever the file holds.
fn survive(bytes: &[u8]) {
    let sources = [file("sales.csv", bytes)];
    let Ok(profile) = profile(&sources[0], &Limits::default()) else { return };
    let rows = profile.rows;
    let profiles = [profile];
    let guess = guess(&profiles);
    if guess.problems.is_empty() {
        let lines = read(&sources, &profiles, &guess.mapping, &Limits::default()).unwrap();
        assert_eq!(lines.map(Result::unwrap).count() as u64, rows);
    }
}
