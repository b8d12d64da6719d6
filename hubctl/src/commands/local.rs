//! What a command works with that asks no hub, or whose subject is the settings themselves.

use crate::cli::Global;
use crate::confirm::Consent;
use crate::output::Out;
use crate::settings::{Env, Variable};

/// What such a command works with.
pub(super) struct Local<'a> {
    /// The options of every command.
    pub(super) global: &'a Global,
    /// The environment.
    pub(super) env: &'a Env,
    /// Where output goes.
    pub(super) out: &'a Out,
    /// Who answers questions.
    pub(super) consent: Consent,
    /// Never ask.
    pub(super) no_input: bool,
}

impl<'a> Local<'a> {
    /// With these options and this environment.
    pub(super) fn new(global: &'a Global, env: &'a Env, out: &'a Out) -> Self {
        let no_input = global.no_input || env.is_on(Variable::NoInput);
        Self { global, env, out, consent: Consent::of(global, no_input), no_input }
    }
}
