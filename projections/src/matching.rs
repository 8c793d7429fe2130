//! Which key-scopes match a filter: by the columns that their rows are found by, and by the rows themselves where those
//! do not say enough. Does not know who asks: lists and campaigns choose alike.

pub mod tasks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use domain::campaign::KeyTarget;
use domain::filter::Filter;
use domain::names::{Scope, StorageUnitName};
use domain::stream::encoded_part;

use crate::read_model::{self, Page, Picked, Query, ReadModel, ReadModelError};
use crate::view::{Value, View as _};
use crate::views::{KeyScopeRow, KeyScopes, Status};

/// How many rows are looked at for one page, where the rows themselves have to be asked. A page may then have fewer rows
/// than it may, and more may come.
pub const ROWS_LOOKED_AT_MAX: usize = 10_000;
/// How many rows are read at once while they are looked at.
const ROWS_READ_MAX: usize = 1_000;

impl KeyScopeRow {
    /// Whether everything holds that the filter says.
    #[must_use]
    pub fn matches(&self, filter: &Filter) -> bool {
        let Filter {
            status,
            held,
            campaign,
            error_code,
            key_prefix,
            change,
            ever_finished,
            finished_since,
            finished_before,
            updated_since,
            updated_before,
            restart_count_min,
        } = filter;
        let code = self.last_error.as_ref().map(|error| &error.code);
        status.is_none_or(|status| self.status == status)
            && held.is_none_or(|held| self.held == held)
            && campaign.is_none_or(|campaign| self.campaign == Some(campaign))
            && error_code.as_ref().is_none_or(|wanted| code == Some(wanted))
            && key_prefix.as_ref().is_none_or(|prefix| self.key.as_str().starts_with(prefix.as_str()))
            && change.is_none_or(|change| self.change == Some(change))
            && ever_finished.is_none_or(|ever| self.finished_at.is_some() == ever)
            && finished_since.is_none_or(|since| self.finished_at.is_some_and(|at| at >= since))
            && finished_before.is_none_or(|before| self.finished_at.is_some_and(|at| at < before))
            && updated_since.is_none_or(|since| self.updated_at >= since)
            && updated_before.is_none_or(|before| self.updated_at < before)
            && restart_count_min.is_none_or(|min| self.restart_count >= min)
    }
}

/// A page of the key-scopes of a unit and scope, or of any, that match.
///
/// # Errors
/// As [`ReadModel::list`].
pub async fn list(
    model: &dyn ReadModel,
    place: (Option<&StorageUnitName>, Option<&Scope>),
    filter: &Filter,
    (after, limit): (Option<String>, usize),
) -> Result<Page<KeyScopeRow>, ReadModelError> {
    let query = Query { after, limit, ..query(place, filter) };
    if columns_say_everything(filter) {
        return read_model::list::<KeyScopes>(model, query).await;
    }
    let (mut rows, mut after, mut looked_at) = (Vec::new(), query.after.clone(), 0);
    loop {
        let query = Query { after: after.clone(), limit: ROWS_READ_MAX, ..query.clone() };
        let page = read_model::list::<KeyScopes>(model, query).await?;
        let mut more = page.rows.into_iter();
        for row in more.by_ref() {
            after = Some(KeyScopes::row_key(&row.id()));
            looked_at += 1;
            if row.matches(filter) {
                rows.push(row);
            }
            if rows.len() == limit || looked_at == ROWS_LOOKED_AT_MAX {
                break;
            }
        }
        let is_last = page.next.is_none() && more.len() == 0;
        if is_last || rows.len() == limit || looked_at == ROWS_LOOKED_AT_MAX {
            let next = if is_last { None } else { after };
            return Ok(Page { rows, next, position: page.position });
        }
    }
}

/// The keys of a target that match its filter, at most so many, all of one state of the view.
///
/// # Errors
/// As [`ReadModel::pick`].
pub async fn keys(
    model: &dyn ReadModel,
    target: &KeyTarget,
    filter: &Filter,
    limit: usize,
) -> Result<Picked, ReadModelError> {
    let query = Query { limit, ..query((Some(&target.unit), Some(&target.scope)), filter) };
    let filter = filter.clone();
    let pick = move |_: &str, json: &str| {
        let row = read_model::parse::<KeyScopes, KeyScopeRow>(json)?;
        Ok(row.matches(&filter).then(|| row.key.to_string()))
    };
    model.pick(query, Arc::new(pick)).await
}

/// The question that finds at least every row that matches.
fn query((unit, scope): (Option<&StorageUnitName>, Option<&Scope>), filter: &Filter) -> Query {
    let text = |text: &dyn ToString| Value::Text(text.to_string());
    // Without a unit, what is open is found by that: the statuses of all units are in no order.
    let is_open = unit.is_none() && filter.status.is_some_and(Status::is_open);
    let filters = [
        ("open", is_open.then_some(Value::Integer(1))),
        ("unit", unit.map(|unit| text(unit))),
        ("scope", scope.map(|scope| text(scope))),
        ("status", filter.status.map(|status| text(&status.name()))),
        ("held", filter.held.map(|held| Value::Integer(held.into()))),
        ("campaign", filter.campaign.map(|campaign| text(&campaign))),
        ("error_code", filter.error_code.as_ref().map(|code| text(code))),
    ];
    let filters =
        filters.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.into()))).collect();
    let prefix = filter.key_prefix.as_deref().unwrap_or_default();
    let key_prefix = match (unit, scope) {
        (Some(unit), Some(scope)) => {
            format!(
                "{}{}/{}",
                KeyScopes::unit_prefix(unit),
                encoded_part(scope.as_str()),
                encoded_part(prefix)
            )
        }
        (Some(unit), None) => KeyScopes::unit_prefix(unit),
        (None, _) => String::new(),
    };
    Query { view: KeyScopes::NAME, filters, key_prefix, ..Query::page(0) }
}

/// Whether a row that the question finds matches in any case.
const fn columns_say_everything(filter: &Filter) -> bool {
    matches!(
        filter,
        Filter {
            key_prefix: None,
            change: None,
            ever_finished: None,
            finished_since: None,
            finished_before: None,
            updated_since: None,
            updated_before: None,
            restart_count_min: None,
            ..
        }
    )
}
