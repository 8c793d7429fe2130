//! Below which URLs a caller may register content. Does not know what lies there.

use axum::http::StatusCode;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::problem::Problem;

/// Refuses a URL that is not below one of the bases.
pub(crate) fn check(url: &str, bases: &[String]) -> Result<(), Problem> {
    let place = Place::read(url).ok_or_else(|| {
        let detail = "the content's url must be a plain URL such as file:///folder or s3://bucket/prefix";
        Problem::invalid("content_location", detail)
    })?;
    if bases.iter().filter_map(|base| Place::read(base)).any(|base| place.is_below(&base)) {
        return Ok(());
    }
    let detail = if bases.is_empty() {
        "content may not be registered here, since no base is configured; set content.registered_bases in reprise.toml, or use the \
         command line"
    } else {
        "the content's url is not below a base that is configured as content.registered_bases in reprise.toml; choose one that is"
    };
    Err(Problem::new(StatusCode::FORBIDDEN, "content_not_allowed", detail))
}

/// A URL in parts that can be compared.
struct Place {
    scheme: String,
    authority: String,
    segments: Vec<String>,
}

impl Place {
    /// Reads a URL. One that leaves room for two readings is none.
    fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        if url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        // The parser has resolved '.' and '..'; what an escape hides from it must not come back later.
        let decoded = url.path_segments()?.map(|segment| percent_decode_str(segment).decode_utf8().ok());
        let segments = decoded.collect::<Option<Vec<_>>>()?;
        let is_plain =
            |segment: &str| !segment.contains(['/', '\\', '\0']) && segment != "." && segment != "..";
        if !segments.iter().all(|segment| is_plain(segment)) {
            return None;
        }
        let segments = segments.into_iter().filter(|segment| !segment.is_empty()).map(String::from).collect();
        Some(Self { scheme: url.scheme().to_owned(), authority: url.authority().to_owned(), segments })
    }

    fn is_below(&self, base: &Self) -> bool {
        self.scheme == base.scheme
            && self.authority == base.authority
            && self.segments.starts_with(&base.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str) -> bool {
        let bases = ["file:///data/docs".to_owned(), "s3://bucket/in/".to_owned()];
        check(url, &bases).is_ok()
    }

    #[test]
    fn content_may_be_registered_below_a_base_and_nowhere_else() {
        for url in
            ["file:///data/docs", "file:///data/docs/a%20b/", "file:///data/docs/x/../y", "s3://bucket/in/x"]
        {
            assert!(allowed(url), "{url}");
        }
        for url in [
            "file:///data",
            "file:///data/docs2",
            "file:///data/docs/../secret",
            "file:///data/docs/%2e%2e/secret",
            "file:///data/docs/..%2fsecret",
            "file:///data/docs/%2e%2e%2fsecret",
            "file:///data/docs/..%5Csecret",
            "file://host/data/docs",
            "s3://bucket/other",
            "s3://bucket2/in/x",
            "s3://bucket/in?x=1",
            "s3://bucket/in/%2E%2E/other",
            "http://bucket/in",
            "/data/docs",
            "memory:",
            "",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }
}
