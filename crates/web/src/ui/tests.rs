//! The look, checked: contrast of every pair of ink and surface, and the manners of the markup.

use super::{Theme, gallery, gallery_in};
use crate::assets;
use std::collections::{BTreeSet, HashMap};

fn style() -> &'static str {
    std::str::from_utf8(assets::named("app.css").bytes).unwrap()
}

/// The colours that the first block after `opening` gives.
fn palette(opening: &str) -> HashMap<&'static str, &'static str> {
    let block = style().split_once(opening).unwrap().1.split_once('{').unwrap().1.split_once('}').unwrap().0;
    block
        .split(';')
        .filter_map(|line| line.trim().split_once(": "))
        .filter(|(name, value)| name.starts_with("--") && value.len() == 7 && value.starts_with('#'))
        .collect()
}

fn light(hex: &str) -> f64 {
    let part = |from: usize| {
        let share = f64::from(u8::from_str_radix(&hex[from..from + 2], 16).unwrap()) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

const AA: f64 = 4.5;
const AAA: f64 = 7.0;
/// Edges of fields and shapes of charts, which are no text.
const SHAPE: f64 = 3.0;

/// Ink, surface, the least contrast. Figures stand in `--ink` and their units in `--ink-2`, on any of the surfaces; a wrong
/// or good difference stands in `--bad` or `--good` on a sheet.
const PAIRS: &[(&str, &str, f64)] = &[
    ("--ink", "--paper", AAA),
    ("--ink", "--sheet", AAA),
    ("--ink", "--crust", AAA),
    ("--ink", "--line", AAA),
    ("--ink-2", "--paper", AAA),
    ("--ink-2", "--sheet", AAA),
    ("--ink-2", "--crust", AA),
    ("--ink-2", "--line", AA),
    ("--main-ink", "--main", AA),
    ("--main-ink", "--main-over", AA),
    ("--good", "--sheet", AAA),
    ("--good", "--paper", AAA),
    ("--good", "--good-wash", AAA),
    ("--bad", "--sheet", AAA),
    ("--bad", "--paper", AAA),
    ("--bad", "--bad-wash", AAA),
    ("--wait", "--wait-wash", AAA),
    ("--ink", "--good-wash", AAA),
    ("--ink", "--bad-wash", AAA),
    ("--ink", "--wait-wash", AAA),
    ("--paper", "--bar-strong", AAA),
    ("--heat-low-ink", "--heat-0", AAA),
    ("--heat-low-ink", "--heat-1", AAA),
    ("--heat-low-ink", "--heat-2", AAA),
    ("--heat-high-ink", "--heat-3", AA),
    ("--heat-high-ink", "--heat-4", AAA),
    ("--edge", "--sheet", SHAPE),
    ("--edge", "--paper", SHAPE),
    ("--bar", "--sheet", SHAPE),
    ("--bar-strong", "--sheet", AAA),
    ("--bar-strong", "--bar", 2.0),
];

#[test]
fn each_ink_can_be_read_on_each_surface_in_both_themes() {
    let mut wrong = Vec::new();
    for theme in [":root, [data-theme=light]", "\n  [data-theme=dark]"] {
        let colours = palette(theme);
        for (ink, surface, least) in PAIRS {
            let found = contrast(colours[ink], colours[surface]);
            if found < *least {
                wrong.push(format!("{theme}: {ink} on {surface} has {found:.2}, needs {least}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn dark_is_the_same_whether_the_device_or_the_person_asked() {
    let asked = palette("\n  [data-theme=dark]");
    assert!(asked.len() > 20);
    assert_eq!(palette(":root:not([data-theme=light])"), asked);
    let names = |colours: &HashMap<&'static str, &'static str>| colours.keys().copied().collect::<BTreeSet<_>>();
    assert_eq!(names(&palette(":root, [data-theme=light]")), names(&asked));
}

/// A start tag: its name and attributes.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

const VOID: &[&str] = &["meta", "link", "input", "br"];

/// The start tags of a page; fails where tags don't nest. Maud escapes `<` and `>` in text and quotes in attributes.
fn tags(page: &str) -> Vec<Tag> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags nest");
            continue;
        }
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let end = rest.find([' ', '=']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let (value, after) = match after.strip_prefix("=\"") {
                Some(quoted) => quoted.split_once('"').expect("a value ends"),
                None => ("", after),
            };
            attributes.push((key.to_owned(), value.to_owned()));
            rest = after.trim_start();
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        found.push(Tag { name: name.to_owned(), attributes });
    }
    assert!(open.is_empty(), "left open: {open:?}");
    found
}

#[test]
fn the_page_keeps_the_strictest_content_policy() {
    for tag in tags(&gallery().into_string()) {
        for (name, _) in &tag.attributes {
            assert!(name != "style" && !name.starts_with("on") && !name.starts_with("hx-on"), "<{} {name}>", tag.name);
        }
        assert_ne!(tag.name, "style");
        if tag.name == "script" {
            assert!(tag.get("src").is_some_and(|src| assets::find(src).is_some()) && tag.get("integrity").is_some());
        }
    }
    assert!(!gallery().into_string().contains("javascript:"));
}

#[test]
fn ids_are_unique_and_what_points_at_an_id_finds_it() {
    let tags = tags(&gallery().into_string());
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.get("id")) {
        assert!(ids.insert(id), "twice: {id}");
    }
    for tag in &tags {
        for name in ["for", "aria-describedby", "aria-labelledby", "list", "data-open", "data-keypad"] {
            for id in tag.get(name).unwrap_or_default().split_whitespace() {
                assert!(ids.contains(id), "<{} {name}={id}>", tag.name);
            }
        }
    }
}

#[test]
fn every_field_has_a_label() {
    let page = gallery().into_string();
    let tags = tags(&page);
    let labelled: BTreeSet<_> = tags.iter().filter(|tag| tag.name == "label").filter_map(|tag| tag.get("for")).collect();
    for tag in tags.iter().filter(|tag| ["input", "select", "textarea"].contains(&tag.name.as_str()) && tag.get("type") != Some("hidden")) {
        let inside = tag.get("data-pick").is_some() || tag.get("data-pick-all").is_some();
        assert!(inside || tag.get("id").is_some_and(|id| labelled.contains(id)), "{:?}", tag.attributes);
    }
}

#[test]
fn every_form_that_changes_something_carries_token_and_intent() {
    let page = gallery().into_string();
    for form in page.split("<form").skip(1).filter(|form| form.split('>').next().is_some_and(|tag| tag.contains("method=\"post\""))) {
        let inside = form.split("</form").next().unwrap();
        assert!(inside.contains("name=\"csrf\"") && inside.contains("name=\"intent\""), "{inside}");
    }
}

#[test]
fn every_class_of_the_style_is_shown_and_every_shown_class_has_a_style() {
    let shown: BTreeSet<String> = tags(&gallery().into_string())
        .iter()
        .flat_map(|tag| tag.get("class").unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let code: String = style().split("/*").map(|part| part.split_once("*/").map_or(part, |(_, code)| code)).collect();
    let styled: BTreeSet<String> = code
        .split('}')
        .flat_map(|rule| rule.rsplit_once('{').map_or("", |(selectors, _)| selectors).split('.').skip(1))
        .map(|name| name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect())
        .filter(|name: &String| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .collect();
    // Set by script, or on a page without rail, or a third line of a chart.
    let elsewhere = ["js", "over", "some", "plain", "dotted", "mark-line", "middle", "end"];
    let unshown: Vec<_> = styled.iter().filter(|name| !shown.contains(*name) && !elsewhere.contains(&name.as_str())).collect();
    assert!(unshown.is_empty(), "styled, not shown: {unshown:?}");
    // Names for tests and scripts to hold on to, looking like their surroundings.
    let bare = [
        "act",
        "c-state",
        "c-text",
        "document-lines",
        "event-what",
        "next",
        "place-name",
        "period-days",
        "value",
        "quiet",
        "rows",
        "sheet-from",
    ];
    let unstyled: Vec<_> = shown.iter().filter(|name| !styled.contains(*name) && !bare.contains(&name.as_str())).collect();
    assert!(unstyled.is_empty(), "shown, not styled: {unstyled:?}");
}

#[test]
fn each_icon_that_is_used_exists() {
    let icons = std::str::from_utf8(assets::named("icons.svg").bytes).unwrap();
    for tag in tags(&gallery().into_string()).iter().filter(|tag| tag.name == "use") {
        let (file, id) = tag.get("href").unwrap().split_once('#').unwrap();
        assert_eq!(file, assets::url("icons.svg"));
        assert!(icons.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn the_theme_is_written_only_when_chosen() {
    let tag = |theme| tags(&gallery_in(theme).into_string()).into_iter().next().unwrap();
    assert_eq!(tag(Theme::Auto).get("data-theme"), None);
    assert_eq!(tag(Theme::Dark).get("data-theme"), Some("dark"));
    assert_eq!(Theme::named("light"), Theme::Light);
    assert_eq!(Theme::named("<x>"), Theme::Auto);
}

#[test]
fn amounts_carry_a_true_minus_before_the_currency() {
    assert_eq!(super::money("-3.20", "£").into_string(), "<span class=\"number\">−<span class=\"unit\">£</span>3.20</span>");
    assert_eq!(super::money_after("3,20", "€").into_string(), "<span class=\"number\">3,20<span class=\"unit\">\u{a0}€</span></span>");
}

#[test]
fn what_was_typed_comes_back_escaped_but_a_password_does_not() {
    let typed = super::field(&super::Field::text("name", "Name").value("\"><script>")).into_string();
    assert!(typed.contains("&quot;&gt;&lt;script&gt;"));
    let secret = super::field(&super::Field::new("password", "Password", super::Kind::Password).value("hunter2hunter2")).into_string();
    assert!(!secret.contains("hunter2"));
}

#[test]
fn charts_stand_on_any_numbers() {
    use super::{Bar, BarChart, Direction, Heat, Line, LineChart, Point, bar_chart, heat_chart, line_chart, sparkline};
    for values in [vec![], vec![0.0], vec![-4.0, 2.0], vec![f64::NAN, 1.0], vec![5.0; 400]] {
        let points = || values.iter().map(|value| Point::new("a", *value, "a"));
        for direction in [Direction::Across, Direction::Up] {
            let bars = points().map(|point| Bar { point, strong: false }).collect();
            tags(&bar_chart(&BarChart { title: "t".to_owned(), direction, bars }).into_string());
        }
        let lines = vec![Line { name: "n".to_owned(), points: points().collect() }];
        tags(&line_chart(&LineChart { title: "t".to_owned(), lines }).into_string());
        tags(
            &heat_chart(&Heat { title: "t".to_owned(), days: vec!["Mon".to_owned()], hours: vec![("07".to_owned(), points().collect())] })
                .into_string(),
        );
        let drawn = sparkline(&values, "n").into_string();
        assert!(!drawn.contains("inf"), "{drawn}");
    }
}

#[test]
fn columns_say_their_figures_where_they_can_be_read() {
    use super::{Bar, BarChart, Direction, Point, bar_chart};
    // What is written in the chart, and how many rows its table has.
    let said = |values: &[f64]| {
        let bar = |value: &f64| Bar { point: Point::new("a day", *value, format!("£{value:.2}")), strong: false };
        let chart = BarChart { title: "Sales".to_owned(), direction: Direction::Up, bars: values.iter().map(bar).collect() };
        let drawn = bar_chart(&chart).into_string();
        let words = drawn.split("class=\"value").skip(1).map(|text| text.split(['<', '>']).nth(1).unwrap().to_owned()).collect::<Vec<_>>();
        (words, drawn.matches("<td").count() / 2)
    };
    let figures = |words: &[&str], rows: usize| (words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), rows);
    // An empty fortnight says nothing fourteen times over; its table still has every day.
    assert_eq!(said(&[0.0; 14]), figures(&[], 14));
    let mut one = [0.0; 14];
    one[3] = 9.6;
    assert_eq!(said(&one), figures(&["£9.60"], 14));
    assert_eq!(said(&[0.0, 0.0, 2.0]), figures(&["£2.00"], 3));
    assert_eq!(said(&[0.0, 1.0, 2.0]), figures(&["£0.00", "£1.00", "£2.00"], 3));
    // As many that are the same are said once.
    assert_eq!(said(&[5.0; 14]), figures(&["£5.00"], 14));
}
