//! Many measured durations, and what is said of them.

use std::time::Duration;

/// Durations in order.
pub(super) struct Quantiles(Vec<Duration>);

impl Quantiles {
    pub(super) fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// The duration that `percent` of all do not exceed, in milliseconds.
    pub(super) fn millis(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    }
}

/// The middle one of several measurements of the same; the greater of two.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_least_that_covers_its_part() {
        let quantiles = Quantiles::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(
            (quantiles.millis(50), quantiles.millis(99), quantiles.millis(100)),
            (100.0, 198.0, 200.0)
        );
    }
}
