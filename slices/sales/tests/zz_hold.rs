#[test]
fn hold() {
    testkit::own_database(async |story| {
        let served = story.serve().await;
        let read = |path: &str| std::fs::read(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let (sales, prices) = (read("app/demo/BreadBasket_DMS.csv.gz"), read("app/demo/prices.csv"));
        let at = story.owner.upload("/import", &[], &[("files", "BreadBasket_DMS.csv.gz", &sales), ("files", "prices.csv", &prices)]).await.location();
        eprintln!("HOLD {} {} {}", served.url(&at), served.url("/import"), story.owner.cookies());
        std::fs::write("/tmp/imp_hold.json", serde_json::json!({"page": served.url(&at), "list": served.url("/import"), "cookies": story.owner.cookies(), "csrf": story.owner.csrf()}).to_string()).unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(80)).await;
    });
}
