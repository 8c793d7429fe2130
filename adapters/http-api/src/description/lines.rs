//! Bodies that are written line by line. OpenAPI 3.1 has no word for them: such a body is a text, and `x-line-schema` says what
//! each of its lines is.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Where the schema of a line is referred to.
const LINE_SCHEMA: &str = "x-line-schema";

/// A text with a JSON value in each line.
#[derive(Debug)]
pub(crate) struct Lines<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for Lines<T> {
    fn schema() -> RefOr<Schema> {
        let line = json!(Ref::from_schema_name(T::name()));
        let description = format!("Lines of JSON, each a `{}`", T::name());
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
        RefOr::T(text.extensions(Some(Extensions::builder().add(LINE_SCHEMA, line).build())).build().into())
    }
}

impl<T: ToSchema> ToSchema for Lines<T> {
    fn name() -> Cow<'static, str> {
        format!("{}s", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}
