//! A query whose conditions depend on a filter.

use super::db::{Arg, Db};
use super::error::Error;
use super::row::FromRow;

/// A query that is being put together. In each part, `$` stands for the next argument.
pub(super) struct Query<'a> {
    sql: String,
    args: Vec<Box<dyn Arg + Send + 'a>>,
    has_condition: bool,
}

impl<'a> Query<'a> {
    /// Begins with a SELECT without conditions.
    pub(super) fn new(select: &'static str) -> Self {
        Self { sql: select.to_owned(), args: Vec::new(), has_condition: false }
    }

    /// Adds a condition that takes no argument.
    pub(super) fn require(&mut self, condition: &str) {
        self.sql.push_str(if self.has_condition { " AND " } else { " WHERE " });
        self.has_condition = true;
        self.sql.push_str(condition);
    }

    /// Adds a condition on an argument.
    pub(super) fn and(&mut self, condition: &str, arg: impl Arg + Send + 'a) {
        let place = self.arg(arg);
        self.require(&condition.replacen('$', &place, 1));
    }

    /// Adds an argument, and gives its place for a condition that names it more than once.
    pub(super) fn arg(&mut self, arg: impl Arg + Send + 'a) -> String {
        self.args.push(Box::new(arg));
        format!("${}", self.args.len())
    }

    /// Adds the order and the limit, and reads the rows.
    pub(super) async fn rows<T: FromRow>(
        mut self,
        db: &mut Db<'_>,
        order: &str,
        limit: i64,
    ) -> Result<Vec<T>, Error> {
        self.args.push(Box::new(limit));
        let sql = format!("{} ORDER BY {order} LIMIT ${}", self.sql, self.args.len());
        let args: Vec<&dyn Arg> = self.args.iter().map(|arg| &**arg as &dyn Arg).collect();
        db.rows(sql, &args).await
    }
}
