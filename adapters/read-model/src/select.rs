//! The SQL of a question. Does not know the rows.
//!
//! A list follows the first index of its view whose columns the filters narrow to single values, so that it never reads what
//! lies beside them. When the index also goes on in the order of the list, or the list is in the order of the keys, nothing
//! is sorted; a filter that allows several values becomes several such walks, merged. Otherwise what the filters leave is
//! sorted. Conditions that no index serves carry a `+`, which keeps SQLite from another index that would have it sort.

use projections::read_model::{Direction, Order, Query, ReadModelError, Test};
use projections::view::Value;

use crate::tables::{Table, column};

/// How many walks are merged; a filter that allows more values is a condition like others.
const WALKS_MAX: usize = 64;

/// A question's SQL: it gives the key, the row, and the value in the column that the order goes by, if there is one.
pub(crate) struct Select {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Select {
    pub(crate) fn new(table: &Table, query: &Query, limit: usize) -> Result<Self, ReadModelError> {
        check_columns(table, query, query.order.by.as_slice())?;
        let route = Route::of(table, query);
        let mut select = Self { sql: String::new(), values: Vec::new() };
        if route.walks.is_empty() {
            select.walk(table, query, &route, None)?;
        }
        for (number, value) in route.walks.iter().enumerate() {
            select.sql += if number == 0 { "" } else { " UNION ALL " };
            select.walk(table, query, &route, Some(value))?;
        }
        let direction = match query.order.direction {
            Direction::Ascending => "",
            Direction::Descending => " DESC",
        };
        select.sql += " ORDER BY ";
        if query.order.by.is_some() {
            select.sql += &format!("3{direction}, ");
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        select.bind(&format!("1{direction} LIMIT"), Value::Integer(limit));
        Ok(select)
    }

    /// The SQL that counts what a question finds by the values in these columns, and gives those values and the count.
    pub(crate) fn count_by(table: &Table, query: &Query, by: &[&str]) -> Result<Self, ReadModelError> {
        check_columns(table, query, by)?;
        let all = Query { order: Order::default(), after: None, ..query.clone() };
        let route = Route::of(table, &all);
        let columns: Vec<String> = by.iter().map(|name| column(name)).collect();
        let (columns, name) = (columns.join(", "), &table.name);
        let sql = format!("SELECT {columns}, count(*) FROM {name} WHERE TRUE");
        let mut select = Self { sql, values: Vec::new() };
        select.conditions(query, &route, None);
        if !query.key_prefix.is_empty() {
            select.range(&all)?;
        }
        select.sql += &format!(" GROUP BY {columns} ORDER BY {columns}");
        Ok(select)
    }

    /// One walk: all rows, or those with one value of what [`Route::several`] allows.
    fn walk(
        &mut self,
        table: &Table,
        query: &Query,
        route: &Route,
        value: Option<&Value>,
    ) -> Result<(), ReadModelError> {
        let by = query.order.by.map(column);
        let third = by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
        self.sql += &format!("SELECT key, row{third} FROM {} WHERE TRUE", table.name);
        self.conditions(query, route, value);
        if let Some(by) = &by {
            self.sql += &format!(" AND +{by} IS NOT NULL");
        }
        self.range(query)
    }

    fn conditions(&mut self, query: &Query, route: &Route, value: Option<&Value>) {
        for (number, (name, test)) in query.filters.iter().enumerate() {
            let plus = if route.index.contains(name) { "" } else { "+" };
            let column = format!("{plus}{}", column(name));
            match value {
                Some(value) if route.several == Some(number) => {
                    self.bind(&format!(" AND {column} ="), value.clone());
                }
                Some(_) | None => self.condition(&column, test),
            }
        }
    }

    fn condition(&mut self, column: &str, test: &Test) {
        match test {
            Test::Is(Value::Absent) => self.sql += &format!(" AND {column} IS NULL"),
            Test::Is(value) => self.bind(&format!(" AND {column} ="), value.clone()),
            Test::Present => self.sql += &format!(" AND {column} IS NOT NULL"),
            Test::From(value) => self.bind(&format!(" AND {column} >="), value.clone()),
            Test::Before(value) => self.bind(&format!(" AND {column} <"), value.clone()),
            Test::Contains(part) => {
                self.bind(&format!(" AND 0 < instr({column},"), Value::Text(part.clone()));
                self.sql += ")";
            }
            Test::OneOf(values) => {
                self.sql += &format!(" AND {column} IN (");
                for (number, value) in values.iter().enumerate() {
                    self.bind(if number == 0 { "" } else { "," }, value.clone());
                }
                self.sql += ")";
            }
        }
    }

    /// What comes after the place where the page begins, among the keys that begin as they should.
    fn range(&mut self, query: &Query) -> Result<(), ReadModelError> {
        let start = query.start()?;
        let after = match query.order.direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        };
        let key = if query.order.by.is_some() { "+key" } else { "key" };
        let is_after_prefix = match (&query.order.by, start) {
            (Some(by), Some(place)) => {
                self.bind(
                    &format!(" AND ({}, key) {after} (", column(by)),
                    place.value.unwrap_or(Value::Absent),
                );
                self.bind(",", Value::Text(place.key));
                self.sql += ")";
                false
            }
            (None, Some(place)) => {
                self.bind(&format!(" AND key {after}"), Value::Text(place.key));
                query.order.direction == Direction::Ascending
            }
            (_, None) => false,
        };
        if !is_after_prefix && (query.order.by.is_none() || !query.key_prefix.is_empty()) {
            self.bind(&format!(" AND {key} >="), Value::Text(query.key_prefix.clone()));
        }
        if !query.key_prefix.is_empty() {
            self.bind(&format!(" AND {key} <"), Value::Text(end_of(&query.key_prefix)));
        }
        Ok(())
    }

    fn bind(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql += &format!("{condition} ?{}", self.values.len());
    }
}

fn check_columns(table: &Table, query: &Query, more: &[&str]) -> Result<(), ReadModelError> {
    let is_known = |name: &str| table.view.columns().iter().any(|known| known.name == name);
    let mut named = query.filters.iter().map(|(name, _)| name).chain(more);
    match named.find(|name| !is_known(name)) {
        Some(name) => Err(ReadModelError::UnknownView(format!("{}.{name}", query.view))),
        None => Ok(()),
    }
}

/// Which index a question follows.
#[derive(Default)]
struct Route {
    /// The index's columns; none when it follows the keys.
    index: &'static [&'static str],
    /// Which filter allows several values of the index.
    several: Option<usize>,
    /// Those values, each once; none when every filter on the index allows one.
    walks: Vec<Value>,
}

impl Route {
    fn of(table: &Table, query: &Query) -> Self {
        table.view.indexes().iter().find_map(|index| Self::along(index, query)).unwrap_or_default()
    }

    /// The route along an index; nothing when the filters do not narrow all its columns, but for a last one by which the
    /// list is ordered.
    fn along(index: &'static [&'static str], query: &Query) -> Option<Self> {
        let mut route = Self { index, ..Self::default() };
        let narrowed = match index.split_last() {
            Some((last, before)) if query.order.by == Some(*last) => before,
            Some(_) | None => index,
        };
        if narrowed.is_empty() {
            return None;
        }
        for name in narrowed {
            let filters = query.filters.iter().enumerate().filter(|(_, (filter, _))| filter == name);
            let mut several = None;
            let mut is_single = false;
            for (number, (_, test)) in filters {
                match test {
                    Test::Is(Value::Text(_) | Value::Integer(_)) => is_single = true,
                    Test::OneOf(values) if (1..=WALKS_MAX).contains(&values.len()) => {
                        several = Some((number, values));
                    }
                    Test::Is(Value::Absent)
                    | Test::OneOf(_)
                    | Test::Present
                    | Test::From(_)
                    | Test::Before(_)
                    | Test::Contains(_) => {}
                }
            }
            match several {
                Some(_) | None if is_single => {}
                Some((number, values)) if route.several.is_none() => {
                    route.several = Some(number);
                    route.walks = values.clone();
                    route.walks.sort();
                    route.walks.dedup();
                }
                Some(_) | None => return None,
            }
        }
        Some(route)
    }
}

/// After everything that begins with the prefix.
pub(crate) fn end_of(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}
