//! What an instance answers at `/metrics`, read strictly: a line that is not as OpenMetrics says fails the test. Does not
//! know which metrics there are.
#![expect(clippy::panic, reason = "a panic is how a test says what went wrong")]

use std::collections::{BTreeMap, BTreeSet};

/// A scrape.
#[derive(Debug, Default)]
pub struct Scrape {
    /// The type of each metric, by the name of its family.
    pub types: BTreeMap<String, String>,
    /// Every line that has a value.
    pub samples: Vec<Sample>,
}

/// A line that has a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name, that of its family and a suffix.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Scrape {
    /// Reads the text.
    ///
    /// # Panics
    /// When it is not as it should be.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the text ends with its last line");
        let mut scrape = Self::default();
        let mut family = String::new();
        for line in body.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let (word, rest) = comment.split_once(' ').expect("a word and what it is about");
                let (name, what) = rest.split_once(' ').expect("a name and something about it");
                match word {
                    "HELP" => family = name.to_owned(),
                    "TYPE" => {
                        assert_eq!(family, name, "every metric has its help before its type");
                        let before = scrape.types.insert(name.to_owned(), what.to_owned());
                        assert_eq!(before, None, "{name} is there twice");
                    }
                    other => panic!("{other} is neither HELP nor TYPE: {line}"),
                }
            } else {
                let sample = sample(line);
                assert!(sample.name.starts_with(&family), "{line} stands below {family}");
                scrape.samples.push(sample);
            }
        }
        let mut lines = BTreeSet::new();
        for Sample { name, labels, .. } in &scrape.samples {
            assert!(lines.insert((name, labels)), "{name} {labels:?} is there twice");
        }
        scrape
    }

    /// The value of the line with this name and, among others, these labels.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[must_use]
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.find(name, labels);
        let [only] = found.as_slice() else { panic!("{name} {labels:?}: {found:?}") };
        only.value
    }

    /// Every line with this name and, among others, these labels.
    #[must_use]
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample, (label, value): &(&str, &str)| {
            sample.labels.get(*label).is_some_and(|its| its == value)
        };
        let is_wanted = |sample: &&Sample| sample.name == name && labels.iter().all(|it| has(sample, it));
        self.samples.iter().filter(is_wanted).collect()
    }

    /// The names of all lines.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|sample| sample.name.as_str()).collect()
    }

    /// What each metric is called for people: as its lines are, a histogram without what it is divided into.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, &str> {
        let named = |(family, its_type): (&String, &'static str)| match its_type {
            "counter" => (format!("{family}_total"), its_type),
            "info" => (format!("{family}_info"), its_type),
            _ => (family.clone(), its_type),
        };
        let known = |its_type: &str| {
            let types = ["counter", "gauge", "histogram", "info"];
            *types.iter().find(|it| **it == its_type).unwrap_or_else(|| panic!("what is a {its_type}?"))
        };
        self.types.iter().map(|(family, its_type)| named((family, known(its_type)))).collect()
    }
}

/// `name{label="value",…} value`
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, rest)) => (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("open: {line}"))),
    };
    assert!(is_name(name), "'{name}' is no name: {line}");
    Sample { name: name.to_owned(), labels: labels_of(labels, line), value }
}

/// Whether a text could name a metric or a label.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    text.starts_with(|it: char| it.is_ascii_lowercase()) && text.chars().all(plain)
}

fn labels_of(text: &str, line: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(is_name(name), "'{name}' is no label: {line}");
        // None of the names in these tests has a character that would have to be escaped.
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("an open value: {line}"));
        assert!(labels.insert(name.to_owned(), value.to_owned()).is_none(), "{name} twice: {line}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    labels
}
