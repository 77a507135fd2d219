//! Charts as SVG from the server: fluid without scaling their words, labelled directly, bars from zero, readable in black and
//! white, each with a table of the same figures one click away.

use super::words;
use maud::{Markup, html};

/// A value and how it is written.
#[derive(Clone, Debug)]
pub struct Point {
    /// What it belongs to: a day, an item.
    pub label: String,
    /// Its size, for drawing only.
    pub value: f64,
    /// How it is written: "£412".
    pub text: String,
}

impl Point {
    /// A point.
    pub fn new(label: impl Into<String>, value: f64, text: impl Into<String>) -> Self {
        Self { label: label.into(), value, text: text.into() }
    }
}

/// A place along a line in percent, short enough for markup.
fn percent(share: f64) -> String {
    format!("{:.2}%", if share.is_finite() { share } else { 0.0 })
}

fn plain(length: f64) -> String {
    format!("{:.1}", if length.is_finite() { length } else { 0.0 })
}

/// Least and most of the values, with zero always between them.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.filter(|value| value.is_finite()).fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

fn frame(title: &str, picture: Markup, heads: &[String], rows: &[Vec<String>]) -> Markup {
    html! {
        figure.chart {
            figcaption { (title) }
            (picture)
            details.chart-table {
                summary { (words::AS_TABLE) }
                div.table-room {
                    table.table.small {
                        thead { tr { @for (n, head) in heads.iter().enumerate() { th.c-number[n > 0] scope="col" { (head) } } } }
                        tbody {
                            @for row in rows {
                                tr { @for (n, cell) in row.iter().enumerate() { td.c-number[n > 0] data-label=(heads.get(n).map_or("", String::as_str)) { (cell) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The course of a figure in the size of a word, its last value marked. `name` says whose course it is.
pub fn sparkline(values: &[f64], name: &str) -> Markup {
    let (width, height) = (96.0, 28.0);
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let reach = if high > low { high - low } else { 1.0 };
    let step = (width - 8.0) / (values.len().saturating_sub(1).max(1) as f64);
    let place = |(n, value): (usize, &f64)| (4.0 + step * n as f64, height - 4.0 - (value - low) / reach * (height - 8.0));
    let places: Vec<_> = values.iter().enumerate().map(place).collect();
    let course: Vec<_> = places.iter().map(|(x, y)| format!("{},{}", plain(*x), plain(*y))).collect();
    html! {
        svg.spark width="96" height="28" viewBox="0 0 96 28" role="img" aria-label=(name) {
            polyline.curve points=(course.join(" ")) {}
            @if let Some((x, y)) = places.last() { circle.dot cx=(plain(*x)) cy=(plain(*y)) r="3" {} }
        }
    }
}

/// Which way the bars grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the right, for things with names; in the order of size as a rule.
    Across,
    /// Upward, for days and hours; in the order of time.
    Up,
}

/// A bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Its size and words.
    pub point: Point,
    /// Whether it is the one that the chart is about: today, the worst.
    pub strong: bool,
}

/// Bars from zero.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// Says what one sees: "Sales by product, this week".
    pub title: String,
    /// Which way.
    pub direction: Direction,
    /// The bars.
    pub bars: Vec<Bar>,
}

fn bars_across(chart: &BarChart) -> Markup {
    let (low, high) = span(chart.bars.iter().map(|bar| bar.point.value));
    // The last part of the width is for the words of the longest bar.
    let share = |value: f64| (value - low) / (high - low) * 80.0;
    html! {
        svg.plot width="100%" height=(chart.bars.len() * 40) role="img" aria-label=(chart.title) {
            @for (n, bar) in chart.bars.iter().enumerate() {
                @let (from, to) = (share(bar.point.value.min(0.0)), share(bar.point.value.max(0.0)));
                @let top = n * 40;
                text.label x="0" y=(top + 14) { (bar.point.label) }
                rect.bar.strong[bar.strong] x=(percent(from)) y=(top + 20) width=(percent(to - from)) height="12" {}
                text.value x=(percent(to)) dx="6" y=(top + 31) { (bar.point.text) }
                line.base x1=(percent(share(0.0))) x2=(percent(share(0.0))) y1=(top + 17) y2=(top + 35) {}
            }
        }
    }
}

/// The columns that say their figure: all where they are few, else the strong ones and the largest (of several the last one). Where
/// most are nothing, those say nothing.
fn spoken(bars: &[Bar]) -> Vec<bool> {
    let nothing = |bar: &Bar| bar.point.value == 0.0;
    let most_are_nothing = bars.iter().filter(|bar| nothing(bar)).count() * 2 > bars.len();
    let largest = bars.iter().enumerate().max_by(|(_, a), (_, b)| a.point.value.total_cmp(&b.point.value)).map(|(n, _)| n);
    let says = |(n, bar): (usize, &Bar)| !(most_are_nothing && nothing(bar)) && (bars.len() <= 8 || bar.strong || largest == Some(n));
    bars.iter().enumerate().map(says).collect()
}

/// The columns that say what they belong to: some of them, always the last.
fn dated(bars: &[Bar], index: usize) -> bool {
    let every = bars.len().div_ceil(5);
    (bars.len() - 1 - index).is_multiple_of(every)
}

/// The fewest columns that the width of a chart is shared among.
const FEWEST: usize = 7;

fn bars_up(chart: &BarChart) -> Markup {
    let (low, high) = span(chart.bars.iter().map(|bar| bar.point.value));
    let level = |value: f64| 20.0 + (high - value) / (high - low) * 140.0;
    // A few bars stay bars and stand in the middle.
    let slot = 100.0 / chart.bars.len().max(FEWEST) as f64;
    let from = (100.0 - slot * chart.bars.len() as f64) / 2.0;
    // The words of a bar at the edge stay inside the chart.
    let crowded = chart.bars.len() > FEWEST;
    html! {
        svg.plot width="100%" height="184" role="img" aria-label=(chart.title) {
            @for (n, (bar, says)) in chart.bars.iter().zip(spoken(&chart.bars)).enumerate() {
                @let (top, bottom) = (level(bar.point.value.max(0.0)), level(bar.point.value.min(0.0)));
                @let middle = percent(from + slot * (n as f64 + 0.5));
                @let (class, words) = match (crowded, n) {
                    (true, 0) => ("value", percent(0.0)),
                    (true, n) if n + 1 == chart.bars.len() => ("value end", percent(100.0)),
                    _ => ("value middle", middle.clone()),
                };
                rect.bar.strong[bar.strong] x=(percent(from + slot * (n as f64 + 0.14))) y=(plain(top)) width=(percent(slot * 0.72)) height=(plain(bottom - top)) {
                    title { (bar.point.label) ": " (bar.point.text) }
                }
                @if says { text class=(class) x=(words) y=(plain(top - 6.0)) { (bar.point.text) } }
                @if dated(&chart.bars, n) { text.label.middle x=(middle) y="180" { (bar.point.label) } }
            }
            line.base x1="0" x2="100%" y1=(plain(level(0.0))) y2=(plain(level(0.0))) {}
        }
    }
}

/// A bar chart.
pub fn bar_chart(chart: &BarChart) -> Markup {
    let picture = match chart.direction {
        Direction::Across => bars_across(chart),
        Direction::Up => bars_up(chart),
    };
    let heads = [words::WHAT.into(), words::FIGURE.into()];
    let rows: Vec<_> = chart.bars.iter().map(|bar| vec![bar.point.label.clone(), bar.point.text.clone()]).collect();
    frame(&chart.title, picture, &heads, &rows)
}

/// A line, oldest point first.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name; stands at its end.
    pub name: String,
    /// Its points; all lines of a chart have the same labels.
    pub points: Vec<Point>,
}

/// Lines over the same days or hours. The first one is what the chart is about; the others (three at most can be told apart
/// in print) are what it is compared with.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// Says what one sees.
    pub title: String,
    /// The lines.
    pub lines: Vec<Line>,
}

const TOP: f64 = 20.0;
const DEPTH: f64 = 150.0;

/// Heights of the names at the ends of the lines, moved apart where they would touch.
fn apart(ends: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|a, b| ends[*a].total_cmp(&ends[*b]));
    let mut placed = vec![0.0; ends.len()];
    let mut free = f64::NEG_INFINITY;
    for index in order {
        placed[index] = ends[index].max(free);
        free = placed[index] + 16.0;
    }
    placed
}

/// A line chart.
pub fn line_chart(chart: &LineChart) -> Markup {
    let (low, high) = span(chart.lines.iter().flat_map(|line| line.points.iter().map(|point| point.value)));
    let level = |value: f64| TOP + (high - value) / (high - low) * DEPTH;
    let count = chart.lines.iter().map(|line| line.points.len()).max().unwrap_or(0);
    let along = |n: usize| n as f64 / count.saturating_sub(1).max(1) as f64 * 100.0;
    let ends: Vec<f64> = chart.lines.iter().map(|line| line.points.last().map_or(TOP, |point| level(point.value))).collect();
    let most = chart.lines.iter().flat_map(|line| &line.points).max_by(|a, b| a.value.total_cmp(&b.value));
    let picture = html! {
        div.lines {
            svg.plot width="100%" height="196" role="img" aria-label=(chart.title) {
                line.base x1="0" x2="100%" y1=(plain(level(0.0))) y2=(plain(level(0.0))) {}
                @if let Some(most) = most {
                    line.grid x1="0" x2="100%" y1=(plain(level(most.value))) y2=(plain(level(most.value))) {}
                    text.value x="0" y=(plain(level(most.value) - 6.0)) { (most.text) }
                }
                @for (n, line) in chart.lines.iter().enumerate() { (stretched(line, n, &along, &level)) }
                (days(chart, &along))
            }
            svg.ends width="120" height="196" aria-hidden="true" {
                @for ((n, line), height) in chart.lines.iter().enumerate().zip(apart(&ends)) {
                    text.value.strong[n == 0] x="8" y=(plain(height + 4.0)) { (line.name) }
                }
            }
        }
    };
    let mut heads = vec![words::WHAT.into()];
    heads.extend(chart.lines.iter().map(|line| line.name.clone()));
    let rows: Vec<Vec<String>> = (0..count).map(|n| table_row(chart, n)).collect();
    frame(&chart.title, picture, &heads, &rows)
}

/// A course that is stretched to the width of the chart; its stroke is not.
fn stretched(line: &Line, n: usize, along: &dyn Fn(usize) -> f64, level: &dyn Fn(f64) -> f64) -> Markup {
    let course: Vec<_> =
        line.points.iter().enumerate().map(|(n, point)| format!("{},{}", plain(along(n)), plain(level(point.value)))).collect();
    let class = match n {
        0 => "curve strong",
        1 => "curve dashed",
        _ => "curve dotted",
    };
    html! {
        svg.stretch width="100%" height="196" viewBox="0 0 100 196" preserveAspectRatio="none" {
            polyline class=(class) points=(course.join(" ")) vector-effect="non-scaling-stroke" {}
        }
    }
}

fn days(chart: &LineChart, along: &dyn Fn(usize) -> f64) -> Markup {
    let points = chart.lines.first().map_or(&[][..], |line| &line.points);
    let last = points.len().saturating_sub(1);
    html! {
        @for (n, point) in points.iter().enumerate() {
            @let class = if n == 0 { "label" } else if n == last { "label end" } else { "label middle" };
            @if (last - n).is_multiple_of(last.div_ceil(4).max(1)) { text class=(class) x=(percent(along(n))) y="190" { (point.label) } }
        }
    }
}

fn table_row(chart: &LineChart, n: usize) -> Vec<String> {
    let label = chart.lines.iter().find_map(|line| line.points.get(n)).map(|point| point.label.clone());
    let texts = chart.lines.iter().map(|line| line.points.get(n).map(|point| point.text.clone()).unwrap_or_default());
    label.into_iter().chain(texts).collect()
}

/// Hours by weekdays.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Says what one sees.
    pub title: String,
    /// The columns: weekdays, short.
    pub days: Vec<String>,
    /// The rows: the hour and one point for each day, whose text stands in the cell.
    pub hours: Vec<(String, Vec<Point>)>,
}

/// A heat chart: darker is more, and the number stands in each cell.
pub fn heat_chart(heat: &Heat) -> Markup {
    let (_, high) = span(heat.hours.iter().flat_map(|(_, points)| points.iter().map(|point| point.value)));
    let slot = 100.0 / heat.days.len().max(1) as f64;
    let shade = |value: f64| ["heat-0", "heat-1", "heat-2", "heat-3", "heat-4"][((value / high).clamp(0.0, 1.0) * 4.0).ceil() as usize];
    let picture = html! {
        div.heat {
            svg.hours width="48" height=(heat.hours.len() * 28 + 24) aria-hidden="true" {
                @for (n, (hour, _)) in heat.hours.iter().enumerate() { text.label x="0" y=(n * 28 + 43) { (hour) } }
            }
            svg.plot width="100%" height=(heat.hours.len() * 28 + 24) role="img" aria-label=(heat.title) {
                @for (n, day) in heat.days.iter().enumerate() { text.label.middle x=(percent(slot * (n as f64 + 0.5))) y="16" { (day) } }
                @for (row, (_, points)) in heat.hours.iter().enumerate() {
                    @for (n, point) in points.iter().enumerate().take(heat.days.len()) {
                        g class=(shade(point.value)) {
                            rect x=(percent(slot * n as f64)) y=(row * 28 + 24) width=(percent(slot)) height="28" {}
                            text.middle x=(percent(slot * (n as f64 + 0.5))) y=(row * 28 + 43) { (point.text) }
                        }
                    }
                }
            }
        }
    };
    let mut heads = vec![words::WHAT.into()];
    heads.extend(heat.days.iter().cloned());
    let row = |(hour, points): &(String, Vec<Point>)| std::iter::once(hour.clone()).chain(points.iter().map(|p| p.text.clone())).collect();
    let rows: Vec<Vec<String>> = heat.hours.iter().map(row).collect();
    frame(&heat.title, picture, &heads, &rows)
}
