//! Every difference in SQL between the two databases. A new one needs an argument.
//!
//! Statements are written once, with the places `$1`, `$2`, … and these tokens where the databases
//! differ:
//!
//! | token | meaning |
//! | --- | --- |
//! | `{key}` | compares with one key of a set: `WHERE hash {key}` |
//! | `{for_update}` | locks the rows that a SELECT finds; `BEGIN IMMEDIATE` has locked all of SQLite |
//! | `{keep_instances}` | keeps the instances `i` that a SELECT finds from being deleted meanwhile |
//! | `{lock_by_hash}` | the same for keys, in the order in which everybody locks them |
//! | `{skip_locked}` | the same, without the rows that another transaction has locked |
//! | `{or_ignore}` | an INSERT that skips conflicts skips all else: SQLite then keeps no journal for it |
//! | `{find}` | function: the position of the second text in the first, 0 where it is not in it |
//! | `{least}`, `{greatest}` | functions: the lesser and the greater of two numbers |
//! | `{look_up}` | a join that looks its right side up for each row of the left |
//! | `{store_bytes}` | bytes that the database takes, without a write-ahead log |

use memchr::memchr2;

use super::db::Sql;

type Token = (&'static str, &'static str);

const SQLITE: [Token; 11] = [
    ("{key}", "= ?1"),
    ("{for_update}", ""),
    ("{keep_instances}", ""),
    ("{lock_by_hash}", ""),
    ("{skip_locked}", ""),
    ("{or_ignore}", " OR IGNORE"),
    ("{find}", "instr"),
    ("{least}", "MIN"),
    ("{greatest}", "MAX"),
    // Without CROSS, SQLite may scan a table and look into the rows of the statement for each row of it.
    ("{look_up}", "CROSS JOIN"),
    ("{store_bytes}", "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"),
];

const POSTGRES: [Token; 11] = [
    // The planner takes an array of unknown length for short and uses the index; a table made of it by
    // UNNEST it takes for long, and scans.
    ("{key}", "= ANY($1)"),
    ("{for_update}", " FOR UPDATE"),
    ("{keep_instances}", " FOR KEY SHARE OF i"),
    ("{lock_by_hash}", " ORDER BY hash FOR UPDATE"),
    ("{skip_locked}", " FOR UPDATE SKIP LOCKED"),
    ("{or_ignore}", ""),
    ("{find}", "strpos"),
    ("{least}", "LEAST"),
    ("{greatest}", "GREATEST"),
    // Joins go in the order in which they are written: see `postgres`.
    ("{look_up}", "JOIN"),
    ("{store_bytes}", "SELECT pg_database_size(current_database())"),
];

/// The statement as SQLite takes it: `$1` is a name there, `?1` a place.
pub(super) fn sqlite(sql: &str) -> String {
    translated(sql, &SQLITE, '?')
}

/// The statement as PostgreSQL takes it.
pub(super) fn postgres(sql: Sql) -> Sql {
    if sql.contains('{') { translated(&sql, &POSTGRES, '$').into() } else { sql }
}

/// The text with every token replaced, and the places begun with this sign. In one pass: every
/// statement takes it.
fn translated(sql: &str, tokens: &[Token], place: char) -> String {
    let mut text = String::with_capacity(sql.len() + 32);
    let mut rest = sql;
    while let Some(at) = memchr2(b'$', b'{', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('$') {
            text.push(place);
            rest = after;
        } else {
            let (token, replacement) = tokens
                .iter()
                .find(|(token, _)| rest.starts_with(token))
                .unwrap_or_else(|| unreachable!("braces hold a token"));
            text.push_str(replacement);
            rest = &rest[token.len()..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_has_a_text_for_both() {
        for ((token, _), (other, _)) in SQLITE.iter().zip(&POSTGRES) {
            assert_eq!(token, other);
            assert!(!sqlite(token).contains('{') && !postgres((*token).into()).contains('{'));
        }
        assert_eq!(
            sqlite("SELECT a WHERE b = $12 AND c {key}"),
            "SELECT a WHERE b = ?12 AND c = ?1"
        );
    }
}
