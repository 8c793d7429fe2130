//! Which metrics a PromQL expression names. Knows as much of the language as our own rules and panels use, and refuses
//! the rest, so that nothing is passed over.
#![expect(clippy::panic, reason = "a panic is how a test says what went wrong")]

use std::collections::BTreeSet;

/// Functions and aggregations that may be used.
const FUNCTIONS: [&str; 9] =
    ["absent", "avg", "histogram_quantile", "increase", "max", "min", "rate", "sum", "time"];
/// Words before a list of labels.
const BEFORE_LABELS: [&str; 4] = ["by", "ignoring", "on", "without"];
/// Words between two expressions.
const OPERATORS: [&str; 3] = ["and", "or", "unless"];

/// The metrics that an expression names.
///
/// # Panics
/// When the expression has something in it that is not known here.
#[must_use]
pub fn metrics(expression: &str) -> BTreeSet<String> {
    let mut metrics = BTreeSet::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' => closed(rest, '}'),
            '[' => closed(rest, ']'),
            '(' | ')' | ',' | '+' | '-' | '*' | '/' | '<' | '>' | '=' | '!' => 1,
            it if it.is_ascii_digit() => end(rest, |it| it.is_ascii_digit() || it == '.'),
            it if it.is_ascii_lowercase() => {
                let length = end(rest, |it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_');
                word(rest, length, &mut metrics)
            }
            other => panic!("'{other}' is not known in expressions: {expression}"),
        };
        rest = rest.split_at(length).1.trim_start();
    }
    assert!(!metrics.is_empty(), "no metric is named: {expression}");
    metrics
}

/// Takes a word, and the labels behind it when it is one that stands before labels; gives how much was taken.
fn word(text: &str, length: usize, metrics: &mut BTreeSet<String>) -> usize {
    let (word, after) = text.split_at(length);
    let is_called = after.trim_start().starts_with('(');
    if BEFORE_LABELS.contains(&word) {
        assert!(is_called, "labels follow '{word}': {text}");
        return length + closed(after, ')');
    }
    if is_called && !OPERATORS.contains(&word) {
        assert!(FUNCTIONS.contains(&word), "the function '{word}' is not known: {text}");
    } else if FUNCTIONS.contains(&word) {
        // `sum by (…) (…)`
        let before_labels = BEFORE_LABELS.iter().any(|it| after.trim_start().starts_with(it));
        assert!(before_labels, "'{word}' is not called: {text}");
    } else if !OPERATORS.contains(&word) {
        metrics.insert(word.to_owned());
    }
    length
}

/// How far it is to behind the closing bracket.
fn closed(text: &str, bracket: char) -> usize {
    text.find(bracket).unwrap_or_else(|| panic!("'{bracket}' is missing: {text}")) + bracket.len_utf8()
}

fn end(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|it| !belongs(it)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(expression: &str) -> Vec<String> {
        metrics(expression).into_iter().collect()
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        assert_eq!(named("a_b == 0"), ["a_b"]);
        assert_eq!(named("sum by (x, y) (rate(a{b=\"c\", d=~\"e|f\"}[5m])) / sum(g) > 0.05"), ["a", "g"]);
        assert_eq!(
            named("histogram_quantile(0.9, sum by (le) (rate(a_bucket[$__rate_interval])))"),
            ["a_bucket"]
        );
        assert_eq!(named("time() - a and on (x) b unless (c)"), ["a", "b", "c"]);
    }

    #[test]
    #[should_panic(expected = "the function 'guess' is not known")]
    fn an_unknown_function_is_no_metric() {
        let _names = metrics("guess(a)");
    }

    #[test]
    #[should_panic(expected = "is not known in expressions")]
    fn an_unknown_character_is_not_passed_over() {
        let _names = metrics("a % b");
    }
}
