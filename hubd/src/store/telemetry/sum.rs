//! Sums that cannot overflow a read: SQL adds the upper and the lower bits of a column apart.

use crate::store::error::Error;
use crate::store::row::{FromRow, Row};

/// A sum of a column, up to `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum(pub(super) u64);

/// The two columns that a [`Sum`] is read from.
pub(super) fn sum(column: &str) -> String {
    format!("CAST(SUM({column} >> 24) AS BIGINT), CAST(SUM({column} & 16777215) AS BIGINT)")
}

impl FromRow for Sum {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        let (upper, lower): (u64, u64) = row.next()?;
        let sum = (u128::from(upper) << 24) + u128::from(lower);
        let most = i64::MAX.unsigned_abs();
        Ok(Self(u64::try_from(sum).unwrap_or(most).min(most)))
    }
}
