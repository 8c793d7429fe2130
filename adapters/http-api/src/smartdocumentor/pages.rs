//! Pages that have numbers, from 1 on, and say how many there are (`reference/smartdocumentor.md` §4.4). Does not know what is
//! on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::stream::Position;
use projections::read_model::{Pick, Query, ReadModelError};
use projections::view::View;
use serde::Serialize;

use super::input::Parameters;
use super::reply::Failure;
use crate::state::ApiState;

/// How many items a page has, unless the request says otherwise.
const SIZE_DEFAULT: usize = 10;

/// Which page is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    number: u64,
    size: usize,
}

/// A page as it is sent. The reference shows no such envelope; this one is ours.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageObject<T> {
    items: Vec<T>,
    page_number: u64,
    page_size: usize,
    total_pages: u64,
    total_items: u64,
}

/// The rows of a page.
#[derive(Debug)]
pub(super) struct Found<R> {
    pub(super) rows: Vec<R>,
    /// How many rows there are on all pages.
    pub(super) total: u64,
    pub(super) position: Position,
}

impl Page {
    pub(super) fn read(parameters: &Parameters, state: &ApiState) -> Result<Self, Failure> {
        let size_max = state.settings.page_rows_max;
        let number = match parameters.number("pageNumber")? {
            None => 1,
            Some(number @ 1..) => u64::try_from(number).unwrap_or(u64::MAX),
            Some(_) => return Err(Failure::invalid("pages are numbered from 1 on; correct pageNumber")),
        };
        let size = match parameters.number("pageSize")?.map(usize::try_from) {
            None => SIZE_DEFAULT.min(size_max),
            Some(Ok(size)) if (1..=size_max).contains(&size) => size,
            Some(Ok(_) | Err(_)) => {
                return Err(Failure::invalid(format!("pageSize must be between 1 and {size_max}")));
            }
        };
        Ok(Self { number, size })
    }

    pub(super) const fn size(self) -> usize {
        self.size
    }

    /// The page with these items, of so many on all pages.
    pub(super) fn filled<T>(self, items: Vec<T>, total_items: u64) -> PageObject<T> {
        let total_pages = total_items.div_ceil(self.size as u64);
        PageObject { items, page_number: self.number, page_size: self.size, total_pages, total_items }
    }

    /// How many rows stand before it.
    const fn skipped(self) -> u64 {
        (self.number - 1).saturating_mul(self.size as u64)
    }
}

/// The rows of a page, and how many there are in all, of one state of the view. Looks at every row that the question
/// finds, whichever page is wanted, and keeps those of the page.
pub(super) async fn page_of<V: View>(
    state: &ApiState,
    query: Query,
    page: Page,
) -> Result<Found<V::Row>, Failure> {
    let seen = Arc::new(AtomicU64::new(0));
    let (first, size) = (page.skipped(), page.size as u64);
    let pick: Pick = {
        let seen = Arc::clone(&seen);
        Arc::new(move |_, json| {
            let at = seen.fetch_add(1, Ordering::Relaxed);
            let is_on_page = at >= first && at - first < size;
            Ok(is_on_page.then(|| json.to_owned()))
        })
    };
    let picked = state.engine.read_model().pick(Query { view: V::NAME, ..query }, pick).await?;
    let read = |json: &String| {
        serde_json::from_str(json)
            .map_err(|error| ReadModelError::Damaged(format!("a row of {}: {error}", V::NAME)))
    };
    let rows = picked.items.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Found { rows, total: seen.load(Ordering::Relaxed), position: picked.position })
}
