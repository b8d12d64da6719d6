//! Every difference between the two databases. A new one needs an argument.

/// SQLite.
pub(super) mod sqlite {
    /// Takes the one write lock at once: a deferred transaction that reads first and then writes
    /// fails when another wrote in between, and does not wait.
    pub(in crate::store) const BEGIN: &str = "BEGIN IMMEDIATE";
    /// `BEGIN IMMEDIATE` has locked the whole database.
    pub(in crate::store) const LOCK_HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
    /// A join whose right side is looked up for each row of its left one: without it SQLite scans a
    /// table and looks into the rows of a statement.
    pub(in crate::store) const LOOKING_UP: &str = "CROSS JOIN";
    /// Position of the second text in the first, 0 when it is not there.
    pub(in crate::store) const FIND: &str = "instr";
    /// Locks the rows that a SELECT finds: `BEGIN IMMEDIATE` has locked the whole database.
    pub(in crate::store) const LOCK_ROWS: &str = "";
    /// The same, without those that another transaction has locked.
    pub(in crate::store) const LOCK_FREE_ROWS: &str = "";
    /// The lesser of two numbers.
    pub(in crate::store) const LEAST: &str = "MIN";
    /// The greater of two numbers.
    pub(in crate::store) const GREATEST: &str = "MAX";
    /// Bytes that the database takes, without the write-ahead log.
    pub(in crate::store) const STORE_BYTES: &str =
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
    pub(in crate::store) use super::super::bulk::sqlite::parts;
}

/// PostgreSQL.
pub(super) mod postgres {
    pub(in crate::store) const BEGIN: &str = "BEGIN";
    /// The row lock is the write lock that all replicas share; it is held until the commit.
    pub(in crate::store) const LOCK_HEAD: &str =
        "SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE";
    /// The order of joins is the order in which they are written.
    pub(in crate::store) const LOOKING_UP: &str = "JOIN";
    pub(in crate::store) const FIND: &str = "strpos";
    pub(in crate::store) const LOCK_ROWS: &str = " FOR UPDATE";
    pub(in crate::store) const LOCK_FREE_ROWS: &str = " FOR UPDATE SKIP LOCKED";
    pub(in crate::store) const LEAST: &str = "LEAST";
    pub(in crate::store) const GREATEST: &str = "GREATEST";
    pub(in crate::store) const STORE_BYTES: &str = "SELECT pg_database_size(current_database())";
    pub(in crate::store) use super::super::bulk::postgres::parts;
}
