//! `hubctl telemetry tools`, `series`, `errors` and `counts`.

use hub_core::api::{
    Endpoint, ListToolUsage, ListUsageCounts, ListUsageErrors, ListUsageSeries, SeriesQuery, Step,
    Usages,
};
use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use hub_core::text::Word;

use super::{Invocation, split};
use crate::cli::{SeriesArgs, SeriesStep, ToolsArgs, UsageArgs};
use crate::error::{Failure, Result};
use crate::output::Row;

/// `hubctl telemetry tools`
pub(super) async fn tools(args: &ToolsArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    if let Some(by) = args.by {
        return split::tools(by, args, invocation).await;
    }
    let usage = &args.usage;
    read::<ListToolUsage, _>(usage, &usage.query(), "no tool was used", invocation).await
}

/// `hubctl telemetry series`
pub(super) async fn series(args: &SeriesArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    let step = match args.step {
        None => None,
        Some(SeriesStep::Hour) => Some(Step::Hour),
        Some(SeriesStep::Day) => Some(Step::Day),
        Some(SeriesStep::Week | SeriesStep::Month) => return split::series(args, invocation).await,
    };
    let tool = match args.tools.as_slice() {
        [] => None,
        [tool] => Some(tool.clone()),
        _ => return split::series(args, invocation).await,
    };
    let query = SeriesQuery { common: args.usage.query(), step, tool };
    read::<ListUsageSeries, _>(&args.usage, &query, "there is no step", invocation).await
}

/// `hubctl telemetry errors`
pub(super) async fn errors(args: &UsageArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    read::<ListUsageErrors, _>(args, &args.query(), "no errors", invocation).await
}

/// `hubctl telemetry counts`
pub(super) async fn counts(args: &UsageArgs, invocation: &Invocation<'_>) -> Result<Exit> {
    read::<ListUsageCounts, _>(args, &args.query(), "no counts", invocation).await
}

async fn read<E, T>(
    args: &UsageArgs,
    query: &E::Query,
    none: &str,
    invocation: &Invocation<'_>,
) -> Result<Exit>
where
    E: Endpoint<Body = (), Reply = Usages<T>>,
    T: Row,
{
    let answer = invocation.hub()?.call::<E>("", query, &()).await;
    let usages = answer.map_err(|failure| about(failure, args))?;
    let none = format!("{none} from {} to {}", usages.since, usages.until);
    invocation.out.list(&usages.items, &none)?;
    Ok(Exit::Done)
}

/// Notes which of the two filters matches no object, so that another handle can be suggested.
fn about(failure: Failure, args: &UsageArgs) -> Failure {
    let asked = match &failure {
        failure if failure.is(ErrorCode::ClientNotFound) => args.client.as_ref(),
        failure if failure.is(ErrorCode::InstanceNotFound) => args.instance.as_ref(),
        _ => None,
    };
    let asked = asked.map(Word::as_str).map(str::to_owned);
    failure.with(|parts| parts.about = asked)
}
