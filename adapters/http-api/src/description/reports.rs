//! What a worker says of its leases and what it is answered. The handlers read and write these member by member, since a report
//! is one item or many; nothing here is ever made, and tests hold real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what is read and written member by member, and are never made"
)]

use std::marker::PhantomData;

use serde_json::Value;
use utoipa::openapi::schema::{AnyOf, Schema};
use utoipa::openapi::{Object, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::names::{
    Digest, Key, LeaseMillis, ModuleName, Position, QueueUnit, Scope, Timestamp, Token, WorkerId,
};
use super::one_of;
use super::settings::RetryPolicy;

/// One of many items. What is wrong with it is said in its own result, so that the others count; therefore anything may
/// stand here.
struct AnyItem<T>(PhantomData<T>);

impl<T: ToSchema> PartialSchema for AnyItem<T> {
    fn schema() -> RefOr<Schema> {
        let anything = Object::builder().schema_type(utoipa::openapi::schema::SchemaType::AnyValue).build();
        let any_of = AnyOf::builder().item(Ref::from_schema_name(T::name())).item(anything).build();
        RefOr::T(Schema::AnyOf(any_of))
    }
}

impl<T: ToSchema> ToSchema for AnyItem<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Any{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}

/// Declares what is said of an item: the item, one of them as a body, many of them as a body, and either.
macro_rules! report {
    (
        $(#[doc = $doc:literal])+
        $body:ident = $item:ident | $one:ident | $many:ident | $any:ident $members:tt
    ) => {
        report! { @struct $(#[doc = $doc])+ $item {} $members }
        report! { @struct $(#[doc = $doc])+ $one {
            /// Who reports: recorded as the actor in place of `Reprise-Actor`, and noted as seen.
            #[schema(required = false)]
            worker: WorkerId,
        } $members }

        type $any = AnyItem<$item>;

        /// Many items, each with its own result.
        #[derive(ToSchema)]
        struct $many {
            /// Who reports: recorded as the actor in place of `Reprise-Actor`, and noted as seen.
            #[schema(required = false)]
            worker: WorkerId,
            #[schema(min_items = 1, max_items = 1_000)]
            items: Vec<$any>,
        }

        one_of! {
            /// One item, or many.
            $body = $one | $many;
        }
    };
    (@struct $(#[doc = $doc:literal])+ $name:ident { $($who:tt)* } { $($member:tt)* }) => {
        $(#[doc = $doc])+
        #[derive(ToSchema)]
        struct $name {
            $($who)*
            unit: QueueUnit,
            scope: Scope,
            key: Key,
            token: Token,
            $($member)*
        }
    };
}

report! {
    /// A lease whose work begins.
    LeaseStart = StartItem | StartOne | StartMany | AnyStart {}
}
report! {
    /// A lease that is to last longer.
    LeaseExtend = ExtendItem | ExtendOne | ExtendMany | AnyExtend {
        /// How long from now; the unit's length without it.
        lease_ms: Option<LeaseMillis>,
    }
}
report! {
    /// A lease whose work is done.
    LeaseComplete = CompleteItem | CompleteOne | CompleteMany | AnyComplete {
        /// What came of it.
        #[schema(required = false, max_items = 100)]
        outputs: Vec<OutputReport>,
    }
}
report! {
    /// A lease whose work failed.
    LeaseFail = FailItem | FailOne | FailMany | AnyFail {
        /// What went wrong, for programs; at most 256 bytes.
        #[schema(min_length = 1, max_length = 256, example = "exit_1")]
        code: String,
        /// What went wrong, for people; at most 64 KiB.
        #[schema(required = false, max_length = 65_536)]
        text: String,
        /// Which module failed.
        module: Option<ModuleName>,
        /// Whether and when it is tried again; what is set for the module without it.
        retry: Option<RetryPolicy>,
    }
}
report! {
    /// A lease that is given back.
    LeaseRelease = ReleaseItem | ReleaseOne | ReleaseMany | AnyRelease {}
}

one_of! {
    /// What a module made: as a text, as bytes, or by its digest alone.
    OutputReport = TextOutput | BytesOutput | DescribedOutput;
}

/// What a module made, as a text.
#[derive(ToSchema)]
struct TextOutput {
    module: ModuleName,
    /// The scope that keeps it; the one that the unit or the module's definition names without it.
    scope: Option<Scope>,
    content: String,
}

/// What a module made, as bytes in Base64.
#[derive(ToSchema)]
struct BytesOutput {
    module: ModuleName,
    /// The scope that keeps it; the one that the unit or the module's definition names without it.
    scope: Option<Scope>,
    #[schema(
        content_encoding = "base64",
        pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
    )]
    content_base64: String,
}

/// What a module made, by its digest. It is not kept here.
#[derive(ToSchema)]
struct DescribedOutput {
    module: ModuleName,
    scope: Option<Scope>,
    digest: Digest,
    size_bytes: u64,
}

one_of! {
    /// What became of one item, or of many in their order.
    ReportReply = ReportedOne | ReportedMany;
}

/// What became of the item.
#[derive(ToSchema)]
struct ReportedOne {
    unit: QueueUnit,
    scope: Scope,
    key: Key,
    token: Token,
    #[schema(pattern = "^ok$")]
    status: String,
    /// Of `extend`: the end of the lease. Until half of it is used up the old end stands.
    #[schema(required = false)]
    until: Timestamp,
    /// Of `complete` and `fail`: whether the result was there already.
    #[schema(required = false)]
    repeated: bool,
    /// Of `fail`: when it is tried again; null when no attempt is left.
    retry_at: Option<Timestamp>,
    position: Position,
}

/// What became of each item, in the order of the request.
#[derive(ToSchema)]
struct ReportedMany {
    results: Vec<ReportedItem>,
    position: Position,
}

/// What became of one of many items. What it was about is repeated as it was sent.
#[derive(ToSchema)]
struct ReportedItem {
    #[schema(required = false)]
    unit: Value,
    #[schema(required = false)]
    scope: Value,
    #[schema(required = false)]
    key: Value,
    #[schema(required = false)]
    token: Value,
    /// `ok`, or the code of a problem.
    #[schema(pattern = "^[a-z_]+$")]
    status: String,
    /// Of a problem: what to do.
    #[schema(required = false)]
    detail: String,
    /// Of a problem: that the same may succeed later.
    #[schema(required = false)]
    try_later: bool,
    #[schema(required = false)]
    until: Timestamp,
    #[schema(required = false)]
    repeated: bool,
    retry_at: Option<Timestamp>,
}
