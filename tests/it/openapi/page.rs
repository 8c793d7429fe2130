//! `/docs`: a page whose every part comes from the same server.

use tests::harness::Harness;

/// What a page refers to by `src` and `href`.
fn referred(page: &str) -> Vec<String> {
    let quoted = |attribute: &str| {
        let attribute = format!("{attribute}=\"");
        let parts = page.split(&attribute).skip(1);
        parts.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    [quoted("src"), quoted("href")].concat()
}

#[tokio::test]
async fn the_page_and_all_its_parts_come_from_the_server() {
    let harness = Harness::start().await;
    let moved = harness.get("/docs").await.expect(308);
    assert_eq!(moved.header("location"), "docs/");
    let page = harness.get("/docs/").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    let parts = referred(&page.text());
    assert!(
        parts.iter().any(|part| part.ends_with(".js")) && parts.iter().any(|part| part.ends_with(".css"))
    );
    for part in parts {
        let name = part.strip_prefix("./").unwrap_or(&part);
        assert!(!name.contains([':', '/']), "{part} lies elsewhere");
        let reply = harness.get(&format!("/docs/{name}")).await.expect(200);
        assert!(!reply.body.is_empty(), "{part}");
    }
    let start = harness.get("/docs/swagger-initializer.js").await.expect(200).text();
    assert!(start.contains("../openapi.json"), "{start}");
    assert!(!start.contains("petstore"), "{start}");
}

#[tokio::test]
async fn what_is_no_part_of_the_page_is_not_found() {
    let harness = Harness::start().await;
    for path in ["/docs/nothing.js", "/docs/..%2Fopenapi.json", "/docs/a/b"] {
        let reply = harness.get(path).await.expect(404);
        assert_eq!(reply.json()["code"], "no_such_route", "{path}");
    }
}
