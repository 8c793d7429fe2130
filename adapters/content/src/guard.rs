//! Whether a path stays below the base it is meant for. Does not look at any storage: links are for `folder`.

use percent_encoding::percent_decode;

/// Whether the path stays below its base, even when somebody on its way to the bytes decodes it, once or many times,
/// or takes a backslash for a slash. A harmless `%` or `\` in a name is fine.
pub(crate) fn stays_inside(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    loop {
        if !is_plain(&path) {
            return false;
        }
        let decoded: Vec<u8> = percent_decode(&path).collect();
        // Decoding shortens whatever it changes, so this ends.
        if decoded == path {
            return true;
        }
        path = decoded;
    }
}

fn is_plain(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| matches!(byte, b'/' | b'\\'));
    !path.contains(&0) && parts.all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::stays_inside;

    #[test]
    fn a_path_that_could_lead_out_is_refused_in_every_disguise() {
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/..",
            "a/../../x",
            ".",
            "./x",
            "a/./x",
            "a//x",
            "a/",
            "\\x",
            "..\\x",
            "a\\..\\x",
            "a\\\\x",
            "a\0b",
            "%2e%2e/x",
            "%2E%2e",
            "a/%2e%2E/x",
            "a%2f..%2fx",
            "%2fetc",
            "%5c..",
            "..%5cx",
            "a%00b",
            "%252e%252e/x",
            "a%252f%252e%252e",
            "%25%32%65%25%32%65/x",
            "%%32e%2e/x",
            "a%2f",
            "%25252e%25252e/x",
            "a/%2e/x",
            "%2e",
        ] {
            assert!(!stays_inside(path), "{path:?} must be refused");
        }
    }

    #[test]
    fn harmless_names_are_not_refused() {
        for path in [
            "a",
            "a/b.txt",
            "...",
            "..a",
            "a..",
            "a/.hidden",
            "100%",
            "100%25",
            "%",
            "%2",
            "%zz",
            "50%/a",
            "a%2fb",
            "a%20b",
            "a\\b",
            "c:x",
            "~",
            "a b",
            "ü/€",
            "http:x",
            "%e2%82%ac",
            "%ff",
        ] {
            assert!(stays_inside(path), "{path:?} must be allowed");
        }
    }
}
