//! The description of the native API: an OpenAPI 3.1 document made from the routes themselves.
//!
//! A route is registered together with its description (`OpenApiRouter`, `routes!`), so neither is there without the
//! other. The modules here describe what comes from other crates, and what is the same for every route. Nothing here is
//! asked while a request is answered, except for the document itself.

pub(crate) mod attempts;
pub(crate) mod campaigns;
pub(crate) mod commands;
pub(crate) mod explain;
mod finish;
pub(crate) mod lines;
pub(crate) mod names;
pub(crate) mod problems;
pub(crate) mod replays;
pub(crate) mod reports;
pub(crate) mod settings;
pub(crate) mod tasks;
pub(crate) mod things;

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, Paths};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

/// Declares a type that is one of several others, each told by a member of its own.
macro_rules! one_of {
    ($(#[doc = $doc:literal])+ $name:ident = $($variant:ident)|+;) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let one_of = utoipa::openapi::OneOf::builder()
                    .description(Some([$($doc.trim()),+].join(" ")))
                    $(.item(<$variant as utoipa::PartialSchema>::schema()))+;
                utoipa::openapi::RefOr::T(one_of.build().into())
            }
        }

        impl utoipa::ToSchema for $name {
            fn schemas(
                schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
            ) {
                $(<$variant as utoipa::ToSchema>::schemas(schemas);)+
            }
        }
    };
}
pub(crate) use one_of;

/// The document: OpenAPI 3.1 as JSON.
#[must_use]
pub fn document() -> Value {
    let (_, description) = crate::described(std::sync::Arc::default()).split_for_parts();
    finish::finished(description)
}

/// What stands above every route.
pub(crate) fn heading() -> OpenApi {
    let mut licence = License::new("MIT OR Apache-2.0");
    licence.identifier = Some("MIT OR Apache-2.0".to_owned());
    let mut info = Info::new("Reprise", env!("CARGO_PKG_VERSION"));
    info.license = Some(licence);
    info.description = Some(
        "The native API of Reprise, an event-sourced engine for work that may have to be done again. `docs/http-api.md` \
         is its manual."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).paths(Paths::new()).build()
}

/// The document as it is sent.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| format!("{:#}\n", document()).into());

pub(crate) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// This document
///
/// The description of the native API, made from its routes.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "describe", tag = "operations",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = std::collections::BTreeMap<String, Value>)),
)]
async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}
