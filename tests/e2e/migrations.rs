//! Two databases, one schema: both are created at the first start, and are alike.

use std::collections::BTreeSet;

use hub_tests::binaries::workspace;
use hub_tests::reports::report;
use hub_tests::sql::Sql;
use hub_tests::{Engine, Hub, both_stores};
use serde_json::json;

/// `table.column type nullability`, with PostgreSQL's names of the types.
async fn columns(sql: &mut Sql) -> BTreeSet<String> {
    let query = match sql {
        Sql::Sqlite(_) => {
            r#"SELECT m.name || '.' || p.name || ' '
                 || CASE p.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea'
                                ELSE lower(p.type) END
                 || CASE p."notnull" WHEN 1 THEN ' not null' ELSE '' END
               FROM sqlite_schema m JOIN pragma_table_info(m.name) p
               WHERE m.type = 'table' AND m.name NOT LIKE '\_sqlx%' ESCAPE '\'
                 AND m.name NOT LIKE 'sqlite%'"#
        }
        Sql::Postgres(_) => {
            r"SELECT table_name || '.' || column_name || ' ' || data_type
                 || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END
               FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name NOT LIKE '\_sqlx%'"
        }
    };
    sql.texts(query).await.into_iter().collect()
}

/// `table(column, …)` of every unique key, `partial` when it has a condition.
async fn unique_keys(sql: &mut Sql) -> BTreeSet<String> {
    let query = match sql {
        Sql::Sqlite(_) => {
            r#"SELECT name || '|' || key || '|' || columns FROM (
                 SELECT m.name, i.partial AS key,
                   (SELECT group_concat(name, ',') FROM pragma_index_info(i.name)) AS columns
                 FROM sqlite_schema m JOIN pragma_index_list(m.name) i ON i."unique" = 1
                 WHERE m.type = 'table'
                 UNION
                 SELECT m.name, 0, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p
                 WHERE m.type = 'table' AND p.pk = 1
                   AND (SELECT COUNT(*) FROM pragma_table_info(m.name) WHERE pk > 0) = 1)
               WHERE name NOT LIKE '\_sqlx%' ESCAPE '\' AND name NOT LIKE 'sqlite%'"#
        }
        Sql::Postgres(_) => {
            r"SELECT c.relname || '|' || (x.indpred IS NOT NULL)::int || '|' ||
                 (SELECT string_agg(a.attname, ',' ORDER BY k.at)
                  FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, at)
                  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number)
               FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
               WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace
                 AND c.relname NOT LIKE '\_sqlx%'"
        }
    };
    sql.texts(query).await.into_iter().collect()
}

#[tokio::test]
async fn both_schemas_have_the_same_tables_columns_and_unique_keys() {
    let (sqlite, postgres) = (Hub::sqlite().await, Hub::postgres().await);
    let (mut lite, mut big) = (sqlite.sql().await, postgres.sql().await);
    let of_sqlite = columns(&mut lite).await;
    assert!(of_sqlite.contains("instances.instance_id text not null"), "{of_sqlite:#?}");
    assert_eq!(of_sqlite, columns(&mut big).await);
    let of_sqlite = unique_keys(&mut lite).await;
    assert!(of_sqlite.contains("instances|0|instance_id"), "{of_sqlite:#?}");
    assert_eq!(of_sqlite, unique_keys(&mut big).await);
}

#[tokio::test]
async fn both_name_the_same_migrations() {
    let (sqlite, postgres) = (Hub::sqlite().await, Hub::postgres().await);
    let names = "SELECT version || ' ' || description FROM _sqlx_migrations ORDER BY version";
    let of_sqlite = sqlite.sql().await.texts(names).await;
    assert!(!of_sqlite.is_empty());
    assert_eq!(of_sqlite, postgres.sql().await.texts(names).await);
    for engine in ["sqlite", "postgres"] {
        let folder = workspace().join("migrations").join(engine);
        let files = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(of_sqlite.len(), files, "a migration of {engine} is not embedded");
    }
    for hub in [&sqlite, &postgres] {
        let version = hub.anonymous().get("/version").await.ok();
        let newest = hub.sql().await.number("SELECT MAX(version) FROM _sqlx_migrations").await;
        assert_eq!(version["schema"], newest);
    }
}

both_stores!(
    a_second_start_changes_nothing,
    a_schema_newer_than_the_program_is_refused,
    the_newest_keys_move_to_their_instances,
    digests_of_reports_stay_and_go_with_their_instance,
    instances_are_counted_once_and_their_number_is_kept,
);

async fn a_second_start_changes_nothing(mut hub: Hub) {
    hub.client("acme").await;
    let applied = "SELECT COUNT(*) FROM _sqlx_migrations";
    let before = hub.sql().await.number(applied).await;
    hub.restart();
    assert_eq!(hub.sql().await.number(applied).await, before);
    hub.admin().get("/api/v1/admin/clients/acme").await.expect(200).done();
}

async fn a_schema_newer_than_the_program_is_refused(mut hub: Hub) {
    assert!(hub.stop().success());
    let newer = "UPDATE _sqlx_migrations SET version = 99990000000000 WHERE version = \
        (SELECT MAX(version) FROM _sqlx_migrations)";
    assert_eq!(hub.sql().await.execute(newer).await, 1);
    let (status, said) = hub.launch_refused();
    assert!(!status.success());
    assert!(said.contains("99990000000000") || said.contains("newer"), "{said}");
}

/// Back to the ninth schema, in which instances were counted for each answer.
const WITHOUT_TOTAL: &str = "\
     DROP TABLE instance_total; \
     DELETE FROM _sqlx_migrations WHERE version >= 10";

/// Back to the eighth schema, whose indexes were wider.
const WITH_WIDE_INDEXES: &str = "\
     DROP INDEX audit_events_target; \
     CREATE INDEX audit_events_target ON audit_events (target, seq); \
     DROP INDEX instance_keys_instance; \
     CREATE INDEX instance_keys_instance ON instance_keys (instance); \
     DELETE FROM _sqlx_migrations WHERE version >= 9";

/// Back to the seventh schema, in which digests of reports had an index by day.
const WITH_DIGESTS_BY_DAY: &str = "\
     ALTER TABLE telemetry_horizon DROP COLUMN digests_from; \
     CREATE INDEX reports_day ON reports (day); \
     DELETE FROM _sqlx_migrations WHERE version >= 8";

/// And each digest was checked against its instance. SQLite's table is made anew.
const WITH_INSTANCES_OF_DIGESTS: &str = "\
     ALTER TABLE reports ADD CONSTRAINT reports_instance_fkey FOREIGN KEY (instance) \
         REFERENCES instances (id) ON DELETE CASCADE";

/// Back to the sixth schema, in which an instance's keys stood in their own table alone.
const WITHOUT_NEWEST_KEYS: &str = "\
     ALTER TABLE instance_keys ADD COLUMN issued_at BIGINT NOT NULL DEFAULT 0; \
     UPDATE instance_keys SET issued_at = (SELECT CASE instance_keys.kind WHEN 'hub' \
         THEN hub_issued_at ELSE license_issued_at END FROM instances i \
         WHERE i.id = instance_keys.instance) WHERE instance IS NOT NULL; \
     ALTER TABLE instances DROP COLUMN license_hash; \
     ALTER TABLE instances DROP COLUMN license_issued_at; \
     ALTER TABLE instances DROP COLUMN hub_hash; \
     ALTER TABLE instances DROP COLUMN hub_issued_at; \
     DELETE FROM _sqlx_migrations WHERE version >= 7";

/// Stops the hub, takes its schema back, and starts it again.
async fn migrate_again(hub: &mut Hub, back: &[&str]) {
    assert!(hub.stop().success());
    let int = if hub.engine() == Engine::Sqlite { "INTEGER" } else { "BIGINT" };
    let mut sql = hub.sql().await;
    sql.script(WITHOUT_TOTAL).await;
    sql.script(WITH_WIDE_INDEXES).await;
    sql.script(WITH_DIGESTS_BY_DAY).await;
    if hub.engine() == Engine::Postgres {
        sql.script(WITH_INSTANCES_OF_DIGESTS).await;
    }
    for script in back {
        sql.script(&script.replace("BIGINT", int)).await;
    }
    drop(sql);
    hub.launch();
}

async fn the_newest_keys_move_to_their_instances(mut hub: Hub) {
    const ALL: &str = "/api/v1/admin/instances";
    hub.client("acme").await;
    hub.issue("acme", "acme-pending").await;
    let active = hub.issue("acme", "acme-active").await;
    hub.hub_key(&active.license_key).await;
    let newest = hub.hub_key(&active.license_key).await;
    let before = hub.admin().get(ALL).await.expect(200).json();
    migrate_again(&mut hub, &[WITHOUT_NEWEST_KEYS]).await;
    assert_eq!(hub.admin().get(ALL).await.expect(200).json(), before);
    hub.instance(&newest).get("/api/v1/instances/self").await.expect(200).done();
}

async fn digests_of_reports_stay_and_go_with_their_instance(mut hub: Hub) {
    const DIGESTS: &str = "SELECT COUNT(*) FROM reports";
    hub.client("acme").await;
    let (gone, stays) = (hub.reporter("acme", "gone").await, hub.reporter("acme", "stays").await);
    let sent = report();
    for instance in [&gone, &stays] {
        assert_eq!(instance.report(&sent).await["duplicate"], false);
    }
    migrate_again(&mut hub, &[]).await;
    for (id, key) in [("gone", &gone.hub_key), ("stays", &stays.hub_key)] {
        let again = hub.reporter_with(id, key).report(&sent).await;
        assert_eq!(again["duplicate"], true, "{id}");
    }
    hub.admin().delete("/api/v1/admin/instances/gone").await.expect(204).done();
    assert_eq!(hub.sql().await.number(DIGESTS).await, 1);
    let other = hub.reporter_with("stays", &stays.hub_key).report(&report()).await;
    assert_eq!(other["duplicate"], false);
}

async fn instances_are_counted_once_and_their_number_is_kept(mut hub: Hub) {
    let total = async |hub: &Hub| {
        let stats = hub.admin().get("/api/v1/admin/stats").await.ok();
        stats["instances"]["total"].as_u64().unwrap()
    };
    assert_eq!(total(&hub).await, 0);
    for client in ["acme", "other"] {
        hub.client(client).await;
        hub.issue(client, &format!("{client}-1")).await;
        hub.issue(client, &format!("{client}-2")).await;
    }
    let taken = json!({"instance_id": "acme-1"});
    hub.admin().post("/api/v1/admin/clients/acme/instances", taken).await.expect(409).done();
    assert_eq!(total(&hub).await, 4);
    migrate_again(&mut hub, &[]).await;
    assert_eq!(total(&hub).await, 4);
    hub.admin().delete("/api/v1/admin/instances/acme-1").await.expect(204).done();
    assert_eq!(total(&hub).await, 3);
    hub.admin().delete("/api/v1/admin/clients/other?cascade=true").await.expect(204).done();
    assert_eq!(total(&hub).await, 1);
}
