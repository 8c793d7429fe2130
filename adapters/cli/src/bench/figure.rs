//! A figure: a number with its unit, the limit that it has to keep, and the raw figure that it is compared with.

use serde_json::{Value, json};

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    limit: Option<Limit>,
    /// A raw figure, as `row.figure`.
    against: Option<&'static str>,
}

/// What the project promises, of the figure or of its part of the raw figure.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

impl Limit {
    /// Its name in JSON, its sign for people, and the number.
    const fn parts(self) -> (&'static str, &'static str, f64) {
        match self {
            Self::AtMost(number) => ("at_most", "≤", number),
            Self::AtLeast(number) => ("at_least", "≥", number),
            Self::RatioAtMost(number) => ("ratio_at_most", "≤ raw ×", number),
            Self::RatioAtLeast(number) => ("ratio_at_least", "≥ raw ×", number),
        }
    }
}

impl Figure {
    pub(super) const fn new(name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, unit, value, limit: None, against: None }
    }

    /// The same with the most that it may be.
    pub(super) const fn at_most(self, most: f64) -> Self {
        Self { limit: Some(Limit::AtMost(most)), ..self }
    }

    /// The same with the least that it has to be.
    pub(super) const fn at_least(self, least: f64) -> Self {
        Self { limit: Some(Limit::AtLeast(least)), ..self }
    }

    /// The same, compared with a raw figure.
    pub(super) const fn against(self, raw: &'static str) -> Self {
        Self { against: Some(raw), ..self }
    }

    /// The same, which may be so many times the raw figure at most.
    pub(super) const fn at_most_times(self, most: f64, raw: &'static str) -> Self {
        Self { limit: Some(Limit::RatioAtMost(most)), ..self.against(raw) }
    }

    /// The same, which has to be such a part of the raw figure at least.
    pub(super) const fn at_least_part(self, least: f64, raw: &'static str) -> Self {
        Self { limit: Some(Limit::RatioAtLeast(least)), ..self.against(raw) }
    }

    /// The medians of several runs of one row, figure by figure.
    pub(super) fn medians(runs: Vec<Vec<Self>>) -> Vec<Self> {
        let Some(first) = runs.first() else { return Vec::new() };
        let median = |figure: &Self| {
            let same = runs.iter().flatten().filter(|other| other.name == figure.name);
            let mut values: Vec<f64> = same.map(|figure| figure.value).collect();
            values.sort_by(f64::total_cmp);
            let value = values.get(values.len() / 2).copied().unwrap_or(figure.value);
            Self { value, ..figure.clone() }
        };
        first.iter().map(median).collect()
    }

    /// Whether it keeps its limit, when it has one and what that takes was measured.
    pub(super) fn kept(&self, raw: &dyn Fn(&str) -> Option<f64>) -> Option<bool> {
        match self.limit? {
            Limit::AtMost(most) => Some(self.value <= most),
            Limit::AtLeast(least) => Some(self.value >= least),
            Limit::RatioAtMost(most) => Some(self.ratio(raw)? <= most),
            Limit::RatioAtLeast(least) => Some(self.ratio(raw)? >= least),
        }
    }

    /// Its part of the raw figure, when that was measured too.
    pub(super) fn ratio(&self, raw: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
        raw(self.against?).filter(|raw| *raw > 0.0).map(|raw| self.value / raw)
    }

    pub(super) fn limit_text(&self, raw: &dyn Fn(&str) -> Option<f64>) -> String {
        let Some((_, sign, number)) = self.limit.map(Limit::parts) else { return String::new() };
        let kept = match self.kept(raw) {
            Some(true) => "kept",
            Some(false) => "NOT KEPT",
            None => "not measured",
        };
        format!("{sign} {} {kept}", self::number(number))
    }

    pub(super) fn ratio_text(&self, raw: &dyn Fn(&str) -> Option<f64>) -> String {
        let against = self.against.unwrap_or_default();
        self.ratio(raw).map_or_else(String::new, |ratio| format!("{} × {against}", number(ratio)))
    }

    pub(super) fn to_json(&self, raw: &dyn Fn(&str) -> Option<f64>) -> Value {
        let mut json = json!({ "name": self.name, "value": self.value, "unit": self.unit });
        if let Some(members) = json.as_object_mut() {
            if let Some((name, _, number)) = self.limit.map(Limit::parts) {
                members.insert("limit".to_owned(), json!({ name: number }));
                members.insert("kept".to_owned(), json!(self.kept(raw)));
            }
            if let Some(ratio) = self.ratio(raw) {
                members.insert("against".to_owned(), json!({ "figure": self.against, "ratio": ratio }));
            }
        }
        json
    }
}

/// A number with three digits that count, thousands apart.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        0.0..0.095 => 4,
        0.095..0.95 => 3,
        0.95..9.5 => 2,
        9.5..99.5 => 1,
        _ => 0,
    };
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut apart = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    if rest.is_empty() { apart } else { format!("{apart}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits_and_thousands_apart() {
        let shown: Vec<String> = [1_234_567.8, 123.4, 12.34, 1.234, 0.1234, 0.0].map(number).into();
        assert_eq!(shown, ["1,234,568", "123", "12.3", "1.23", "0.123", "0"]);
    }

    #[test]
    fn a_figure_is_the_median_of_its_runs() {
        let run = |value| vec![Figure::new("rate", value, "1/s")];
        let medians = Figure::medians(vec![run(9.0), run(1.0), run(5.0)]);
        assert_eq!(medians.iter().map(|figure| figure.value).collect::<Vec<_>>(), [5.0]);
    }

    #[test]
    fn a_figure_says_whether_it_keeps_its_limit_and_what_part_of_the_raw_one_it_is() {
        let figure = Figure::new("delay", 6.0, "ms").at_most(5.0).against("echo.delay");
        let raw = |name: &str| (name == "echo.delay").then_some(2.0);
        assert_eq!(
            (figure.kept(&raw), figure.ratio(&raw), figure.ratio(&|_| None)),
            (Some(false), Some(3.0), None)
        );
    }

    #[test]
    fn a_limit_on_a_part_of_the_raw_figure_is_kept_or_not_or_not_known() {
        let raw = |name: &str| (name == "echo.rate").then_some(100.0);
        let of = |value: f64| Figure::new("rate", value, "1/s").at_least_part(0.6, "echo.rate");
        assert_eq!(
            [of(60.0).kept(&raw), of(59.0).kept(&raw), of(60.0).kept(&|_| None)],
            [Some(true), Some(false), None]
        );
        let slow = Figure::new("p99", 301.0, "ms").at_most_times(3.0, "echo.rate");
        assert_eq!((slow.kept(&raw), slow.limit_text(&raw).as_str()), (Some(false), "≤ raw × 3.00 NOT KEPT"));
    }
}
