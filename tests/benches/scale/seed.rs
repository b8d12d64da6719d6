//! Instances by the million, inserted straight into the database: 100 for each client, one in a hundred suspended, each
//! with a license, a hub key, a remembered report, and an hour's usage of a tool with an error and a count.

use hub_tests::{Engine, Hub};

/// Puts `n` instances into the hub's database.
pub(crate) async fn fill(hub: &Hub, n: usize) {
    let mut sql = hub.sql().await;
    let now = hub_tests::clock::now().unix_ms();
    let statements = [registry(n, now), keys_and_reports(hub.engine(), now), usage(now)];
    for statement in statements.concat() {
        sql.execute(&statement).await;
    }
    // What a server that has been up for a while has done by itself.
    if hub.engine() == Engine::Postgres {
        sql.execute("VACUUM ANALYZE").await;
    }
}

/// The handle of the `i`th.
const ID: &str = "'seed-' || CAST(i AS TEXT)";
const SEEDED: &str = "FROM instances WHERE instance_id LIKE 'seed-%'";

fn registry(n: usize, now: i64) -> Vec<String> {
    // Both databases can make numbers by a recursive query.
    let numbers = |n: usize| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})")
    };
    let clients = n.div_ceil(100).max(1);
    vec![
        format!(
            "{} INSERT INTO clients (id, slug, name, status, labels, created_at, updated_at) \
             SELECT 'client-' || CAST(i AS TEXT), {ID}, 'Seeded', 'active', '{{}}', {now}, {now} \
             FROM n",
            numbers(clients)
        ),
        format!(
            "{} INSERT INTO instances (instance_id, client, labels, entitlements, grace_days, \
             activations, suspended_at, created_at, updated_at, activated_at, last_seen_at) \
             SELECT {ID}, 'client-' || CAST(1 + i % {clients} AS TEXT), '{{}}', '[]', 0, 1, \
             CASE WHEN i % 100 = 0 THEN {now} END, {now}, {now}, {now}, {now} FROM n",
            numbers(n)
        ),
        "UPDATE instance_total SET n = (SELECT COUNT(*) FROM instances)".to_owned(),
    ]
}

fn keys_and_reports(engine: Engine, now: i64) -> Vec<String> {
    let bytes = |length: usize| match engine {
        Engine::Sqlite => format!("randomblob({length})"),
        Engine::Postgres => {
            format!("substring(sha256(CAST(random() AS TEXT)::bytea) FOR {length})")
        }
    };
    let keys = |kind: &str| {
        format!(
            "INSERT INTO instance_keys (hash, instance, kind, first_used_at) \
             SELECT {}, id, '{kind}', {now} {SEEDED}",
            bytes(32)
        )
    };
    let reports = format!(
        "INSERT INTO reports (instance, report_hash, digest, version, day) \
         SELECT id, {0}, {0}, 0, {now} / 86400000 {SEEDED}",
        bytes(16)
    );
    let newest = |kind: &str| {
        format!(
            "UPDATE instances SET {kind}_issued_at = {now}, {kind}_hash = (SELECT hash \
             FROM instance_keys WHERE instance = instances.id AND kind = '{kind}') \
             WHERE {kind}_hash IS NULL"
        )
    };
    vec![keys("license"), keys("hub"), newest("license"), newest("hub"), reports]
}

fn usage(now: i64) -> Vec<String> {
    let hour = now / 3_600_000 - 1;
    vec![
        "INSERT INTO tools (id, name) VALUES (1000, 'seeded.tool')".to_owned(),
        "INSERT INTO error_codes (id, name) VALUES (1000, 'SEEDED')".to_owned(),
        "INSERT INTO count_names (id, name) VALUES (1000, 'seeded')".to_owned(),
        format!(
            "INSERT INTO usage_hour (hour, instance, tool, calls, errors, dur_n, dur_sum_us, \
             dur_max_us) SELECT {hour}, id, 1000, 10, 1, 10, 1000, 200 {SEEDED}"
        ),
        format!(
            "INSERT INTO last_use (instance, tool, hour) SELECT id, 1000, {hour} {SEEDED} \
             UNION ALL SELECT id, -1, {hour} {SEEDED}"
        ),
        format!(
            "INSERT INTO last_use_hour (tool, hour, n) SELECT tool, hour, COUNT(*) FROM last_use \
             WHERE tool IN (1000, -1) AND hour = {hour} GROUP BY tool, hour \
             ON CONFLICT (tool, hour) DO UPDATE SET n = excluded.n"
        ),
        format!(
            "INSERT INTO fleet_hour (hour, tool, calls, errors, dur_n, dur_sum_us, dur_max_us, \
             instances) SELECT {hour}, 1000, 10 * COUNT(*), COUNT(*), 10 * COUNT(*), 1000 * COUNT(*), \
             200, COUNT(*) {SEEDED} UNION ALL SELECT {hour}, -1, 10 * COUNT(*), COUNT(*), \
             10 * COUNT(*), 1000 * COUNT(*), 200, COUNT(*) {SEEDED} \
             ON CONFLICT (hour, tool) DO UPDATE SET calls = fleet_hour.calls + excluded.calls, \
             instances = fleet_hour.instances + excluded.instances"
        ),
        format!(
            "INSERT INTO fleet_day (day, tool, calls, errors, dur_n, dur_sum_us, dur_max_us, \
             instances) SELECT hour / 24, tool, calls, errors, dur_n, dur_sum_us, dur_max_us, \
             instances FROM fleet_hour WHERE hour = {hour} AND tool IN (1000, -1) \
             ON CONFLICT (day, tool) DO UPDATE SET calls = fleet_day.calls + excluded.calls, \
             instances = fleet_day.instances + excluded.instances"
        ),
        format!(
            "INSERT INTO error_hour (hour, instance, tool, code, n) \
             SELECT {hour}, id, 1000, 1000, 1 {SEEDED}"
        ),
        format!(
            "INSERT INTO count_hour (hour, instance, name, sum_n, max_n) \
             SELECT {hour}, id, 1000, 3, 3 {SEEDED}"
        ),
    ]
}
