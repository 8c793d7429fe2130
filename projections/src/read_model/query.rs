//! Questions for rows of a view: which, in what order, from where on. Knows how rows in memory answer them; does not know
//! how rows in a file do.

#[cfg(test)]
mod tests;

use serde_json::json;

use super::ReadModelError;
use crate::view::{Column, Value};

/// A question for rows of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which view.
    pub view: &'static str,
    /// Columns and what must hold for the row's value there; all must hold.
    pub filters: Vec<(&'static str, Test)>,
    /// Only rows whose key begins so; empty means all.
    pub key_prefix: String,
    /// In which order rows come.
    pub order: Order,
    /// Only rows that come after this place: the `next` of an earlier page. In the ascending order of the keys that is a key.
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}

/// What must hold for a row's value in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is this one; for [`Value::Absent`], that there is none.
    Is(Value),
    /// It is one of these; without any, no row is found.
    OneOf(Vec<Value>),
    /// There is one.
    Present,
    /// There is one, and it is this or greater.
    From(Value),
    /// There is one, and it is smaller than this.
    Before(Value),
    /// There is a text that has this somewhere in it, byte by byte. No index helps: each row that the other filters leave
    /// is looked at.
    Contains(String),
}

impl From<Value> for Test {
    fn from(value: Value) -> Self {
        Self::Is(value)
    }
}

impl Test {
    /// Whether it holds for a value.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Is(wanted), value) => value == wanted,
            (_, Value::Absent) => false,
            (Self::OneOf(wanted), value) => wanted.contains(value),
            (Self::Present, Value::Text(_) | Value::Integer(_)) => true,
            (Self::From(least), value) => value >= least,
            (Self::Before(end), value) => value < end,
            (Self::Contains(part), Value::Text(text)) => text.contains(part),
            (Self::Contains(_), Value::Integer(_)) => false,
        }
    }
}

/// In which order rows come. Rows that are equal there come in the order of their keys, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// By the value in which column; nothing for the key alone. Rows without a value there are not found.
    pub by: Option<&'static str>,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The smallest.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

/// Where a row is in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its value in the column that the order goes by; nothing when it goes by the key alone.
    pub value: Option<Value>,
    /// Its key.
    pub key: String,
}

impl Order {
    /// By the value in a column.
    #[must_use]
    pub const fn by(column: &'static str, direction: Direction) -> Self {
        Self { by: Some(column), direction }
    }

    /// The cursor for what comes after a place. It says of which order it is, except in the order of the keys.
    #[must_use]
    pub fn cursor(&self, place: &Place) -> String {
        let name = match self.direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        let value = match &place.value {
            None if self.direction == Direction::Ascending => return place.key.clone(),
            None | Some(Value::Absent) => json!(null),
            Some(Value::Text(text)) => json!(text),
            Some(Value::Integer(number)) => json!(number),
        };
        json!([self.by, name, value, place.key]).to_string()
    }

    /// The place that a cursor stands for; nothing when no page in this order can have given it.
    fn place(&self, cursor: &str) -> Option<Place> {
        if *self == Self::default() {
            return Some(Place { value: None, key: cursor.to_owned() });
        }
        let (_, _, value, key): (Option<String>, String, serde_json::Value, String) =
            serde_json::from_str(cursor).ok()?;
        let value = match (self.by, value) {
            (None, serde_json::Value::Null) => None,
            (Some(_), serde_json::Value::String(text)) => Some(Value::Text(text)),
            (Some(_), serde_json::Value::Number(number)) => Some(Value::Integer(number.as_i64()?)),
            (_, _) => return None,
        };
        let place = Place { value, key };
        (self.cursor(&place) == cursor).then_some(place)
    }
}

impl Query {
    /// All rows of a view that is named later, in the order of their keys.
    #[must_use]
    pub const fn page(limit: usize) -> Self {
        let order = Order { by: None, direction: Direction::Ascending };
        Self { view: "", filters: Vec::new(), key_prefix: String::new(), order, after: None, limit }
    }

    /// The place after which the page begins.
    ///
    /// # Errors
    /// [`ReadModelError::BadCursor`] when no page in this order can have given the cursor.
    pub fn start(&self) -> Result<Option<Place>, ReadModelError> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let place = self.order.place(cursor).ok_or(ReadModelError::BadCursor)?;
        if place.key.starts_with(&self.key_prefix) { Ok(Some(place)) } else { Err(ReadModelError::BadCursor) }
    }

    // ── Rows in memory ─────────────────────────────────────────────────────────────────────────────────────────

    /// The keys of a page, given the key and the columns' values of each row, in any order; and the cursor for the next
    /// page. What any store of rows answers.
    ///
    /// # Errors
    /// [`ReadModelError::BadCursor`], and [`ReadModelError::UnknownView`] for a column that the view does not have.
    pub fn keys_of<'a>(
        &self,
        columns: &[Column],
        rows: impl IntoIterator<Item = (&'a str, &'a [Value])>,
    ) -> Result<(Vec<String>, Option<String>), ReadModelError> {
        let start = self.start()?;
        let tests = self.filters.iter().map(|(name, test)| Ok((self.index_of(columns, name)?, test)));
        let tests = tests.collect::<Result<Vec<_>, _>>()?;
        let by = self.order.by.map(|name| self.index_of(columns, name)).transpose()?;
        let mut places = Vec::new();
        for (key, values) in rows {
            let at = |index: usize| values.get(index).unwrap_or(&Value::Absent);
            let place = Place { value: by.map(|index| at(index).clone()), key: key.to_owned() };
            let is_found = key.starts_with(&self.key_prefix)
                && place.value != Some(Value::Absent)
                && tests.iter().all(|(index, test)| test.holds(at(*index)))
                && start.as_ref().is_none_or(|start| self.comes_after(&place, start));
            if is_found {
                places.push(place);
            }
        }
        match self.order.direction {
            Direction::Ascending => places.sort_unstable(),
            Direction::Descending => places.sort_unstable_by(|a, b| b.cmp(a)),
        }
        let has_more = places.len() > self.limit;
        places.truncate(self.limit);
        let next = places.last().filter(|_| has_more).map(|last| self.order.cursor(last));
        Ok((places.into_iter().map(|place| place.key).collect(), next))
    }

    fn comes_after(&self, place: &Place, start: &Place) -> bool {
        match self.order.direction {
            Direction::Ascending => place > start,
            Direction::Descending => place < start,
        }
    }

    fn index_of(&self, columns: &[Column], name: &str) -> Result<usize, ReadModelError> {
        let index = columns.iter().position(|column| column.name == name);
        index.ok_or_else(|| ReadModelError::UnknownView(format!("{}.{name}", self.view)))
    }
}
