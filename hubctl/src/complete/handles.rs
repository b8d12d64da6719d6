//! The handles that exist, asked of the hub that the typed command would ask.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};
use hub_core::api::{
    ClientQuery, FleetQuery, InstanceQuery, Limit, ListAdminKeys, ListClients, ListInstances,
};
use hub_core::text::SearchText;

use crate::cli::{Cli, Global};
use crate::client::Hub;
use crate::error::Result;
use crate::output::Out;
use crate::settings::{ContextFile, Env, Needs, Settings, Style};

/// How long a person at the tab key waits without noticing.
const PATIENCE: Duration = Duration::from_millis(150);

/// What a handle is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noun {
    Client,
    Instance,
    AdminKey,
    Context,
    /// The key of a label, with the sign that its value follows.
    Label,
}

/// The handles that begin with what is typed; none where it takes too long to know.
pub(super) fn like(noun: Noun, typed: &str) -> Vec<String> {
    let (found, handles) = mpsc::channel();
    let asked = typed.to_owned();
    // In a thread, since reading a key's file and finding a name may wait for ever; it ends with the
    // process.
    thread::spawn(move || found.send(known(noun, &asked).unwrap_or_default()));
    let mut handles = handles.recv_timeout(PATIENCE).unwrap_or_default();
    handles.retain(|handle| handle.starts_with(typed));
    handles
}

fn known(noun: Noun, typed: &str) -> Result<Vec<String>> {
    if noun == Noun::Context {
        return Ok(ContextFile::own()?.read()?.entries.into_keys().collect());
    }
    let (Some(global), env) = (global(), Env::read()) else {
        return Ok(Vec::new());
    };
    let settings = Settings::load(&global, &env, Needs::Admin)?;
    if settings.key_from_stdin() {
        return Ok(Vec::new());
    }
    let settings = settings.once_within(PATIENCE);
    let out = Out::new(Style::resolve(&Global { verbose: false, ..global }, &env)?);
    let hub = Hub::new(&settings, &out)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        return Ok(Vec::new());
    };
    let handles = runtime.block_on(ask(noun, typed, &hub));
    runtime.shutdown_background();
    handles
}

/// One page is more than anyone reads.
async fn ask(noun: Noun, typed: &str, hub: &Hub<'_>) -> Result<Vec<String>> {
    let q: Option<SearchText> = typed.parse().ok().filter(|_| noun != Noun::Label);
    let limit = Some(Limit::MAX);
    match noun {
        Noun::Client => {
            let query = ClientQuery { q, limit, ..ClientQuery::default() };
            let page = hub.call::<ListClients>("", &query, &()).await?;
            Ok(page.items.iter().map(|client| client.slug.to_string()).collect())
        }
        Noun::Instance => {
            let common = InstanceQuery { limit, ..InstanceQuery::default() };
            let query = FleetQuery { common, q, ..FleetQuery::default() };
            let page = hub.call::<ListInstances>("", &query, &()).await?;
            Ok(page.items.iter().map(|instance| instance.instance_id.to_string()).collect())
        }
        Noun::AdminKey => {
            let page = hub.call::<ListAdminKeys>("", &(), &()).await?;
            Ok(page.items.iter().map(|key| key.name.to_string()).collect())
        }
        Noun::Label => labels(hub).await,
        Noun::Context => Ok(Vec::new()),
    }
}

/// The keys of labels that objects have.
async fn labels(hub: &Hub<'_>) -> Result<Vec<String>> {
    let limit = Some(Limit::MAX);
    let common = InstanceQuery { limit, ..InstanceQuery::default() };
    let instances = FleetQuery { common, ..FleetQuery::default() };
    let clients = ClientQuery { limit, ..ClientQuery::default() };
    let instances = hub.call::<ListInstances>("", &instances, &()).await?;
    let clients = hub.call::<ListClients>("", &clients, &()).await?;
    let of_instances = instances.items.iter().flat_map(|instance| instance.labels.iter());
    let of_clients = clients.items.iter().flat_map(|client| client.labels.iter());
    let keys: BTreeSet<_> =
        of_instances.chain(of_clients).map(|(key, _)| format!("{key}=")).collect();
    Ok(keys.into_iter().collect())
}

/// The options that were typed so far, as far as they are understood.
fn global() -> Option<Global> {
    // hubctl -- hubctl -c prod instance get
    let typed: Vec<OsString> = std::env::args_os().skip_while(|arg| arg != "--").skip(1).collect();
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(typed).ok()?;
    Global::from_arg_matches(&matches).ok()
}
