//! Metrics and their points.

use super::{
    Parser, TextError,
    line::Line,
    value::{self, Number},
};
use crate::{
    number::{
        buckets, data, exponential_point, histogram_point, metric, number_point, quantile,
        summary_point,
    },
    wire::write as wire,
};

/// How many buckets of one sign a point may have; those between the shown ones are filled in.
const MAX_BUCKETS: i64 = 1 << 10;

/// What a metric holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

/// Words, what they mean, the field of the data, and whether a sum is monotonic.
const KINDS: [(&str, Kind, u32, u64); 7] = [
    ("metric", Kind::Empty, 0, 0),
    ("gauge", Kind::Gauge, metric::GAUGE, 0),
    ("counter", Kind::Sum, metric::SUM, 1),
    ("sum", Kind::Sum, metric::SUM, 0),
    ("histogram", Kind::Histogram, metric::HISTOGRAM, 0),
    (
        "exponential",
        Kind::Exponential,
        metric::EXPONENTIAL_HISTOGRAM,
        0,
    ),
    ("summary", Kind::Summary, metric::SUMMARY, 0),
];

impl Parser {
    pub(super) fn metric(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        let found = KINDS.iter().find(|(word, ..)| line.eat_word(word));
        let (_, kind, number, monotonic) = found.ok_or_else(|| line.fail("a kind of metric"))?;
        let name = line.quoted("the name of a metric")?;
        wire::bytes_unless_empty(&mut self.out, metric::NAME, name.as_bytes());
        if line.eat("unit=") {
            let unit = line.quoted("a unit")?;
            wire::bytes_unless_empty(&mut self.out, metric::UNIT, unit.as_bytes());
        }
        let temporality = if line.eat_word("delta") {
            1
        } else if line.eat_word("unspecified") {
            0
        } else {
            2
        };
        self.metric = *kind;
        if *kind == Kind::Empty {
            return Ok(());
        }
        self.open(*number);
        if matches!(kind, Kind::Sum | Kind::Histogram | Kind::Exponential) {
            wire::uint_unless_zero(&mut self.out, data::TEMPORALITY, temporality);
        }
        wire::uint_unless_zero(&mut self.out, data::MONOTONIC, *monotonic);
        Ok(())
    }

    pub(super) fn point(&mut self, line: &mut Line<'_>) -> Result<(), TextError> {
        self.items += 1;
        let out = &mut self.out;
        let open = wire::open(out, data::POINTS);
        match self.metric {
            Kind::Empty => return Err(line.fail("no point, because the metric has no kind")),
            Kind::Gauge | Kind::Sum => number(line, out)?,
            Kind::Histogram => histogram(line, out)?,
            Kind::Exponential => exponential(line, out)?,
            Kind::Summary => summary(line, out)?,
        }
        wire::close(out, open);
        Ok(())
    }
}

fn number(line: &mut Line<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let before = line.clone();
    let token = line.token();
    if token != "-" {
        match value::number(token).ok_or_else(|| before.fail("a number or -"))? {
            Number::Int(int) => wire::fixed64(out, number_point::INT, int.cast_unsigned()),
            Number::Double(double) => wire::double(out, number_point::DOUBLE, double),
        }
    }
    value::attributes(line, out, number_point::ATTRIBUTES)
}

/// Says whether the description of a point goes on.
fn goes_on(line: &Line<'_>) -> bool {
    !line.is_done() && !line.clone().eat("|")
}

fn histogram(line: &mut Line<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    const BUCKET: &str = "count, sum, min, max, le or inf";
    let (mut bounds, mut counts) = (Vec::<f64>::new(), Vec::<u64>::new());
    while goes_on(line) {
        if line.eat("count=") {
            wire::fixed64(out, histogram_point::COUNT, line.number("a count")?);
        } else if line.eat("sum=") {
            wire::double(out, histogram_point::SUM, line.number("a sum")?);
        } else if line.eat("min=") {
            wire::double(out, histogram_point::MIN, line.number("a minimum")?);
        } else if line.eat("max=") {
            wire::double(out, histogram_point::MAX, line.number("a maximum")?);
        } else {
            let before = line.clone();
            let wrong = || before.fail(BUCKET);
            let (bound, count) = line.token().split_once(':').ok_or_else(wrong)?;
            if bound != "inf" {
                let bound = bound.strip_prefix("le").ok_or_else(wrong)?;
                if bounds.len() < counts.len() {
                    return Err(before.fail("no bound behind inf"));
                }
                bounds.push(bound.parse().map_err(|_| wrong())?);
            }
            counts.push(count.parse().map_err(|_| wrong())?);
        }
    }
    // The last bucket has no bound; if it is empty, it was not shown.
    if !bounds.is_empty() && bounds.len() == counts.len() {
        counts.push(0);
    }
    wire::packed64(out, histogram_point::BUCKET_COUNTS, counts.into_iter());
    let bounds = bounds.into_iter().map(f64::to_bits);
    wire::packed64(out, histogram_point::BOUNDS, bounds);
    value::behind_bar(line, out, histogram_point::ATTRIBUTES)
}

fn exponential(line: &mut Line<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    let mut signs = [
        ("negative[", exponential_point::NEGATIVE, Vec::new()),
        ("positive[", exponential_point::POSITIVE, Vec::new()),
    ];
    while goes_on(line) {
        if line.eat("count=") {
            wire::fixed64(out, exponential_point::COUNT, line.number("a count")?);
        } else if line.eat("sum=") {
            wire::double(out, exponential_point::SUM, line.number("a sum")?);
        } else if line.eat("min=") {
            wire::double(out, exponential_point::MIN, line.number("a minimum")?);
        } else if line.eat("max=") {
            wire::double(out, exponential_point::MAX, line.number("a maximum")?);
        } else if line.eat("scale=") {
            let scale = zigzag(line.number("a scale")?);
            wire::uint_unless_zero(out, exponential_point::SCALE, scale);
        } else if line.eat("zero=") {
            let zero = line.number("a count")?;
            wire::fixed64_unless_zero(out, exponential_point::ZERO_COUNT, zero);
        } else {
            let before = line.clone();
            let sign = signs.iter_mut().find(|(word, ..)| line.eat(word));
            let (_, _, shown) = sign.ok_or_else(|| before.fail("a part of a point"))?;
            let index: i64 = line.number("an index")?;
            line.expect("]:", "]: behind an index")?;
            shown.push((index, line.number::<u64>("a count")?));
        }
    }
    for (_, number, shown) in signs {
        put_buckets(out, number, &shown)
            .ok_or_else(|| line.fail("indexes that rise and are close together"))?;
    }
    value::behind_bar(line, out, exponential_point::ATTRIBUTES)
}

/// Writes buckets, with the empty ones between those that are shown.
fn put_buckets(out: &mut Vec<u8>, number: u32, shown: &[(i64, u64)]) -> Option<()> {
    let Some(&(first, _)) = shown.first() else {
        return Some(());
    };
    // The offset is the first index, but no more than an offset can be.
    let offset = i32::try_from(first.min(i64::from(i32::MAX))).ok()?;
    let open = wire::open(out, number);
    wire::uint_unless_zero(out, buckets::OFFSET, zigzag(offset));
    let counts = wire::open(out, buckets::COUNTS);
    let mut next = i64::from(offset);
    for &(index, count) in shown {
        if index < next || index.checked_sub(i64::from(offset))? >= MAX_BUCKETS {
            return None;
        }
        for _ in next..index {
            wire::varint(out, 0);
        }
        wire::varint(out, count);
        next = index + 1;
    }
    wire::close(out, counts);
    wire::close(out, open);
    Some(())
}

fn summary(line: &mut Line<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
    while goes_on(line) {
        if line.eat("count=") {
            wire::fixed64(out, summary_point::COUNT, line.number("a count")?);
        } else if line.eat("sum=") {
            wire::double(out, summary_point::SUM, line.number("a sum")?);
        } else {
            let before = line.clone();
            let token = line.token().strip_prefix('q');
            let parsed = token.and_then(|token| {
                let (which, value) = token.split_once('=')?;
                Some((which.parse().ok()?, value.parse().ok()?))
            });
            let (which, value) = parsed.ok_or_else(|| before.fail("count, sum or a quantile"))?;
            let open = wire::open(out, summary_point::QUANTILES);
            wire::double(out, quantile::QUANTILE, which);
            wire::double(out, quantile::VALUE, value);
            wire::close(out, open);
        }
    }
    value::behind_bar(line, out, summary_point::ATTRIBUTES)
}

fn zigzag(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31).cast_unsigned())
}
