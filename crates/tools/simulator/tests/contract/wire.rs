//! Behaviours of names, tags and the wire format.

use aws_sdk_rds::error::ProvideErrorMetadata as _;
use aws_sdk_rds::types::Filter;
use bytes::Bytes;

use crate::support::{code, instance, rename, settle, simulated, status, tag};

const ORDERS: &str = r#"{"instances": [{"identifier": "orders", "engine": "postgres", "tags": {"team": "payments"}}]}"#;

#[tokio::test(start_paused = true)]
async fn identifiers_are_lower_cased_and_matched_in_any_case() {
    let (simulator, client) = simulated(ORDERS);
    assert_eq!(status(&client, "ORDERS").await.as_deref(), Some("available"));
    rename(&client, "Orders", "Orders-Temp").await.unwrap();
    settle(&simulator).await;
    assert_eq!(instance(&client, "orders-TEMP").await.db_instance_identifier(), Some("orders-temp"));
}

#[tokio::test(start_paused = true)]
async fn identifiers_keep_their_rules() {
    let (_, client) = simulated(ORDERS);
    for bad in ["1orders", "orders-", "or--ders", "or_ders", &"a".repeat(64)] {
        assert_eq!(code(rename(&client, "orders", bad).await), "InvalidParameterValue", "{bad}");
    }
    let long = "a".repeat(255);
    client.create_db_snapshot().db_instance_identifier("orders").db_snapshot_identifier(&long).send().await.unwrap();
    let longer = client
        .create_db_snapshot()
        .db_instance_identifier("orders")
        .db_snapshot_identifier(format!("{long}a"))
        .send()
        .await;
    assert_eq!(code(longer), "InvalidParameterValue");
    let of_cluster = client
        .create_db_cluster_snapshot()
        .db_cluster_identifier("x")
        .db_cluster_snapshot_identifier("a".repeat(64))
        .send()
        .await;
    assert_eq!(code(of_cluster), "InvalidParameterValue");
}

#[tokio::test(start_paused = true)]
async fn tags_keep_their_rules() {
    let (_, client) = simulated(ORDERS);
    let arn = instance(&client, "orders").await.db_instance_arn().unwrap().to_owned();
    let add = |tags: Vec<aws_sdk_rds::types::Tag>| {
        client.add_tags_to_resource().resource_name(&arn).set_tags(Some(tags)).send()
    };
    for reserved in [tag("aws:key", "x"), tag("rds:key", "x"), tag("key", "aws:value")] {
        assert_eq!(code(add(vec![reserved]).await), "InvalidParameterValue");
    }
    for sign in ['!', '\'', '(', ')', ',', '#', '&', '*', '"', '\\', '<'] {
        assert_eq!(code(add(vec![tag("run", &format!("weekly{sign}"))]).await), "InvalidParameterValue", "{sign}");
        assert_eq!(code(add(vec![tag(&format!("run{sign}"), "weekly")]).await), "InvalidParameterValue", "{sign}");
    }
    for (key, value) in [(129, 1), (1, 257)] {
        let long = tag(&"k".repeat(key), &"v".repeat(value));
        assert_eq!(code(add(vec![long]).await), "InvalidParameterValue", "{key} {value}");
    }
    add(vec![tag(&"k".repeat(128), &"ü 9_.:/=+-@".repeat(23))]).await.unwrap();
    client.remove_tags_from_resource().resource_name(&arn).tag_keys("k".repeat(128)).send().await.unwrap();
    add((0..49).map(|number| tag(&format!("tag{number}"), "x")).collect()).await.unwrap();
    assert_eq!(code(add(vec![tag("one-more", "x")]).await), "InvalidParameterValue");
    add(vec![tag("team", "other")]).await.unwrap();
    client.remove_tags_from_resource().resource_name(&arn).tag_keys("tag7").send().await.unwrap();
    let listed = client.list_tags_for_resource().resource_name(&arn).send().await.unwrap();
    assert_eq!(listed.tag_list().len(), 49);
    assert!(listed.tag_list().contains(&tag("team", "other")) && !listed.tag_list().contains(&tag("tag7", "x")));
    let unknown = client.list_tags_for_resource().resource_name(arn.replace(":orders", ":nobody")).send().await;
    assert_eq!(code(unknown), "DBInstanceNotFound");
}

#[tokio::test(start_paused = true)]
async fn errors_have_their_wire_codes_and_statuses() {
    let (_, client) = simulated(ORDERS);
    let missing = client.describe_db_instances().db_instance_identifier("a&b").send().await.unwrap_err();
    assert_eq!(missing.raw_response().unwrap().status().as_u16(), 404);
    let missing = missing.into_service_error();
    assert!(missing.is_db_instance_not_found_fault());
    assert_eq!((missing.code(), missing.message()), (Some("DBInstanceNotFound"), Some("DBInstance a&b not found.")));
    let cluster = client.describe_db_clusters().db_cluster_identifier("none").send().await.unwrap_err();
    assert!(cluster.into_service_error().is_db_cluster_not_found_fault());
    let snapshot = client.describe_db_snapshots().db_snapshot_identifier("none").send().await.unwrap_err();
    assert!(snapshot.into_service_error().is_db_snapshot_not_found_fault());
    let taken = rename(&client, "orders", "orders").await.unwrap_err();
    assert_eq!(taken.raw_response().unwrap().status().as_u16(), 400);
    assert!(taken.into_service_error().is_db_instance_already_exists_fault());
}

#[tokio::test(start_paused = true)]
async fn unknown_actions_and_parameters_are_refused() {
    let (simulator, client) = simulated(ORDERS);
    let raw = |body: &'static str| {
        simulator.handle(http::Request::post("http://rds/").body(Bytes::from_static(body.as_bytes())).unwrap())
    };
    for (body, expected) in [
        ("Action=DescribeUnicorns&Version=2014-10-31", "InvalidAction"),
        ("Action=DescribeDBInstances&Version=2010-01-01", "InvalidAction"),
        ("Version=2014-10-31", "MissingAction"),
        (
            "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders&SkipFinalSnapshots=true",
            "InvalidQueryParameter",
        ),
        (
            "Action=DeleteDBInstance&Version=2014-10-31&DBInstanceIdentifier=orders&SkipFinalSnapshot=maybe",
            "MalformedInput",
        ),
        ("Action=DeleteDBInstance&Version=2014-10-31", "MissingParameter"),
    ] {
        let answer = raw(body).await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
        assert!(text.contains(&format!("<Code>{expected}</Code>")) && text.contains("<RequestId>"), "{body}: {text}");
    }
    assert_eq!(status(&client, "orders").await.as_deref(), Some("available"), "nothing was applied");
}

#[tokio::test(start_paused = true)]
async fn describe_pages_and_filters() {
    let names: Vec<String> = (10..35)
        .map(|number| {
            format!(r#"{{"identifier": "db{number}", "engine": "{}"}}"#, if number < 12 { "mysql" } else { "postgres" })
        })
        .collect();
    let (_, client) = simulated(&format!(r#"{{"instances": [{}]}}"#, names.join(",")));
    let page = client.describe_db_instances().max_records(20).send().await.unwrap();
    assert_eq!(page.db_instances().len(), 20);
    let rest = client.describe_db_instances().max_records(20).marker(page.marker().unwrap()).send().await.unwrap();
    assert_eq!((rest.db_instances().len(), rest.marker()), (5, None));
    assert_eq!(code(client.describe_db_instances().max_records(10).send().await), "InvalidParameterValue");
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let mysql = client.describe_db_instances().filters(filter("engine", "mysql")).send().await.unwrap();
    assert_eq!(mysql.db_instances().len(), 2);
    let id = instance(&client, "db20").await.dbi_resource_id().unwrap().to_owned();
    let by_id = client.describe_db_instances().filters(filter("dbi-resource-id", &id)).send().await.unwrap();
    assert_eq!(by_id.db_instances()[0].db_instance_identifier(), Some("db20"));
    assert_eq!(
        code(client.describe_db_instances().filters(filter("colour", "red")).send().await),
        "InvalidParameterValue"
    );
}
