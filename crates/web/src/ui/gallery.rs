//! The page that shows every component living, with a day of a bakery in it.

use super::*;
use crate::ui::Choice;
use maud::{Markup, html};
use std::cmp::Ordering;

/// Every component, in the theme of the device.
pub fn gallery() -> Markup {
    gallery_in(Theme::Auto)
}

/// Every component in one theme.
pub fn gallery_in(theme: Theme) -> Markup {
    let now = html! { (quantity("38", "orders")) " for tomorrow, " (badge(Tone::Waiting, "4 wait for dough")) };
    let bar = Toolbar {
        crumbs: Vec::new(),
        title: "Components".to_owned(),
        now: Some(now),
        buttons: vec![
            Button::open("Put on account", "account", "/ui/account"),
            Button::open("Filters", "more", "/ui/filters").icon("filter"),
            Button::link("New order", "/orders/new").main().icon("plus"),
        ],
    };
    let said = Toast { text: "Order 1042 cancelled.".to_owned(), undo: Some(Act::new(words::UNDO, "/orders/1042/undo", secret("u1"))) };
    let body = html! {
        (themes(theme))
        (section("Figures", day()))
        (section("Charts", charts()))
        (section("List", list()))
        (section("Document", order()))
        (section("Buttons, states and steps", controls()))
        (section("Fields", fielding()))
        (section("Places, as a phone lists them", place_list(&frame().places)))
        (section("On the floor", floor()))
        (section("Empty, trouble, loading", states()))
        (section("Sheet of paper", sheet()))
        (layers())
    };
    page(&Page { theme, toast: Some(toast(&said)), ..Page::new("Components", body).toolbar(bar).frame(frame()) })
}

fn secret(intent: &str) -> Guard {
    Guard { csrf: "shown-in-the-gallery".to_owned(), intent: intent.to_owned() }
}

fn section(title: &str, body: Markup) -> Markup {
    html! { section.stack { h2 { (title) } (body) } }
}

fn themes(now: Theme) -> Markup {
    let choices = [
        ("/ui", words::THEME_AUTO, Theme::Auto),
        ("/ui?theme=light", words::THEME_LIGHT, Theme::Light),
        ("/ui?theme=dark", words::THEME_DARK, Theme::Dark),
    ];
    let tab = |(href, label, theme): (&str, words::Word, Theme)| Tab {
        label: label.into(),
        href: href.to_owned(),
        current: now == theme,
        count: None,
    };
    tabs(&words::THEME.to_string(), &choices.map(tab))
}

fn frame() -> Frame {
    let place = |label: &str, href: &str, icon, waiting| Place {
        label: label.to_owned(),
        href: href.to_owned(),
        icon,
        current: label == "Today",
        waiting,
    };
    let choice = |label: &str, current| SwitchChoice { label: label.to_owned(), href: "/ui".to_owned(), current };
    Frame {
        business: "Miller & Daughters".to_owned(),
        site: Some("Harbour Street".to_owned()),
        switches: vec![
            Switch { label: "Site".to_owned(), choices: vec![choice("Harbour Street", true), choice("Bakehouse, Mill Lane", false)] },
            Switch { label: "Business".to_owned(), choices: vec![choice("Miller & Daughters", true), choice("Café Nyota", false)] },
        ],
        places: vec![
            place("Today", "/", "home", None),
            place("Orders", "/orders", "order", Some(4)),
            place("Bakehouse", "/batches", "oven", None),
            place("Stock", "/stock", "box", Some(2)),
            place("Reports", "/reports", "chart", None),
        ],
        others: vec![
            place("Customers", "/customers", "card", None),
            place("Books", "/books", "book", None),
            place("Settings", "/settings", "gear", None),
        ],
        links: vec![Crumb { label: "Your businesses".to_owned(), href: "/businesses".to_owned() }],
        search: true,
        all: "/places".to_owned(),
        user: User {
            name: "Ada Miller".to_owned(),
            role: "Owner".to_owned(),
            email: "ada@example.com".to_owned(),
            links: vec![Crumb { label: "Your account".to_owned(), href: "/me".to_owned() }],
            sign_out: Act { icon: Some("leave"), ..Act::new(words::SIGN_OUT, "/sign-out", secret("s1")) },
        },
    }
}

fn day() -> Markup {
    let against = |difference: &str, course, good, with: &str| {
        Some(Against { difference: difference.to_owned(), course, good, with: with.to_owned() })
    };
    let last = "than last Friday";
    let one = |label: &str, value, against, course: &[f64], href: &str| Figure {
        label: label.to_owned(),
        value,
        against,
        course: course.to_vec(),
        href: Some(href.to_owned()),
    };
    let sales = [902.0, 1011.0, 964.0, 1108.0, 1240.0, 1490.0, 1284.0];
    let waste = [3.1, 4.0, 3.6, 2.9, 3.3, 2.2, 1.8];
    let short = against("", Ordering::Equal, None, "as was counted");
    html! {
        (figures(&[
            one("Sales today", money("1,284.60", "£"), against("8 %", Ordering::Greater, Some(true), last), &sales, "/reports/sales"),
            one("Margin", quantity("61.2", "%"), against("1.4 points", Ordering::Less, Some(false), last), &[], "/reports/margin"),
            one("Waste", quantity("1.8", "kg"), against("0.4 kg", Ordering::Less, Some(true), last), &waste, "/reports/waste"),
            one("Loaves", html! { span.number { "412" } }, None, &[], "/reports/items"),
            one("Cash in the till", money("-3.20", "£"), short, &[], "/till"),
        ]))
    }
}

fn charts() -> Markup {
    let bar = |(label, value): (&str, f64), strong| Bar { point: Point::new(label, value, format!("£{value:.0}")), strong };
    let products = [
        ("Country sourdough", 412.0),
        ("Butter croissant", 296.0),
        ("Rye 1 kg", 188.0),
        ("Cinnamon knot", 154.0),
        ("Lunch baguette", 61.0),
    ];
    let days = ["1 Nov", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"];
    let sales = [812.0, 640.0, 901.0, 925.0, 1011.0, 1240.0, 1490.0, 866.0, 702.0, 947.0, 964.0, 1108.0, 1284.0, 1421.0];
    let before = [790.0, 655.0, 870.0, 880.0, 940.0, 1130.0, 1405.0, 830.0, 690.0, 901.0, 935.0, 1020.0, 1180.0, 1300.0];
    let across = products.iter().enumerate().map(|(n, product)| bar(*product, n == 0)).collect();
    let up = days.iter().zip(sales).enumerate().map(|(n, (day, value))| bar((*day, value), n == 13)).collect();
    let line = |name: &str, values: [f64; 14]| Line {
        name: name.to_owned(),
        points: days.iter().zip(values).map(|(day, value)| Point::new(*day, value, format!("£{value:.0}"))).collect(),
    };
    html! {
        div.two {
            (bar_chart(&BarChart { title: "Sales by product, this week".to_owned(), direction: Direction::Across, bars: across }))
            (bar_chart(&BarChart { title: "Sales by day".to_owned(), direction: Direction::Up, bars: up }))
            (line_chart(&LineChart { title: "Sales, this year and last".to_owned(), lines: vec![line("This year", sales), line("Last year", before)] }))
            (heat_chart(&heat()))
        }
    }
}

fn heat() -> Heat {
    let morning = [3_i32, 14, 31, 38, 22, 18, 35, 27, 9, 4];
    let weekday = [70_i32, 74, 80, 85, 110, 150, 0];
    let row = |(n, base): (usize, &i32)| {
        let point = |(day, weight): (usize, &i32)| {
            let count = base * weight / 100;
            Point::new(day.to_string(), f64::from(count), if count == 0 { "–".to_owned() } else { count.to_string() })
        };
        (format!("{:02}:00", n + 7), weekday.iter().enumerate().map(point).collect())
    };
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].map(str::to_owned).to_vec();
    Heat { title: "Sales by hour and weekday, usual week".to_owned(), days, hours: morning.iter().enumerate().map(row).collect() }
}

fn orders() -> Table {
    let row = |number: &str, customer: &str, due: (&str, &str), state, total: &str| Row {
        id: number.to_owned(),
        name: format!("Order {number}"),
        href: Some(format!("/orders/{number}")),
        cells: vec![html! { (number) }, html! { (customer) }, when(due.0, due.1), state, money(total, "£")],
    };
    let today = ("today, 07:30", "2026-11-20T07:30:00Z");
    Table {
        caption: "Orders".to_owned(),
        columns: vec![
            Column::new("Number", ColumnKind::Text).sort("/ui?sort=number", None),
            Column::new("Customer", ColumnKind::Text).sort("/ui?sort=customer", None),
            Column::new("Due", ColumnKind::Date).sort("/ui?sort=-due", Some(Order::Rising)),
            Column::new("State", ColumnKind::State),
            Column::new("Total", ColumnKind::Number).sort("/ui?sort=total", None),
        ],
        rows: vec![
            row("1042", "Café Nyota", today, badge(Tone::Done, "Ready"), "86.40"),
            row("1043", "St Anne’s School", ("today, 09:00", "2026-11-20T09:00:00Z"), badge(Tone::Waiting, "Waits for dough"), "212.00"),
            row("1044", "Harbour Hotel", ("tomorrow, 06:00", "2026-11-21T06:00:00Z"), badge(Tone::Plain, "Placed"), "1,094.75"),
            row("1045", "Counter", ("yesterday, 17:10", "2026-11-19T17:10:00Z"), badge(Tone::Wrong, "Short by 2"), "-4.20"),
        ],
        total: Some(vec![html! { "4 orders" }, html! {}, html! {}, html! {}, money("1,388.95", "£")]),
        bulk: Some(Bulk {
            action: "/orders/many".to_owned(),
            guard: secret("b1"),
            acts: vec![
                ("ready".to_owned(), "Mark as ready".to_owned(), Weight::Quiet),
                ("cancel".to_owned(), "Cancel the orders".to_owned(), Weight::Danger),
            ],
        }),
        empty: None,
    }
}

fn list() -> Markup {
    let states = vec![Choice::new("", "All"), Choice::new("placed", "Placed"), Choice::new("ready", "Ready")];
    let filters = FilterBar {
        action: "/ui".to_owned(),
        fields: vec![
            Field::text("q", "Customer or number").value("ca"),
            Field::new("state", "State", Kind::Select(states)),
            Field::new("due", "Due", Kind::Date),
        ],
        keep: vec![("sort".to_owned(), "due".to_owned())],
        clear: Some("/ui".to_owned()),
        found: Some("4 orders".to_owned()),
    };
    let preset = |label: &str, current| Preset { label: label.to_owned(), href: "/ui".to_owned(), current };
    let period = Period {
        action: "/ui".to_owned(),
        from: "2026-11-16".to_owned(),
        to: "2026-11-22".to_owned(),
        presets: vec![preset("Today", false), preset("This week", true), preset("This month", false)],
        keep: Vec::new(),
    };
    html! {
        (period_picker(&period))
        (filter_bar(&filters))
        (table(&orders()))
        (pager(&Pager { previous: Some("/ui?before=1042".to_owned()), next: Some("/ui?after=1045".to_owned()), here: Some("51–54 of 380".to_owned()) }))
    }
}

fn order() -> Markup {
    let cells = |item: &str, count: &str, price: &str, total: &str| Row {
        id: item.to_owned(),
        name: item.to_owned(),
        href: None,
        cells: vec![html! { (item) }, quantity(count, "pcs"), money(price, "£"), money(total, "£")],
    };
    let columns =
        [("Item", ColumnKind::Text), ("Ordered", ColumnKind::Number), ("Each", ColumnKind::Number), ("Total", ColumnKind::Number)];
    let lines = Table {
        caption: "Lines".to_owned(),
        columns: columns.map(|(label, kind)| Column::new(label, kind)).to_vec(),
        rows: vec![cells("Country sourdough", "12", "4.20", "50.40"), cells("Butter croissant", "24", "1.50", "36.00")],
        total: None,
        bulk: None,
        empty: None,
    };
    document(&Document {
        head: Head {
            crumbs: vec![Crumb { label: "Orders".to_owned(), href: "/orders".to_owned() }],
            kind: "Order".to_owned(),
            number: "1042".to_owned(),
            tone: Tone::Done,
            state: "Ready".to_owned(),
            about: Some("Café Nyota".to_owned()),
            facts: vec![
                Fact::new("Due", when("today, 07:30", "2026-11-20T07:30:00Z")),
                Fact::new("Goes by", html! { "Van 2, stop 3" }),
                Fact::new("Pays", html! { "on account" }),
            ],
        },
        lines: table(&lines),
        money: Some(facts(&[
            Fact::new("Net", money("72.00", "£")),
            Fact::new("VAT 20 %", money("14.40", "£")),
            Fact::new("Total", money("86.40", "£")),
        ])),
        acts: vec![
            Act::new("Load the van", "/orders/1042/load", secret("a1")).weight(Weight::Main),
            Act::new("Cancel the order", "/orders/1042/cancel", secret("a2"))
                .weight(Weight::Danger)
                .confirm("Cancel order 1042? Café Nyota is told by e-mail."),
        ],
        links: vec![Button::link("Delivery note", "/orders/1042/note").icon("print")],
        history: trail(),
    })
}

fn trail() -> Vec<Event> {
    let event = |what: &str, who: &str, when: &str, exact: &str, tone, detail: Option<Markup>| Event {
        what: what.to_owned(),
        who: who.to_owned(),
        when: when.to_owned(),
        exact: exact.to_owned(),
        tone,
        detail,
    };
    vec![
        event("Ready", "Ben Okoro, tablet 1", "today, 05:52", "2026-11-20T05:52:00Z", Tone::Done, None),
        event(
            "Short by 2 croissants",
            "Ben Okoro, tablet 1",
            "today, 05:40",
            "2026-11-20T05:40:00Z",
            Tone::Wrong,
            Some(html! { p { "Two fell. Taken from the counter’s tray." } }),
        ),
        event("Waits for dough", "the plan", "yesterday, 20:10", "2026-11-19T20:10:00Z", Tone::Waiting, None),
        event("Placed", "Ada Miller", "Tuesday, 11:20", "2026-11-17T11:20:00Z", Tone::Plain, Some(html! { p { "Croissants: 20 → 24" } })),
    ]
}

fn controls() -> Markup {
    let step = |label: &str, state, href: Option<&str>| Step { label: label.to_owned(), state, href: href.map(str::to_owned) };
    let tab = |label: &str, current, count| Tab { label: label.to_owned(), href: "/ui".to_owned(), current, count };
    html! {
        div.row {
            (button(&Button::link("Close the day", "/day/close").main()))
            (button(&Button::link("Count the till", "/till/count")))
            (act(&Act::new("Throw away", "/lots/7/discard", secret("d1")).weight(Weight::Danger).confirm("Throw away lot 7? This can’t be undone.")))
            (print_button())
        }
        div.row { (badge(Tone::Done, "Paid")) (badge(Tone::Wrong, "Short")) (badge(Tone::Waiting, "Proving")) (badge(Tone::Plain, "Draft")) }
        (banner(Tone::Done, "The day was closed at 20:14 by Ada Miller.", None))
        (banner(Tone::Wrong, "The till is £3.20 short. Count it again, or say why.", Some(&Button::link("Count again", "/till/count"))))
        (banner(Tone::Waiting, "Two deliveries are not booked in yet.", None))
        (banner(Tone::Plain, "The clocks go back on Sunday; the night bake is an hour longer.", None))
        (stepper(&[step("Float", StepState::Done, Some("/ui")), step("Count", StepState::Now, None), step("Variance", StepState::Next, None), step("Close", StepState::Next, None)]))
        (tabs("Stock", &[tab("On hand", true, None), tab("Short", false, Some(3)), tab("Movements", false, None)]))
    }
}

fn fielding() -> Markup {
    let gbp = Kind::Money { currency: "£".to_owned() };
    let kg = Kind::Quantity { unit: "kg".to_owned() };
    let mills = ["Shipton Mill", "Matthews Cotswold", "Stoates"].map(|mill| Choice::new(mill, "mill")).to_vec();
    let sites = vec![Choice::new("1", "Harbour Street"), Choice::new("2", "Bakehouse, Mill Lane")];
    let mut receive = Form::new(
        "/receipts",
        secret("f1"),
        vec![
            Field::new("supplier", "Supplier", Kind::Search { choices: mills, source: Some("/suppliers/options".to_owned()) })
                .help("Type a few letters."),
            Field::new("site", "Received at", Kind::Select(sites)).value("2"),
            Field::new("quantity", "Flour received", kg).value("-25").error("A delivery can’t be less than nothing."),
            Field::new("price", "Price, whole delivery", gbp).value("31.50").help("Before tax."),
            Field::new("best_before", "Best before", Kind::Date).value("2027-05-01"),
            Field::new("at", "Came at", Kind::Time).value("06:40").optional(),
            Field::new("note", "Note", Kind::Area { rows: 3 }).value("One sack torn.").optional(),
            Field::new("checked", "Checked for damage", Kind::Checkbox).value("true"),
            Field::hidden("order", "311"),
        ],
        "Book the delivery in",
    );
    receive.enter_moves = true;
    receive.cancel = Some(Button::link("Leave", "/receipts"));
    html! {
        (form(&receive))
        (field_set("Who may sign in", Some("They get an e-mail with a link."), &[
            Field::text("name", "Name").value("Ben Okoro"),
            Field::new("email", "E-mail", Kind::Email).value("ben@miller.example").autocomplete("email").error("Someone here has this address already."),
            Field::new("password", "Password", Kind::Password).autocomplete("new-password").help("Twelve letters or more."),
            Field::new("pieces", "Pieces per crate", Kind::Number).value("18").optional(),
        ]))
        (sold())
        (fold("More", false, &fields(&[Field::text("shelf", "Shelf").optional()])))
        (file_drop(&FileDrop {
            action: "/photos".to_owned(), guard: secret("p1"), name: "photos".to_owned(), label: "Photographs of the menu".to_owned(),
            help: "JPEG, PNG or WebP; 20 MB each.".to_owned(), accept: "image/jpeg,image/png,image/webp".to_owned(), many: true,
        }))
    }
}

fn sold() -> Markup {
    html! {
        (line_set("What was sold", Some("Empty lines are left out."), &[vec![
            Field::text("lines.0.item", "Item 1").value("Sourdough"),
            Field::new("lines.0.quantity", "How many", Kind::Number).value("2"),
        ]]))
    }
}

fn floor() -> Markup {
    html! {
        div.two.floor {
            div.stack {
                (scan_field("Scan a crate or a loaf", "code", "/scan"))
                (field(&Field::new("made", "Loaves made", Kind::Quantity { unit: "pcs".to_owned() }).value("46")))
                (keypad("f-made"))
            }
            div.stack {
                (field(&Field::new("pin", "PIN", Kind::Pin)))
                (pin_pad("f-pin"))
                (act(&Act::new("Finish the batch", "/batches/88/finish", secret("k1")).weight(Weight::Main)))
            }
        }
    }
}

fn states() -> Markup {
    html! {
        div.two {
            (empty(&Empty {
                icon: "oven", title: "No batches yet".to_owned(),
                text: "A batch is one run of a recipe. Write down your first recipe, and start it from there.".to_owned(),
                first: Some(Button::link("Write a recipe", "/recipes/new").main()),
            }))
            (trouble(&Trouble {
                title: "The delivery was not booked in".to_owned(), text: "The database did not answer in time. Send it again in a moment.".to_owned(),
                kept: Some("everything you typed.".to_owned()), way_out: Some(Button::link("Try again", "/ui")), request: Some("01JD3M8Q".to_owned()),
            }))
            (skeleton(Skeleton::Table(3)))
            (skeleton(Skeleton::Document))
        }
        (skeleton(Skeleton::Figures(4)))
    }
}

fn sheet() -> Markup {
    let line = |item: &str, count: &str| html! { tr { td data-label="Item" { (item) } td.c-number data-label="Delivered" { (quantity(count, "pcs")) } } };
    print_sheet(&PrintSheet {
        from: html! { strong { "Miller & Daughters" } br; "4 Harbour Street, Whitby" br; "VAT GB 123 4567 89" },
        title: "Delivery note 311".to_owned(),
        facts: vec![
            Fact::new("To", html! { "Café Nyota" }),
            Fact::new("Order", html! { span.number { "1042" } }),
            Fact::new("Van", html! { "2, stop 3" }),
        ],
        body: html! {
            table.table.small {
                thead { tr { th scope="col" { "Item" } th.c-number scope="col" { "Delivered" } } }
                tbody { (line("Country sourdough", "12")) (line("Butter croissant", "24")) }
            }
        },
        foot: Some(html! { "Received in good order: ______________________" }),
    })
}

fn layers() -> Markup {
    let account = Form::new(
        "/orders/1042/account",
        secret("l1"),
        vec![Field::text("reason", "Why on account").help("Shown on the statement.")],
        "Put on account",
    );
    let more = Form::new("/ui", secret("l2"), vec![Field::text("route", "Route").optional()], "Keep these filters");
    html! {
        (dialog(&Layer { id: "account".to_owned(), title: "Put on account".to_owned(), body: form(&account) }))
        (drawer(&Layer { id: "more".to_owned(), title: "Filters".to_owned(), body: form(&more) }))
    }
}
