//! The time that the hubs agree on. Nothing is moved or deleted on the word of one clock alone.

use hub_core::api::DoubtedClock;
use hub_core::time::Timestamp;

use crate::domain::{Clock, Judgement, Refusal};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::Error;
use crate::store::row::{FromRow, Row};
use crate::store::sightings::GRAIN;
use crate::store::transaction::Way;

const READ: &str = "SELECT trusted_at, doubted_from, doubted_at FROM hub_clock WHERE id = 1";
const WRITE: &str =
    "UPDATE hub_clock SET trusted_at = $1, doubted_from = $2, doubted_at = $3 WHERE id = 1";

/// Instances whose last-seen time is put right in one transaction.
const SOME: i64 = 1_000;

impl FromRow for Clock {
    fn from_row(row: &mut Row<'_>) -> Result<Self, Error> {
        Ok(Self { trusted: row.next()?, doubted_from: row.next()?, doubted: row.next()? })
    }
}

impl Store {
    /// The clock that is doubted, if one is.
    pub(crate) async fn doubted_clock(&self) -> Result<Option<DoubtedClock>, Refusal> {
        let read = self.point((), |db, ()| Box::pin(async { db.one::<Clock>(READ, &[]).await }));
        let Clock { trusted, doubted_from, doubted } = read.await?;
        let doubt = trusted.zip(doubted_from).zip(doubted);
        Ok(doubt.map(|((trusted, since), says)| DoubtedClock { says, since, trusted }))
    }

    /// Judges this hub's clock by what the database saw last.
    pub(super) async fn judge_clock(&self, now: Timestamp) -> Result<Judgement, Refusal> {
        let write = self.transact(Way::Unlocked, "clock", now, |tx, now| {
            Box::pin(async {
                let clock: Clock = tx.one(format!("{READ}{{for_update}}"), &[]).await?;
                let (clock, judgement) = clock.judge(*now);
                let ms = |at: Option<Timestamp>| at.map(Timestamp::unix_ms);
                let Clock { trusted, doubted_from, doubted } = clock;
                tx.execute(WRITE, &[&ms(trusted), &ms(doubted_from), &ms(doubted)]).await?;
                Ok(judgement)
            })
        });
        write.await
    }

    /// Puts times right that were noted when a clock was ahead.
    pub(super) async fn put_times_right(&self, now: Timestamp) -> Result<(), Refusal> {
        const AHEAD: &str = "SELECT id FROM instances WHERE last_seen_at > $1 LIMIT $2";
        loop {
            let limit = now.after(GRAIN).unix_ms();
            let read = self
                .scan(limit, |db, limit| Box::pin(async { db.rows(AHEAD, &[limit, &SOME]).await }));
            let ahead: Vec<i64> = read.await?;
            if ahead.is_empty() {
                return Ok(());
            }
            let at = now.unix_ms();
            let write =
                self.transact(Way::Unlocked, "times ahead", (ahead, at), |tx, (ahead, at)| {
                    Box::pin(async { Ok(tx.set_last_seen(ahead, *at).await?) })
                });
            write.await?;
        }
    }
}

impl Db<'_> {
    async fn set_last_seen(&mut self, instances: &[i64], at: i64) -> Result<(), Error> {
        let set = format!("UPDATE instances SET last_seen_at = {at} WHERE id {{key}}");
        self.execute_by(set, instances).await
    }
}
