//! Whether a key has a scope: the same as what the list of its scopes says.

use super::*;

const PATHS: [&str; 6] = ["a/raw.txt", "a/text.txt", "a/note", "raw/b", "text/b", "c"];
const LAYOUTS: [&str; 4] = ["{key}", "{key}/{scope}.txt", "{scope}/{key}", "{key}.txt"];

async fn agrees(content: &Content, location: &Location) -> usize {
    let mut found = 0;
    for key in ["a", "a/raw", "a/note", "b", "raw/b", "c", "d", "a/raw.txt"].map(key) {
        let scopes = content.scopes(location, &key).await.unwrap();
        for scope in ["raw", "text", "note", "b"].map(scope) {
            let has = content.has(location, &key, &scope).await;
            assert_eq!(has, Ok(scopes.contains(&scope)), "{key} {scope} {location:?}");
            found += usize::from(has == Ok(true));
        }
    }
    found
}

#[tokio::test]
async fn a_key_has_a_scope_when_the_scope_is_one_of_its_scopes() {
    let (_folder, files, folder) = with_files(&PATHS);
    let (objects, prefix) = with_objects(&PATHS).await;
    for (layout, expected) in LAYOUTS.into_iter().zip([4, 2, 2, 1]) {
        for include in [None, Some("**/raw*")] {
            for (content, base) in [(&files, &folder), (&objects, &prefix)] {
                let include = include.map(str::to_owned);
                let location = Location { include: include.clone(), ..location(&base.url, layout) };
                let found = agrees(content, &location).await;
                assert!(include.is_some() || found == expected, "{layout}: {found}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_leads_out_of_its_location_is_refused() {
    let (_folder, content, location) = with_files(&["a"]);
    let has = content.has(&location, &key("../secret"), &scope("raw")).await;
    assert!(matches!(has, Err(ContentError::Outside(_))), "{has:?}");
}
