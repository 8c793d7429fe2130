//! What a view is. Does not know where its rows are kept.

use std::fmt::Debug;

use domain::event::RecordedEvent;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A fold from events to rows: a row is what the events that concern it make of it.
pub trait View: Send + Sync + 'static {
    /// The view's name: lower case, digits and `_`.
    const NAME: &'static str;
    /// Raised whenever the row or the fold changes; a stored view of another schema is built again at start.
    const SCHEMA: u32;
    /// What the names of all streams begin with whose events concern rows: whoever builds the view needs no others.
    const STREAMS: &'static str;
    /// The columns that rows can be filtered by, beside the key.
    const COLUMNS: &'static [Column];
    /// Which of the columns are indexed together, in order; the key follows by itself. A list follows the first whose columns
    /// its filters narrow to single values, but for a last one by which it is ordered: so those that leave few rows come first.
    const INDEXES: &'static [&'static [&'static str]];
    /// The row.
    type Row: Serialize + DeserializeOwned + Clone + Debug + PartialEq + Send;

    /// The key of the row that an event concerns, nothing when it concerns none.
    fn key(event: &RecordedEvent) -> Option<String>;

    /// The row after an event that concerns it; nothing when there is no row any longer.
    fn evolve(row: Option<Self::Row>, event: &RecordedEvent) -> Option<Self::Row>;

    /// The values of [`View::COLUMNS`], in the same order.
    fn values(row: &Self::Row) -> Vec<Value>;

    /// The group in which a row is counted, parts separated by `/`; nothing when it is not counted.
    fn group(row: &Self::Row) -> Option<String>;
}

/// A column that rows can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name: lower case, digits and `_`.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// None.
    Absent,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
}
