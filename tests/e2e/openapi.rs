//! The description of the API: it is complete, others can read it, and it is what the hub answers. (That
//! each answer of every other test is described, the harness checks.)

use std::collections::BTreeSet;
use std::process::Command;

use hub_core::api::{Access, Route};
use hub_core::openapi::{document, operation_id};
use hub_core::problem::ErrorCode;
use hub_tests::browser::{self, Scheme};
use hub_tests::described::{resolved, validate};
use hub_tests::http::Caller;
use hub_tests::{Hub, both_stores, third_party};
use serde_json::{Value, json};

use crate::access::{furnish, request};

both_stores!(every_route_answers_as_it_is_described);

/// Each route once, with a caller that may: it says that all went well, and the harness compares the
/// answer with the description.
async fn every_route_answers_as_it_is_described(hub: Hub) {
    let target = furnish(&hub).await;
    let own = hub.instance(&hub.hub_key(&target.license_key).await);
    // What ends something comes after what needs it.
    let ends = |route: &Route| {
        let deletes = route.method() == http::Method::DELETE;
        (
            deletes,
            matches!(route, Route::RotateLicense | Route::RotateHubKey | Route::SuspendInstance),
        )
    };
    let mut routes = Route::ALL.to_vec();
    routes.sort_by_key(ends);
    for route in routes {
        let (handle, body) = request(route, &target);
        let caller: Caller = match route.access() {
            Access::Public | Access::License => hub.anonymous(),
            Access::Hub | Access::Reporter => own.clone(),
            Access::Admin(_) | Access::Open => hub.admin(),
        };
        let answer = caller.send(route.method(), &route.fill(handle), body).await;
        assert!(route.successes().contains(&answer.status), "{route:?}: {answer}");
    }
}

#[tokio::test]
async fn the_hub_serves_the_description_of_its_own_table() {
    let hub = Hub::sqlite().await;
    let served = hub.anonymous().get("/openapi.json").await.ok();
    let version = hub.anonymous().get("/version").await.ok();
    assert_eq!(served, document(version["version"].as_str().unwrap()));
    let ids: BTreeSet<String> = Route::ALL.iter().map(|route| operation_id(*route)).collect();
    assert_eq!(ids.len(), Route::ALL.len());
    let codes = served["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    assert_eq!(codes.len(), ErrorCode::ALL.len());
}

/// Every code can be answered by some route, but for those of paths that no route has.
#[test]
fn every_code_is_described_for_a_route() {
    let described: BTreeSet<ErrorCode> =
        Route::ALL.iter().flat_map(|route| route.error_codes()).collect();
    let everywhere = [ErrorCode::RouteNotFound, ErrorCode::MethodNotAllowed];
    for code in ErrorCode::ALL {
        assert!(described.contains(code) != everywhere.contains(code), "{code}");
    }
}

#[test]
fn the_examples_have_the_form_that_they_are_examples_of() {
    let document = document("tests");
    let mut examples = 0;
    let paths = document["paths"].as_object().unwrap().values();
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
        let answers = operation["responses"].as_object().unwrap().values();
        for place in answers.chain(operation.get("requestBody")) {
            let content = &resolved(place)["content"]["application/json"];
            if let Some(example) = content.get("example") {
                validate(&content["schema"], example, &operation["operationId"].to_string());
                examples += 1;
            }
        }
        let body = &operation["requestBody"];
        let optional = body["required"] != json!(true);
        let has_example = !body["content"]["application/json"]["example"].is_null();
        assert!(body.is_null() || optional || has_example, "{operation:#}");
    }
    assert!(examples > 15, "{examples}");
}

#[tokio::test]
async fn a_validator_of_others_accepts_the_description() {
    let packages = ["openapi-spec-validator==0.7.1"];
    let Some(python) = third_party::python("openapi", &packages) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document("0.0.0").to_string()).unwrap();
    let said = Command::new(python).args(["-m", "openapi_spec_validator"]).arg(&file).output();
    let said = said.unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
}

/// A generator of others makes a client of the description, and that client does the README's tour.
#[tokio::test]
async fn a_generated_client_does_the_tour() {
    let packages = ["openapi-python-client==0.29.1"];
    let Some(python) = third_party::python("generator", &packages) else { return };
    let hub = Hub::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.json"), document("0.0.0").to_string()).unwrap();
    let generator = python.with_file_name("openapi-python-client");
    let made = Command::new(generator)
        .args([
            "generate",
            "--path",
            "openapi.json",
            "--meta",
            "none",
            "--output-path",
            "hub_client",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&made.stdout);
    assert!(made.status.success() && !said.contains("WARNING parsing"), "{said}");
    let toured = Command::new(python)
        .env("PYTHONPATH", folder.path())
        .args(["-c", include_str!("openapi/tour.py"), hub.base(), hub.admin_key()])
        .output()
        .unwrap();
    assert!(toured.status.success(), "{}", String::from_utf8_lossy(&toured.stderr));
}

#[tokio::test]
async fn the_page_may_load_and_run_nothing() {
    let hub = Hub::sqlite().await;
    let page = hub.anonymous().get("/docs").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let html = page.text();
    assert!(!html.contains("<script") && html.contains("prefers-color-scheme: dark"));
    let described: Value = hub.anonymous().get("/openapi.json").await.ok();
    for name in described["components"]["schemas"].as_object().unwrap().keys() {
        assert!(html.contains(&format!("id=\"type-{name}\"")), "{name}");
    }
}

/// Where there is Chromium: on a phone and at a desk, by day and by night.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page() {
    let hub = Hub::sqlite().await;
    let page = format!("{}/docs", hub.base());
    for width in [360, 1100] {
        let Some(light) = browser::draw(&page, width, Scheme::Light, hub.dir()) else { return };
        let dark = browser::draw(&page, width, Scheme::Dark, hub.dir()).unwrap();
        // A page without its words is a tenth of that.
        assert!(light.len() > 40_000, "{} bytes", light.len());
        assert_ne!(light, dark);
    }
}
