//! Moments, days, zones, and the business day of a site.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A moment in UTC, exact to the microsecond (what PostgreSQL keeps).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct At(Timestamp);

impl At {
    /// Microseconds since 1970-01-01 UTC.
    pub fn micros(self) -> i64 {
        self.0.as_microsecond()
    }

    /// The moment so many microseconds after 1970; out of range becomes the nearest end of time.
    pub fn from_micros(micros: i64) -> Self {
        Self(Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX }))
    }

    /// Seconds later (negative: earlier), saturating.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_micros(self.micros().saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The moment as jiff's type.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl From<Timestamp> for At {
    /// Cuts to whole microseconds, so that what was stored equals what was given.
    fn from(timestamp: Timestamp) -> Self {
        Self::from_micros(timestamp.as_microsecond())
    }
}
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl FromStr for At {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>().map(Self::from)
    }
}

/// A calendar day without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

impl Day {
    /// The day as jiff's type.
    pub fn date(self) -> Date {
        self.0
    }

    /// So many days later (negative: earlier); saturates at the ends of the calendar.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days.days()))
    }

    /// Days since 2000-01-01, as PostgreSQL counts.
    pub fn since_2000(self) -> i32 {
        (self.0 - jiff::civil::date(2000, 1, 1)).get_days()
    }

    /// The day so many days after 2000-01-01.
    pub fn from_2000(days: i32) -> Self {
        Self(jiff::civil::date(2000, 1, 1)).plus(days)
    }

    /// Whether business may be kept on this day: the years 1970 to 2199.
    pub fn is_sane(self) -> bool {
        (1970..2200).contains(&self.0.year())
    }
}
impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl FromStr for Day {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The minute of the day at which a site's business day begins, 0 to 1439 (240 = 04:00).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct DayStart(i32);

impl DayStart {
    /// Six in the morning: nearly everybody's night is over.
    pub const SIX: Self = Self(360);
}

impl TryFrom<i32> for DayStart {
    type Error = &'static str;
    fn try_from(minutes: i32) -> Result<Self, Self::Error> {
        if (0..1440).contains(&minutes) { Ok(Self(minutes)) } else { Err("the day starts between 00:00 and 23:59") }
    }
}
impl From<DayStart> for i32 {
    fn from(start: DayStart) -> Self {
        start.0
    }
}
impl FromStr for DayStart {
    type Err = &'static str;
    /// Reads `HH:MM`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write the start of the day as HH:MM";
        let (hours, minutes) = text.split_once(':').ok_or(wrong)?;
        let (hours, minutes): (i32, i32) = (hours.parse().map_err(|_| wrong)?, minutes.parse().map_err(|_| wrong)?);
        if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
            return Err(wrong);
        }
        Self::try_from(hours * 60 + minutes)
    }
}
impl fmt::Display for DayStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// How a wall-clock time met the zone: most are plain; a clock change skips or repeats an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalTime {
    /// The wall clock showed this once.
    Plain(At),
    /// The wall clock never showed this (spring): the moment the same time after midnight's offset, one hour on.
    Skipped(At),
    /// The wall clock showed this twice (autumn): the first of both, and the second.
    Repeated(At, At),
}

impl LocalTime {
    /// The moment to use when nobody can be asked: plain, moved on over the gap, or the first of two.
    pub fn at(self) -> At {
        match self {
            Self::Plain(at) | Self::Skipped(at) | Self::Repeated(at, _) => at,
        }
    }
}

/// An IANA time zone such as `Europe/London`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The wall clock at `at`.
    pub fn local(&self, at: At) -> DateTime {
        self.0.to_datetime(at.0)
    }

    /// The moment at which this zone's wall clock shows `local`; none outside the calendar.
    pub fn moment(&self, local: DateTime) -> Option<LocalTime> {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let kind = ambiguous.offset();
        let at = At::from(ambiguous.compatible().ok()?);
        Some(match kind {
            AmbiguousOffset::Unambiguous { .. } => LocalTime::Plain(at),
            AmbiguousOffset::Gap { .. } => LocalTime::Skipped(at),
            AmbiguousOffset::Fold { .. } => LocalTime::Repeated(at, At::from(self.0.to_ambiguous_timestamp(local).later().ok()?)),
        })
    }

    /// The business day of a moment: the wall clock's date, or the day before while the day has not started.
    /// Read off the wall clock, so a clock change neither lends nor takes an hour from a day.
    pub fn business_day(&self, at: At, start: DayStart) -> Day {
        Self::business_day_of(self.local(at), start)
    }

    /// The business day of a wall-clock time.
    pub fn business_day_of(local: DateTime, start: DayStart) -> Day {
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let day = Day(local.date());
        if minute < start.0 { day.plus(-1) } else { day }
    }

    /// The first moment of a business day.
    pub fn start_of(&self, day: Day, start: DayStart) -> At {
        let (hour, minute) = ((start.0 / 60) as i8, (start.0 % 60) as i8);
        self.moment(day.0.at(hour, minute, 0, 0)).map_or(At::from_micros(0), LocalTime::at)
    }
}
impl FromStr for Zone {
    type Err = &'static str;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        TimeZone::get(name).map(Self).map_err(|_| "name a time zone such as Europe/London")
    }
}
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(feature = "sqlx")]
mod stored {
    use super::{At, Day};
    use sqlx::{
        Decode, Encode, Postgres, Type,
        encode::IsNull,
        error::BoxDynError,
        postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef},
    };

    /// Microseconds from 1970 to 2000, PostgreSQL's epoch.
    const EPOCH: i64 = 946_684_800_000_000;

    impl Type<Postgres> for At {
        fn type_info() -> PgTypeInfo {
            PgTypeInfo::with_name("TIMESTAMPTZ")
        }
    }
    impl PgHasArrayType for At {
        fn array_type_info() -> PgTypeInfo {
            PgTypeInfo::with_name("TIMESTAMPTZ[]")
        }
    }
    impl Encode<'_, Postgres> for At {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <i64 as Encode<'_, Postgres>>::encode_by_ref(&(self.micros() - EPOCH), buffer)
        }
    }
    impl Decode<'_, Postgres> for At {
        fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
            match value.format() {
                PgValueFormat::Binary => Ok(Self::from_micros(i64::from_be_bytes(value.as_bytes()?.try_into()?) + EPOCH)),
                PgValueFormat::Text => Ok(value.as_str()?.parse()?),
            }
        }
    }
    impl Type<Postgres> for Day {
        fn type_info() -> PgTypeInfo {
            PgTypeInfo::with_name("DATE")
        }
    }
    impl PgHasArrayType for Day {
        fn array_type_info() -> PgTypeInfo {
            PgTypeInfo::with_name("DATE[]")
        }
    }
    impl Encode<'_, Postgres> for Day {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <i32 as Encode<'_, Postgres>>::encode_by_ref(&self.since_2000(), buffer)
        }
    }
    impl Decode<'_, Postgres> for Day {
        fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
            match value.format() {
                PgValueFormat::Binary => Ok(Self::from_2000(i32::from_be_bytes(value.as_bytes()?.try_into()?))),
                PgValueFormat::Text => Ok(value.as_str()?.parse()?),
            }
        }
    }
}

#[cfg(feature = "utoipa")]
mod described {
    use super::{At, Day, DayStart};
    use utoipa::openapi::{
        KnownFormat, ObjectBuilder, RefOr, SchemaFormat,
        schema::{Schema, Type},
    };

    fn text(format: KnownFormat) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format))).into()
    }
    impl utoipa::PartialSchema for At {
        fn schema() -> RefOr<Schema> {
            text(KnownFormat::DateTime)
        }
    }
    impl utoipa::ToSchema for At {}
    impl utoipa::PartialSchema for Day {
        fn schema() -> RefOr<Schema> {
            text(KnownFormat::Date)
        }
    }
    impl utoipa::ToSchema for Day {}
    impl utoipa::PartialSchema for DayStart {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new().schema_type(Type::Integer).description(Some("Minutes after midnight")).into()
        }
    }
    impl utoipa::ToSchema for DayStart {}
}
