//! The handlers, one file for each resource. A handler takes typed input, makes one call of the domain
//! or the store, and returns typed output.

mod activation;
mod admin_keys;
mod audit;
mod catalogue;
mod clients;
mod instances;
mod own_telemetry;
mod paging;
mod service;
mod telemetry;
mod usage;

use hub_core::api::{self, Route};

use crate::call::{Answer, Exchange};
use crate::domain::Refusal;

/// The table of contents: every route and its handler. A route without a handler does not compile.
pub(crate) async fn dispatch(route: Route, exchange: Exchange<'_>) -> Result<Answer, Refusal> {
    macro_rules! handle {
        ($endpoint:ident, $handler:path) => {
            Box::pin(exchange.run::<api::$endpoint, _, _>($handler)).await
        };
    }
    match route {
        Route::Activate => handle!(Activate, activation::activate),
        Route::Validate => handle!(Validate, activation::validate),
        Route::GetSelf => handle!(GetSelf, activation::get_self),
        Route::SendReport => handle!(SendReport, telemetry::report),
        Route::GetOwnTelemetry => handle!(GetOwnTelemetry, own_telemetry::get),
        Route::GetOwnCatalogue => handle!(GetOwnCatalogue, catalogue::get_own),
        Route::GetPrivacy => handle!(GetPrivacy, service::privacy),
        Route::GetCertificateKeys => {
            handle!(GetCertificateKeys, activation::certificate_keys)
        }
        Route::GetOpenApi => handle!(GetOpenApi, service::openapi),
        Route::GetDocs => handle!(GetDocs, service::docs),
        Route::Health => handle!(Health, service::health),
        Route::Ready => handle!(Ready, service::ready),
        Route::GetVersion => handle!(GetVersion, service::version),
        Route::CreateClient => handle!(CreateClient, clients::create),
        Route::ListClients => handle!(ListClients, clients::list),
        Route::GetClient => handle!(GetClient, clients::get),
        Route::UpdateClient => handle!(UpdateClient, clients::update),
        Route::DeleteClient => handle!(DeleteClient, clients::delete),
        Route::IssueInstance => handle!(IssueInstance, instances::issue),
        Route::ListClientInstances => handle!(ListClientInstances, instances::list_of_client),
        Route::ListInstances => handle!(ListInstances, instances::list),
        Route::GetInstance => handle!(GetInstance, instances::get),
        Route::UpdateInstance => handle!(UpdateInstance, instances::update),
        Route::RotateLicense => handle!(RotateLicense, instances::rotate_license),
        Route::RotateHubKey => handle!(RotateHubKey, instances::rotate_hub_key),
        Route::SuspendInstance => handle!(SuspendInstance, instances::suspend),
        Route::ReactivateInstance => handle!(ReactivateInstance, instances::reactivate),
        Route::DeleteInstance => handle!(DeleteInstance, instances::delete),
        Route::Whoami => handle!(Whoami, admin_keys::whoami),
        Route::CreateAdminKey => handle!(CreateAdminKey, admin_keys::create),
        Route::ListAdminKeys => handle!(ListAdminKeys, admin_keys::list),
        Route::DeleteAdminKey => handle!(DeleteAdminKey, admin_keys::revoke),
        Route::ListAudit => handle!(ListAudit, audit::list),
        Route::VerifyAudit => handle!(VerifyAudit, audit::verify),
        Route::ListToolUsage => handle!(ListToolUsage, usage::tools),
        Route::ListUsageSeries => handle!(ListUsageSeries, usage::series),
        Route::ListUsageErrors => handle!(ListUsageErrors, usage::errors),
        Route::ListUsageCounts => handle!(ListUsageCounts, usage::counts),
        Route::GetCatalogue => handle!(GetCatalogue, catalogue::get),
        Route::SetCatalogue => handle!(SetCatalogue, catalogue::set),
        Route::UpdateCatalogue => handle!(UpdateCatalogue, catalogue::update),
        Route::GetStats => handle!(GetStats, service::stats),
    }
}
