//! Zones, the hours that a clock change skips or repeats, and the business day.

use jiff::civil::{DateTime, date};
use kernel::{At, Day, DayStart, LocalTime, Source, Zone};
use proptest::{prelude::*, sample::select};

fn at(text: &str) -> At {
    text.parse().unwrap()
}
fn day(text: &str) -> Day {
    text.parse().unwrap()
}
fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}
fn start(text: &str) -> DayStart {
    text.parse().unwrap()
}
fn local(text: &str) -> DateTime {
    text.parse().unwrap()
}

#[test]
fn london_skips_an_hour_in_spring() {
    let london = zone("Europe/London");
    let moment = |text| london.moment(local(text)).unwrap();
    assert_eq!(moment("2017-03-26T00:59:59"), LocalTime::Plain(at("2017-03-26T00:59:59Z")));
    assert_eq!(moment("2017-03-26T01:00:00"), LocalTime::Skipped(at("2017-03-26T01:00:00Z")));
    assert_eq!(moment("2017-03-26T01:59:59"), LocalTime::Skipped(at("2017-03-26T01:59:59Z")));
    assert_eq!(moment("2017-03-26T02:00:00"), LocalTime::Plain(at("2017-03-26T01:00:00Z")));
    assert_eq!(london.local(moment("2017-03-26T01:30:00").at()), local("2017-03-26T02:30:00"));
}

#[test]
fn london_repeats_an_hour_in_autumn() {
    let london = zone("Europe/London");
    let moment = |text| london.moment(local(text)).unwrap();
    assert_eq!(moment("2016-10-30T00:59:59"), LocalTime::Plain(at("2016-10-29T23:59:59Z")));
    assert_eq!(moment("2016-10-30T01:00:00"), LocalTime::Repeated(at("2016-10-30T00:00:00Z"), at("2016-10-30T01:00:00Z")));
    assert_eq!(moment("2016-10-30T01:59:59"), LocalTime::Repeated(at("2016-10-30T00:59:59Z"), at("2016-10-30T01:59:59Z")));
    assert_eq!(moment("2016-10-30T02:00:00"), LocalTime::Plain(at("2016-10-30T02:00:00Z")));
    assert_eq!(moment("2016-10-30T01:30:00").at(), at("2016-10-30T00:30:00Z"));
}

#[test]
fn nairobi_changes_no_clocks() {
    let nairobi = zone("Africa/Nairobi");
    assert_eq!(nairobi.moment(local("2017-03-26T01:30:00")), Some(LocalTime::Plain(at("2017-03-25T22:30:00Z"))));
    assert_eq!(nairobi.start_of(day("2017-03-26"), start("04:00")), at("2017-03-26T01:00:00Z"));
    assert_eq!(nairobi.business_day(at("2017-03-26T00:59:59Z"), start("04:00")), day("2017-03-25"));
}

#[test]
fn the_night_belongs_to_the_day_before() {
    let london = zone("Europe/London");
    let four = start("04:00");
    assert_eq!(london.business_day(at("2017-01-01T01:21:00Z"), four), day("2016-12-31"));
    assert_eq!(london.business_day(at("2017-01-01T03:59:59.999999Z"), four), day("2016-12-31"));
    assert_eq!(london.business_day(at("2017-01-01T04:00:00Z"), four), day("2017-01-01"));
    assert_eq!(london.business_day(at("2017-07-01T03:00:00Z"), four), day("2017-07-01"));
    assert_eq!(london.business_day(at("2017-07-01T02:59:59Z"), four), day("2017-06-30"));
    assert_eq!(london.business_day(at("2017-01-01T00:00:00Z"), start("00:00")), day("2017-01-01"));
    // The days of the clock changes are 23 and 25 hours long.
    let length = |text| london.start_of(day(text).plus(1), four).micros() - london.start_of(day(text), four).micros();
    assert_eq!(["2017-03-25", "2016-10-29", "2017-01-01"].map(|day| length(day) / 3_600_000_000), [23, 25, 24]);
}

#[test]
fn days_begin_where_midnight_does_not_exist() {
    // Beirut goes from 00:00 to 01:00, Samoa left out a whole day.
    let beirut = zone("Asia/Beirut");
    assert_eq!(beirut.start_of(day("2022-03-27"), start("00:00")), at("2022-03-26T22:00:00Z"));
    assert_eq!(beirut.business_day(at("2022-03-26T22:00:00Z"), start("00:00")), day("2022-03-27"));
    let samoa = zone("Pacific/Apia");
    assert!(matches!(samoa.moment(local("2011-12-30T12:00:00")), Some(LocalTime::Skipped(_))));
}

#[test]
fn zones_days_and_moments_are_read_and_shown() {
    assert_eq!((zone("Europe/London").to_string(), Zone::utc().to_string()), ("Europe/London".into(), "UTC".into()));
    for wrong in ["", "London", "Europe/Nowhere", "+01:00"] {
        assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
    }
    for wrong in ["", "04", "24:00", "-1:00", "04:60", "4:0:0", "four"] {
        assert!(wrong.parse::<DayStart>().is_err(), "{wrong}");
    }
    assert_eq!((start("4:05").to_string(), i32::from(start("04:00"))), ("04:05".into(), 240));
    assert!(DayStart::try_from(-1).is_err() && DayStart::try_from(1440).is_err());
    assert_eq!(serde_json::to_string(&start("04:00")).unwrap(), "240");
    assert!(serde_json::from_str::<DayStart>("1440").is_err());
    assert_eq!((day("2026-01-31").plus(1), day("2026-03-01").plus(-1)), (day("2026-02-01"), day("2026-02-28")));
    assert_eq!((day("2000-01-01").since_2000(), day("1999-12-31").since_2000(), Day::from_2000(366)), (0, -1, day("2001-01-01")));
    assert_eq!(["1969-12-31", "1970-01-01", "2199-12-31", "2200-01-01"].map(|text| day(text).is_sane()), [false, true, true, false]);
    assert!("2026-02-30".parse::<Day>().is_err() && "2026-01-31".parse::<At>().is_err());
    assert_eq!(Day::from(date(2026, 1, 31)).date(), date(2026, 1, 31));
    assert_eq!(serde_json::to_string(&day("2026-01-31")).unwrap(), "\"2026-01-31\"");
    assert_eq!(at("2026-01-31T08:30:00.1234567+01:00").to_string(), "2026-01-31T07:30:00.123456Z");
    assert_eq!(at("2026-01-31T08:30:00Z").plus_seconds(-90), at("2026-01-31T08:28:30Z"));
    assert_eq!(At::from_micros(5).timestamp().as_microsecond(), 5);
    assert!(At::from_micros(i64::MIN) < At::from_micros(0) && At::from_micros(i64::MAX) > At::from_micros(0).plus_seconds(1_000_000));
    assert_eq!(at("2026-01-31T08:30:00Z").plus_seconds(i64::MAX), At::from_micros(i64::MAX));
}

#[test]
fn a_story_s_clock_stands_still_until_it_is_moved() {
    let source = Source::at(at("2026-01-31T08:30:00Z"));
    assert_eq!(source.now(), source.now());
    let first = source.uuid();
    source.set(at("2026-01-31T08:31:00Z"));
    assert_eq!(source.now(), at("2026-01-31T08:31:00Z"));
    assert!(first < source.uuid(), "ids sort by time");
    assert_ne!(source.uuid(), source.uuid());
    assert_eq!((first.get_version_num(), source.uuid_at(At::from_micros(-1)).get_version_num()), (7, 7));
    assert_ne!(source.bytes::<16>(), source.bytes::<16>());
    let real = Source::real();
    real.set(at("1999-01-01T00:00:00Z"));
    assert!(real.now() > at("2020-01-01T00:00:00Z"));
}

proptest! {
    #[test]
    fn every_moment_has_one_business_day_and_comes_back(
        micros in 0..4_000_000_000_000_000_i64,
        name in select(vec!["Europe/London", "Africa/Nairobi", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
        minutes in 180..1440_i32,
    ) {
        let (zone, at, start) = (zone(name), At::from_micros(micros), DayStart::try_from(minutes).unwrap());
        let found = match zone.moment(zone.local(at)).unwrap() {
            LocalTime::Plain(only) => only == at,
            LocalTime::Repeated(first, second) => at == first || at == second,
            LocalTime::Skipped(_) => false,
        };
        prop_assert!(found, "the wall clock shows each moment");
        // From three in the morning on no clock here changes, so the day has one beginning and one end. Samoa's left out day aside.
        let day = zone.business_day(at, start);
        prop_assert!(zone.start_of(day, start) <= at);
        prop_assert!(at < zone.start_of(day.plus(1), start) || name == "Pacific/Apia");
        prop_assert!(zone.business_day(zone.start_of(day, start), start) == day);
        prop_assert_eq!(at.to_string().parse::<At>().unwrap(), at);
        prop_assert_eq!(serde_json::from_str::<At>(&serde_json::to_string(&at).unwrap()).unwrap(), at);
    }

    #[test]
    fn days_count_both_ways(days in -11_000..73_000_i32) {
        prop_assert_eq!(Day::from_2000(days).since_2000(), days);
        prop_assert_eq!(Day::from_2000(days).to_string().parse::<Day>().unwrap(), Day::from_2000(days));
    }
}
